//! Several views of one session that claim the same field, and one with a field that nobody can write.

use axum::{Router, routing::get};
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error, SerializeSeq},
};
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

/// Writes the beginning of a list before it fails.
#[derive(Clone, Default, Deserialize)]
struct Torn;

impl Serialize for Torn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&1)?;
        Err(S::Error::custom("torn"))
    }
}

#[derive(SessionData)]
struct Tattered {
    torn: Torn,
    visits: u64,
}

#[tokio::test]
async fn a_field_that_can_not_be_written_and_was_not_changed_is_in_nobody_s_way() {
    let store = SpyStore::new();
    let visit = async |view: TypedSession<Tattered>| {
        view.update(|view| {
            view.visits += 1;
            view.visits.to_string()
        })
        .await
    };
    let browser = browse(&store, Router::new().route("/visit", get(visit)));
    for visits in ["1", "2"] {
        assert_eq!(browser.get("/visit").await.body, visits);
        assert_eq!(stored(&store, "visits").await.as_deref(), Some(visits));
        assert_eq!(stored(&store, "torn").await, None);
    }
}
