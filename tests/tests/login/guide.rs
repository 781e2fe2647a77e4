//! The guides to security and to faults name a test in each row of their tables, and so does the list of the faults of
//! others: here they can't rot.

use std::{collections::BTreeSet, fs, path::Path};

const SECURITY: &str = include_str!("../../../session-axum/src/guide/security.md");
const FAULTS: &str = include_str!("../../../session-axum/src/guide/faults.md");
const FAULTS_OF_OTHERS: &str = include_str!("../../FAULTS.md");

/// The rows of all tables: cells without the bars; the security guide's heading is no row.
fn rows(guide: &'static str) -> Vec<Vec<&'static str>> {
    let rows = guide
        .lines()
        .filter_map(|line| line.trim().strip_prefix('|'));
    let rows = rows.map(|row| {
        row.trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    });
    rows.filter(|row| !row[0].starts_with("---") && !row[0].is_empty() && row[0] != "row")
        .collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The names of all functions in a directory's sources that follow a `#[..test..]`.
fn tests_below(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("text");
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                let function = line.strip_prefix("async fn ").or(line.strip_prefix("fn "));
                match function {
                    Some(function) if is_test => {
                        let name = function.split('(').next().unwrap_or_default();
                        found.insert(name.to_owned());
                        is_test = false;
                    }
                    Some(_) => is_test = false,
                    None => is_test |= line.starts_with("#[") && line.contains("test"),
                }
            }
        }
    }
}

/// The tests of all packages, and the rules of the suite for stores.
pub(crate) fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = BTreeSet::new();
    for directory in [
        "tests/tests",
        "session-core",
        "session-axum",
        "session-macros",
        "session-redis",
        "session-sqlx",
        "examples",
    ] {
        tests_below(&root.join(directory), &mut tests);
    }
    let suite = fs::read_dir(root.join("session-core/src/conformance")).expect("the suite");
    for file in suite {
        let source = fs::read_to_string(file.expect("an entry").path()).expect("text");
        let rules = source.split("pub async fn ").skip(1);
        let rules = rules.filter_map(|rule| rule.split_once('<'));
        tests.extend(rules.map(|(name, _)| name.to_owned()));
    }
    assert!(tests.contains("every_test_that_the_security_guide_names_exists"));
    tests
}

/// How many tests these rows name in their last column; each exists.
fn named_tests(rows: &[Vec<&str>]) -> usize {
    let tests = tests();
    let named = rows.iter().flat_map(|row| quoted(row[row.len() - 1]));
    let named: Vec<_> = named.collect();
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !tests.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    named.len()
}

#[test]
fn every_test_that_the_security_guide_names_exists() {
    let named = named_tests(&rows(SECURITY));
    assert!(named > 80, "{named}");
}

#[test]
fn every_row_of_the_fault_guide_names_a_test_that_exists() {
    const HEAD: &str = "| store | fault | struck at | answer to that request | while it lasts | afterwards | tests |";
    let (_, table) = FAULTS.split_once(HEAD).expect("the table");
    let rows = rows(table);
    assert!(rows.len() > 20, "{}", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 7, "{row:?}");
        assert!(quoted(row[6]).next().is_some(), "{row:?}");
    }
    named_tests(&rows);
}

#[test]
fn the_security_guide_has_every_row_once_and_each_has_a_test_or_says_why_not() {
    let rows = rows(SECURITY);
    let wanted = [
        ("A", 26),
        ("N", 13),
        ("R", 15),
        ("C", 3),
        ("O", 10),
        ("H", 4),
        ("T", 17),
    ];
    let wanted = wanted
        .into_iter()
        .flat_map(|(letter, last)| (1..=last).map(move |at| format!("{letter}{at}")));
    let wanted: Vec<_> = wanted.collect();
    let ids: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(ids, wanted);
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let tests = row[3];
        assert!(
            quoted(tests).next().is_some() || tests.starts_with("none: "),
            "{row:?}"
        );
    }
}

#[test]
fn the_faults_of_others_are_there_once_each_with_one_to_three_tests_that_exist() {
    let rows = rows(FAULTS_OF_OTHERS);
    let wanted: Vec<_> = (1..=44).map(|at| format!("S{at}")).collect();
    let ids: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(ids, wanted);
    for row in &rows {
        assert_eq!(row.len(), 3, "{row:?}");
        assert!((1..=3).contains(&quoted(row[2]).count()), "{row:?}");
    }
    named_tests(&rows);
}
