//! The tables of the guide's page on observability: what they say is told, and what is told they say.

mod recorder;
mod situations;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use recorder::{Recorder, Told};
use session_axum::{AtLimit, MemoryStore, StoreError};
use session_tests::Call;

use crate::common::{HOUR, SECOND, browse, layer, timed};

const GUIDE: &str = include_str!("../../../session-axum/src/guide/observability.md");
const DEPLOYMENT: &str = include_str!("../../../session-axum/src/guide/deployment.md");

/// The rows of the table under this heading: cells without the bars, and without the backticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    rows_of(GUIDE, heading)
}

fn rows_of(guide: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = guide.split_once(heading).expect("a heading");
    let below = below.split("\n# ").next().unwrap_or_default();
    let rows = below.lines().filter_map(|line| line.strip_prefix('|'));
    let cells = |row: &str| -> Vec<String> {
        let row = row.trim_end().trim_end_matches('|');
        row.split('|')
            .map(|cell| cell.trim().replace('`', ""))
            .collect()
    };
    rows.map(cells)
        .filter(|row| !row[0].starts_with("---") && row[0] != "name")
        .collect()
}

/// A cell's members, in order.
fn list(cell: &str) -> Vec<String> {
    let members = cell.split(',').map(|member| member.trim().to_owned());
    let mut members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
    members.sort_unstable();
    members
}

/// What the tables promise.
fn promised() -> BTreeSet<Told> {
    let mut promised = BTreeSet::new();
    let mut promise = |told| assert!(promised.insert(told), "a row stands there twice");
    for (heading, kind) in [("# Events\n", "event"), ("# The span\n", "span")] {
        for row in rows(heading) {
            promise(Told {
                kind: kind.to_owned(),
                name: row[0].clone(),
                detail: row[1].clone(),
                members: list(&row[2]),
            });
        }
    }
    for row in rows("# Metrics\n") {
        promise(Told {
            kind: row[1].clone(),
            name: row[0].clone(),
            detail: row[2].clone(),
            members: list(&row[3]),
        });
    }
    promised
}

#[tokio::test(start_paused = true)]
async fn the_tables_of_the_guide_are_what_is_told() {
    let recorder = Recorder::default();
    let listening = recorder.listen();
    situations::all().await;
    drop(listening);
    let (promised, told) = (promised(), recorder.told());
    let missing: Vec<_> = promised.difference(&told).collect();
    let unknown: Vec<_> = told.difference(&promised).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "in the tables, but never told: {missing:#?}\ntold, but not in the tables: {unknown:#?}"
    );
}

