//! What the pages of the guide claim is tested: each test that they name exists, in tables and in prose.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::guide::tests;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page by its file's name, and the one for authors of stores, which lives with the contract.
fn pages() -> BTreeMap<String, String> {
    let guide = fs::read_dir(root().join("session-axum/src/guide")).expect("the guide");
    let pages = guide.map(|entry| entry.expect("an entry").path());
    let pages = pages.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .chain([root().join("session-core/src/writing_a_store.md")])
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("text");
            (name.into_owned(), text)
        })
        .collect()
}

/// What stands in backticks, outside of examples.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// Names of tests are sentences; no option or method has so many words.
fn is_sentence(name: &str) -> bool {
    let is_word = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    name.matches('_').count() >= 4 && name.chars().all(|at| is_word(at) || at == '_')
}

#[test]
fn every_test_that_a_page_of_the_guide_names_exists() {
    let tests = tests();
    let pages = pages();
    let mut named = 0;
    let mut missing = Vec::new();
    for (page, text) in &pages {
        for name in quoted(text).filter(|name| is_sentence(name)) {
            named += 1;
            if !tests.contains(name) {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    assert!(pages.len() > 10 && named > 200, "{} {named}", pages.len());
}

/// What a cell of the column `tests` names, there or in its notes: `[^7]` stands for the line `[^7]: ..`.
fn named<'a>(cell: &'a str, page: &'a str) -> Vec<&'a str> {
    let notes = page.lines().filter(|line| {
        let note = line.split_once("]: ").map(|(note, _)| note);
        note.is_some_and(|note| note.starts_with("[^") && cell.contains(&format!("{note}]")))
    });
    notes.chain([cell]).flat_map(quoted).collect()
}

#[test]
fn every_row_of_a_table_with_a_column_of_tests_names_one_or_says_why_not() {
    let tests = tests();
    let mut rows = 0;
    for (page, text) in &pages() {
        let mut is_tested = false;
        for line in text.lines() {
            let Some(cells) = line.strip_prefix('|') else {
                is_tested = false;
                continue;
            };
            let last = cells.trim_end_matches('|').rsplit('|').next();
            let last = last.unwrap_or_default().trim();
            if last == "tests" {
                is_tested = true;
            } else if is_tested && !last.starts_with("---") {
                let names = named(last, text);
                assert!(
                    !names.is_empty() || last.starts_with("none: "),
                    "{page}: {line}"
                );
                for name in names {
                    assert!(tests.contains(name), "{page}: {name}");
                }
                rows += 1;
            }
        }
    }
    assert!(rows > 100, "{rows}");
}
