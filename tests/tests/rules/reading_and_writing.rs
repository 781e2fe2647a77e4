//! R1 to R7.

use axum::{Router, routing::get};
use session_axum::{Key, SessionData, SessionError, SessionLayer, TypedSession};
use session_tests::{Browser, Call, SpyStore};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

fn app(store: &SpyStore) -> Browser {
    let routes = Router::new()
        .route("/plain", get(|| async { "plain" }))
        .route(
            "/read",
            get(async |visit: TypedSession<Visit>| visit.count().to_string()),
        )
        .route(
            "/name",
            get(async |visit: TypedSession<Visit>| visit.set_name(Some("Ada".into()))),
        )
        .route(
            "/update",
            get(
                async |visit: TypedSession<Visit>| -> Result<String, SessionError> {
                    let count = visit.update(|visit| {
                        visit.count += 1;
                        visit.count
                    });
                    Ok(count.await?.to_string())
                },
            ),
        );
    Browser::new(routes.layer(SessionLayer::new(store.clone(), Key::generate())))
}

#[tokio::test]
async fn a_request_that_writes_nothing_creates_nothing_and_gets_no_cookie() {
    let store = SpyStore::new();
    let browser = app(&store);
    let answer = browser.get("/read").await;
    assert_eq!(answer.body, "0");
    answer.assert_no_set_cookie();
    store.assert_untouched();
}

#[tokio::test]
async fn reading_costs_a_load_and_writing_a_commit_more() {
    let store = SpyStore::new();
    let browser = app(&store);
    assert_eq!(browser.get("/update").await.body, "1");
    assert_eq!(store.calls(), [Call::Create]);
    assert_eq!(browser.get("/update").await.body, "2");
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "2");
    assert_eq!(store.calls(), [Call::Load]);
    browser.get("/name").await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    browser.get("/plain").await;
    store.assert_untouched();
}
