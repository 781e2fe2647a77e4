//! R7: equal is unchanged.

use std::collections::HashMap;

use axum::{Router, extract::Path, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use session_axum::{Session, SessionData, SessionError, TypedSession};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{Visit, Visits, browse, stored};

/// Serializes in this order, unlike [`Swapped`].
#[derive(Clone, Default, Serialize, Deserialize)]
struct Point {
    x: u8,
    y: u8,
}

#[derive(Serialize)]
struct Swapped {
    y: u8,
    x: u8,
}

#[derive(SessionData)]
struct Drawing {
    point: Point,
    weights: HashMap<String, u8>,
    total: u64,
    #[session(default = Some("en".to_owned()))]
    lang: Option<String>,
}

type Drawings = TypedSession<Drawing>;

fn weights() -> HashMap<String, u8> {
    (0..20).map(|n| (n.to_string(), n)).collect()
}

/// A session with values of all kinds, one of which is no `Point`.
async fn drawing(store: &SpyStore, routes: Router) -> Browser {
    let routes = routes.route(
        "/begin/{total}",
        get(async |drawing: Drawings, Path(total): Path<String>| {
            drawing.set_point(Point { x: 1, y: 2 });
            drawing.set_weights(weights());
            let number = total.parse::<u64>().map(Value::from);
            drawing
                .session()
                .insert("total", number.unwrap_or(Value::from(total)));
        }),
    );
    let browser = browse(store, routes);
    browser.get("/begin/7").await;
    assert_eq!(store.calls(), [Call::Create]);
    browser
}

#[tokio::test]
async fn setting_the_stored_value_again_sends_nothing() {
    let store = SpyStore::new();
    let handler = async |drawing: Drawings, visit: Visits| {
        drawing.set_point(Point { x: 1, y: 2 });
        drawing.set_weights(weights());
        drawing.set_state(drawing.state());
        drawing.session().insert("point", json!({ "y": 2, "x": 1 }));
        drawing.session().insert("point", Swapped { y: 2, x: 1 });
        visit.remove_count();
        visit.take_name();
    };
    let browser = drawing(&store, Router::new().route("/again", get(handler))).await;
    let answer = browser.get("/again").await;
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn a_value_that_was_changed_and_set_back_sends_nothing() {
    let store = SpyStore::new();
    let handler = async |drawing: Drawings| {
        drawing.set_total(8);
        drawing.remove_total();
        drawing.clear();
        drawing.set_total(7);
        drawing.set_weights(weights());
        drawing.set_point(Point { x: 1, y: 2 });
    };
    let browser = drawing(&store, Router::new().route("/back", get(handler))).await;
    browser.get("/back").await;
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn a_value_that_differs_in_its_least_part_is_sent() {
    let store = SpyStore::new();
    let handler = async |drawing: Drawings| {
        let mut weights = weights();
        weights.insert("19".to_owned(), 20);
        drawing.set_weights(weights);
        drawing.set_point(Point { x: 2, y: 1 });
    };
    let browser = drawing(&store, Router::new().route("/differ", get(handler))).await;
    browser.get("/differ").await;
    let sent = store.patches().remove(0).fields;
    let names: Vec<_> = sent.iter().map(|change| &*change.name).collect();
    assert_eq!(names, ["point", "weights"]);
}

#[tokio::test]
async fn absent_differs_from_every_explicit_value_but_none() {
    let store = SpyStore::new();
    let routes = Router::new().route(
        "/none",
        get(async |visit: Visits, session: Session| {
            visit.set_name(None);
            session.insert("other", Value::Null);
        }),
    );
    let browser = browse(&store, routes);
    browser.get("/none").await.assert_no_set_cookie();
    store.assert_untouched();
    // The default, but set by somebody.
    assert_eq!(browser.get("/count/0").await.set_cookies().len(), 1);
    assert_eq!(stored(&store, "count").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn none_where_the_default_is_some_is_stored() {
    let store = SpyStore::new();
    let routes = Router::new()
        .route(
            "/none",
            get(async |drawing: Drawings| drawing.set_lang(None)),
        )
        .route(
            "/default",
            get(async |drawing: Drawings| drawing.remove_lang()),
        )
        .route(
            "/lang",
            get(async |drawing: Drawings| format!("{:?}", drawing.lang())),
        );
    let browser = browse(&store, routes);
    assert_eq!(browser.get("/lang").await.body, "Some(\"en\")");
    browser.get("/none").await;
    assert_eq!(browser.get("/lang").await.body, "None");
    browser.get("/default").await;
    assert_eq!(browser.get("/lang").await.body, "Some(\"en\")");
}

/// [`Drawing`]'s field, absent where it is `None`.
#[derive(SessionData)]
struct Plain {
    lang: Option<String>,
}

#[tokio::test]
async fn an_explicit_none_of_one_view_is_not_undone_by_another_s() {
    let store = SpyStore::new();
    let none = async |drawing: Drawings, plain: TypedSession<Plain>| {
        drawing.set_lang(None);
        plain.set_lang(None);
    };
    let lang = async |drawing: Drawings| format!("{:?}", drawing.lang());
    let routes = Router::new()
        .route("/none", get(none))
        .route("/lang", get(lang));
    let browser = browse(&store, routes);
    browser.get("/none").await;
    assert_eq!(browser.get("/lang").await.body, "None");
}

#[tokio::test]
async fn update_and_set_state_rewrite_neither_an_untouched_map_nor_what_did_not_decode() {
    let store = SpyStore::new();
    let update = async |drawing: Drawings| -> Result<(), SessionError> {
        assert_eq!(drawing.total(), 0, "no number, so the default");
        drawing.update(|drawing| drawing.point.x += 1).await
    };
    let set_state = async |drawing: Drawings| {
        let state = drawing.state();
        drawing.set_state(Drawing {
            point: Point { x: 9, y: 9 },
            ..state
        });
    };
    let routes = Router::new()
        .route("/update", get(update))
        .route("/set_state", get(set_state));
    let browser = drawing(&store, routes).await;
    for path in ["/update", "/set_state"] {
        browser.get("/begin/seven").await;
        store.forget_calls();
        browser.get(path).await;
        let sent = store.patches().remove(0).fields;
        let names: Vec<_> = sent.iter().map(|change| &*change.name).collect();
        assert_eq!(names, ["point"], "{path}");
        assert_eq!(
            stored(&store, "total").await.as_deref(),
            Some("\"seven\""),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_sends_nothing() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit.update(|visit| visit.count += 0).await?;
        visit.set_state(Visit {
            count: visit.count(),
            name: visit.name(),
        });
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/same", get(handler)));
    browser.get("/count/3").await;
    store.forget_calls();
    browser.get("/same").await;
    assert_eq!(store.calls(), [Call::Load]);
}
