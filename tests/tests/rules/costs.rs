//! What a request costs: the table of the guide to the stores.

use axum::{Router, routing::get};
use session_axum::Session;
use session_tests::{Call, SpyStore};

use crate::common::{HOUR, browse, timed};

const GUIDE: &str = include_str!("../../../session-axum/src/guide/stores.md");

/// A row of the table, by what each call costs on its own: `each_call_is_one_round_trip_and_a_refused_commit_two` on
/// PostgreSQL, and `each_operation_sends_what_the_table_says` on Redis, where the load of an owned session takes another
/// trip.
fn row(request: &str, calls: &[Call]) -> String {
    let names: Vec<_> = calls
        .iter()
        .map(|call| format!("{call:?}").to_lowercase())
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let trips = calls.len();
    let owned = trips + calls.iter().filter(|call| **call == Call::Load).count();
    format!("| {request} | {names} | {trips} | {trips} | {owned} |")
}

fn assert_costs(store: &SpyStore, request: &str) {
    let row = row(request, &store.calls());
    assert!(GUIDE.lines().any(|line| line == row), "{row}");
}

#[tokio::test]
async fn each_kind_of_request_costs_what_the_guide_says() {
    let (clock, store) = timed();
    let routes =
        || Router::new().route("/log-out", get(async |session: Session| session.destroy()));
    let browser = browse(&store, routes());
    for (path, request) in [
        ("/plain", "uses no session"),
        ("/read", "newcomer who only reads"),
        ("/count/1", "first write"),
        ("/plain", "uses no session"),
        ("/read", "read"),
        ("/count/2", "write"),
        ("/increment", "update"),
        ("/owner/ada", "log-in"),
        ("/read", "read"),
        ("/count/2", "write"),
    ] {
        browser.get(path).await;
        assert_costs(&store, request);
    }
    clock.advance(2 * HOUR);
    browser.get("/read").await;
    assert_costs(&store, "read that renews the expiry");
    browser.get("/log-out").await;
    assert_costs(&store, "log-out");
    browse(&store, routes()).get("/owner/bob").await;
    assert_costs(&store, "log-in of a newcomer");
}

#[test]
fn the_lines_for_each_store_are_those_of_the_example() {
    const EXAMPLE: &str = include_str!("../../../examples/counter/src/stores.rs");
    // What stands around them in an application of one store.
    const AROUND: [&str; 4] = [
        "export ",
        "cargo run",
        "use ",
        "let layer = SessionLayer::new(store, Key::from_env(\"SESSION_KEY\")?);",
    ];
    let blocks = GUIDE.split("```").skip(1).step_by(2);
    let mut lines = 0;
    for line in blocks.flat_map(|block| block.lines().skip(1)) {
        if !line.is_empty() && !AROUND.iter().any(|around| line.starts_with(around)) {
            assert!(EXAMPLE.lines().any(|it| it.trim() == line), "{line}");
            lines += 1;
        }
    }
    assert_eq!(lines, 11);
}
