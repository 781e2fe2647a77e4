//! Several views of one session that claim the same field.

use axum::{Router, routing::get};
use session_axum::{SessionData, TypedSession};
use session_tests::{Log, SpyStore};

use crate::common::{browse, stored};

/// One library's idea of it.
#[derive(SessionData)]
struct Named {
    theme: String,
    visits: u8,
}

/// Another one's.
#[derive(SessionData)]
struct Numbered {
    theme: u32,
    visits: u64,
}

#[derive(SessionData)]
struct Demanding {
    #[session(strict)]
    theme: u32,
}

#[tokio::test]
async fn of_two_views_with_different_types_for_one_field_the_last_writer_s_reads_it() {
    let store = SpyStore::new();
    let routes = Router::new()
        .route(
            "/name",
            get(async |named: TypedSession<Named>| named.set_theme("dark".to_owned())),
        )
        .route(
            "/both",
            get(
                async |named: TypedSession<Named>, numbered: TypedSession<Numbered>| {
                    format!("{:?} {}", named.theme(), numbered.theme())
                },
            ),
        )
        .route(
            "/number",
            get(
                async |named: TypedSession<Named>, numbered: TypedSession<Numbered>| {
                    numbered.set_theme(7);
                    format!("{:?} {}", named.theme(), numbered.theme())
                },
            ),
        )
        .route(
            "/demand",
            get(async |view: TypedSession<Demanding>| view.theme().to_string()),
        );
    let browser = browse(&store, routes);
    browser.get("/name").await;
    let log = Log::start();
    assert_eq!(browser.get("/both").await.body, "\"dark\" 0");
    let lines = log.lines();
    let named = lines
        .lines()
        .find(|line| line.contains("does not decode") && line.contains("theme"));
    assert!(named.is_some_and(|line| line.contains("u32")), "{lines}");
    assert_eq!(browser.get("/demand").await.status.as_u16(), 500);
    // Reading changed nothing; and what is set is seen at once, by both.
    assert_eq!(stored(&store, "theme").await.as_deref(), Some("\"dark\""));
    assert_eq!(browser.get("/number").await.body, "\"\" 7");
    assert_eq!(stored(&store, "theme").await.as_deref(), Some("7"));
    assert_eq!(browser.get("/demand").await.body, "7");
}

#[tokio::test]
async fn two_views_may_share_a_field_whose_values_both_read() {
    let store = SpyStore::new();
    let routes = Router::new().route(
        "/visit",
        get(
            async |one: TypedSession<Named>, other: TypedSession<Numbered>| {
                one.set_visits(one.visits() + 1);
                other.set_visits(other.visits() + 1);
                format!("{} {}", one.visits(), other.visits())
            },
        ),
    );
    let browser = browse(&store, routes);
    assert_eq!(browser.get("/visit").await.body, "2 2");
    assert_eq!(browser.get("/visit").await.body, "4 4");
}