#[tokio::test]
async fn each_event_counts_once_and_under_its_own_label() {
    let recorder = Recorder::default();
    let _listening = recorder.listen();
    let (clock, store) = timed();
    let browser = browse(layer(&store).rotate_every(HOUR));
    for path in ["/write/a/1", "/visit", "/log_in/ada", "/rotate"] {
        browser.get(path).await;
    }
    // Two periodic rotations at once, of which one takes place.
    clock.advance(HOUR);
    let mut sent = store.hold(Call::Commit);
    let slow = browser.copy().start("/whoami");
    sent.reached().await;
    browser.get("/whoami").await;
    clock.advance(SECOND);
    sent.release();
    slow.await.expect("runs");
    store.fail(Call::Load, StoreError::unavailable("down"));
    browser.get("/whoami").await;

    let counts = recorder.counts();
    let counts: Vec<_> = counts
        .iter()
        .map(|((name, label), times)| (name.as_str(), label.as_str(), *times))
        .collect();
    assert_eq!(
        counts,
        [
            ("session_commits_total", "applied", 5),
            ("session_created_total", "", 1),
            ("session_loads_total", "failed", 1),
            ("session_loads_total", "live", 5),
            ("session_rotated_total", "explicit", 1),
            ("session_rotated_total", "owner", 1),
            ("session_rotated_total", "period", 1),
            ("session_store_failures_total", "load", 1),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_given_up_tried_again_or_let_go_counts_once() {
    let recorder = Recorder::default();
    let _listening = recorder.listen();
    let (_, store) = timed();
    let one = layer(&store).max_sessions_per_owner(1, AtLimit::Reject);
    let (first, second) = (browse(one.clone()), browse(one.clone()));
    first.get("/log_in/ada").await;
    second.get("/log_in/ada").await;
    let mut sent = store.hold(Call::Commit);
    let outrun = first.start("/visit");
    sent.reached().await;
    first.get("/write/a/1").await;
    sent.release();
    outrun.await.expect("runs");
    let sessions = one.sessions();
    for owner in ["nobody", "ada"] {
        sessions.revoke_all(owner).await.expect("revokes");
    }
    let small = MemoryStore::builder().max_sessions(1).build();
    for _ in 0..2 {
        browse(layer(&small)).get("/write/a/1").await;
    }
    let counts = recorder.counts();
    let count = |name: &str, label: &str| counts.get(&(name.to_owned(), label.to_owned()));
    for (name, label) in [
        ("session_limit_refusals_total", ""),
        ("session_update_retries_total", ""),
        ("session_destroyed_total", "revoked"),
        ("session_evicted_total", ""),
    ] {
        assert_eq!(count(name, label), Some(&1), "{name}");
    }

    first.get("/log_in/eve").await;
    store.be_contended();
    first.get("/visit").await;
    let contended = ("session_contended_total".to_owned(), String::new());
    assert_eq!(recorder.counts().get(&contended), Some(&1));
}

#[tokio::test]
async fn who_had_no_sessions_is_not_told_as_revoked() {
    let recorder = Recorder::default();
    let _listening = recorder.listen();
    let (_, store) = timed();
    let sessions = layer(&store).sessions();
    assert_eq!(sessions.revoke_all("nobody").await.expect("revokes"), 0);
    assert_eq!(recorder.counts(), BTreeMap::new());
}

#[test]
fn what_is_to_be_watched_is_told_at_these_levels() {
    let told: BTreeSet<_> = rows("# Events\n")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let watched = rows_of(DEPLOYMENT, "# What to watch\n");
    assert!(watched.len() > 5, "{watched:?}");
    for row in watched {
        for name in list(&row[0]) {
            assert!(told.contains(&(name, row[1].clone())), "{row:?}");
        }
    }
}

/// What no situation here reaches must not hide: each name in the sources has its row, and no event is without a name.
#[test]
fn every_event_has_its_name_in_one_file_and_its_row_in_the_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut in_sources = BTreeSet::new();
    for (directory, at_home) in [
        ("session-core/src", true),
        ("session-axum/src", true),
        ("session-sqlx/src", false),
    ] {
        for (path, source) in sources(&root.join(directory)) {
            let is_home = path.ends_with("observe.rs");
            let tells = ["event", "error", "warn", "info", "debug", "trace"]
                .iter()
                .map(|level| source.matches(&format!("tracing::{level}!(")).count())
                .sum::<usize>();
            assert!(is_home || !at_home || tells == 0, "{}", path.display());
            let names: Vec<_> = source
                .split('"')
                .filter(|text| text.starts_with("session.") && !text.contains(char::is_whitespace))
                .collect();
            assert!(at_home || tells == names.len(), "{}", path.display());
            in_sources.extend(names.into_iter().map(str::to_owned));
        }
    }
    let rows = rows("# Events\n").into_iter().chain(rows("# The span\n"));
    let mut listed: BTreeSet<_> = rows.map(|row| row[0].clone()).collect();
    for of_sql in ["session.sweep_failed", "session.left_out"] {
        assert!(GUIDE.contains(&format!("`{of_sql}`")), "{of_sql}");
        listed.insert(of_sql.to_owned());
    }
    assert_eq!(in_sources, listed);
}

fn sources(directory: &Path) -> Vec<(std::path::PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("text");
            found.push((path, source));
        }
    }
    found
}
