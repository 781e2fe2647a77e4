//! R19 and R21: what can't be read is never overwritten, and what is stored outlives a redeploy.

use axum::{Router, extract::Path, http::StatusCode, response::IntoResponse as _, routing::get};
use serde_json::json;
use session_axum::{
    FieldChange, Session, SessionData, SessionRejection, SessionStore as _, StoreError,
    TypedSession,
};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{Visits, browse, outcome, record, stored, write_behind};

// R19

fn unreadable() -> StoreError {
    StoreError::undecodable("no record of ours")
}

async fn untyped(session: Session, Path(what): Path<String>) -> String {
    match what.as_str() {
        "read" => {
            let read = (session.get::<u64>("count"), session.owner(), session.id());
            return format!("{read:?} {:?}", session.status());
        }
        "insert" => session.insert("count", 9),
        "remove" => session.remove("count"),
        "rotate" => session.rotate(),
        "set_owner" => session.set_owner("eve"),
        "remember" => session.remember(crate::common::HOUR),
        "commit" => {
            session.insert("count", 9);
            return outcome(&session.commit().await);
        }
        "destroy" => session.destroy(),
        "anew" => {
            session.destroy();
            session.insert("count", 5);
        }
        _ => unreachable!(),
    }
    String::new()
}

/// A browser with a session whose record can't be read for once.
async fn undecodable(store: &SpyStore) -> Browser {
    let optional = async |visit: Option<Visits>| visit.is_some().to_string();
    let result = async |visit: Result<Visits, SessionRejection>| match visit {
        Ok(_) => "ok".to_owned(),
        Err(rejection) => format!("{rejection:?}"),
    };
    let routes = Router::new()
        .route("/untyped/{what}", get(untyped))
        .route("/optional", get(optional))
        .route("/result", get(result));
    let browser = browse(store, routes);
    browser.get("/count/1").await;
    store.forget_calls();
    browser
}

#[tokio::test]
async fn a_record_that_can_not_be_read_is_neither_overwritten_nor_replaced() {
    let store = SpyStore::new();
    let browser = undecodable(&store).await;
    let before = record(&store).await.expect("lives");
    for path in ["/count/9", "/increment", "/read", "/optional"] {
        store.fail(Call::Load, unreadable());
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(answer.body, "Internal Server Error");
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load], "{path}");
    }
    store.fail(Call::Load, unreadable());
    assert_eq!(browser.get("/result").await.body, "Undecodable");
    let after = record(&store).await.expect("lives");
    assert!(before.parts() == after.parts());
    assert_eq!(
        browser.get("/read").await.body,
        "1 nobody",
        "once it can be read again"
    );
}

#[tokio::test]
async fn the_untyped_session_of_such_a_record_reads_nothing_and_refuses_writes() {
    let store = SpyStore::new();
    let browser = undecodable(&store).await;
    store.fail(Call::Load, unreadable());
    let answer = browser.get("/untyped/read").await;
    assert_eq!(answer.body, "(None, None, None) Undecodable");
    answer.assert_no_set_cookie();
    for what in [
        "insert",
        "remove",
        "rotate",
        "set_owner",
        "remember",
        "commit",
    ] {
        store.forget_calls();
        store.fail(Call::Load, unreadable());
        let log = Log::start();
        let answer = browser.get(&format!("/untyped/{what}")).await;
        if what == "commit" {
            assert!(answer.body.starts_with("Store"), "{}", answer.body);
        } else {
            assert!(answer.status.is_server_error(), "{what}: no lying success");
        }
        answer.assert_no_set_cookie();
        assert!(log.lines().contains("refused"), "{what}");
        assert_eq!(store.calls(), [Call::Load], "{what}");
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn nobody_is_locked_out_by_it_for_it_can_be_destroyed() {
    for (what, read) in [("destroy", "0 nobody"), ("anew", "5 nobody")] {
        let store = SpyStore::new();
        let browser = undecodable(&store).await;
        let id = store.last_id();
        store.fail(Call::Load, unreadable());
        let answer = browser.get(&format!("/untyped/{what}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.set_cookies().len(), 1);
        assert!(
            store
                .inner
                .load(id)
                .await
                .expect("a memory store")
                .is_none()
        );
        assert_eq!(browser.get("/read").await.body, read);
    }
}

#[tokio::test]
async fn a_store_that_fails_to_load_is_an_error_and_never_a_new_session() {
    for (error, status) in [
        (
            StoreError::unavailable("down"),
            StatusCode::SERVICE_UNAVAILABLE,
        ),
        (
            StoreError::internal("broken"),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
    ] {
        let store = SpyStore::new();
        let browser = undecodable(&store).await;
        for path in [
            "/count/9",
            "/increment",
            "/read",
            "/optional",
            "/untyped/insert",
            "/untyped/destroy",
        ] {
            store.fail(Call::Load, error.clone());
            let answer = browser.get(path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(Some(answer.body.as_str()), status.canonical_reason());
            let again = if status == StatusCode::SERVICE_UNAVAILABLE {
                "1"
            } else {
                ""
            };
            assert_eq!(answer.header("retry-after"), again);
            answer.assert_no_set_cookie();
            assert_eq!(store.calls(), [Call::Load], "{path}");
        }
        store.fail(Call::Load, error.clone());
        let answer = browser.get("/result").await;
        assert!(answer.status == StatusCode::OK && answer.body.starts_with("Store"));
        answer.assert_no_set_cookie();
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
}

#[tokio::test]
async fn a_load_that_failed_is_not_tried_again_in_the_same_request() {
    let store = SpyStore::new();
    let handler = async |one: Result<Visits, SessionRejection>,
                         two: Result<Session, SessionRejection>| {
        assert!(one.is_err() && two.is_err());
    };
    let browser = browse(&store, Router::new().route("/two", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    store.fail(Call::Load, StoreError::unavailable("down"));
    assert_eq!(browser.get("/two").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn a_failed_refresh_changes_nothing_that_the_request_sees() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        let refreshed = visit.session().refresh().await;
        assert!(refreshed.is_err());
        assert_eq!(visit.count(), 1);
        visit.set_name(Some("Ada".to_owned()));
        refreshed
            .map_err(|error| error.status())
            .into_response()
            .status()
            .to_string()
    };
    let browser = browse(&store, Router::new().route("/refresh", get(handler)));
    browser.get("/count/1").await;
    let mut load = store.hold_answer(Call::Load);
    let request = browser.start("/refresh");
    load.reached().await;
    store.fail(Call::Load, StoreError::unavailable("down"));
    load.release();
    assert_eq!(request.await.expect("runs").body, "503 Service Unavailable");
    assert_eq!(browser.get("/read").await.body, "1 Ada");
}

// R21

/// The app of yesterday.
#[derive(SessionData)]
struct Yesterday {
    theme: String,
    visits: u64,
    gone: Vec<u8>,
}

/// The same app, deployed again.
#[derive(SessionData)]
struct Today {
    theme: Option<String>,
    /// Was a number.
    visits: Vec<String>,
    #[session(default = 3)]
    added: u8,
}

async fn redeployed(store: &SpyStore, routes: Router) -> Browser {
    let yesterday = async |view: TypedSession<Yesterday>| {
        view.set_theme("dark".to_owned());
        view.set_visits(7);
        view.set_gone(vec![1, 2]);
    };
    let browser = browse(store, routes.route("/yesterday", get(yesterday)));
    browser.get("/yesterday").await;
    browser
}

#[tokio::test]
async fn unknown_fields_are_kept_and_missing_ones_read_as_their_default() {
    let store = SpyStore::new();
    let handler = async |view: TypedSession<Today>| {
        assert_eq!((view.theme().as_deref(), view.added()), (Some("dark"), 3));
        let mut state = view.state();
        state.theme = Some("light".to_owned());
        state.added = 4;
        view.set_state(state);
        view.update(|view| view.added += 1).await.expect("lives");
    };
    let browser = redeployed(&store, Router::new().route("/today", get(handler))).await;
    assert_eq!(browser.get("/today").await.status, StatusCode::OK);
    let fields: Vec<_> = record(&store)
        .await
        .expect("lives")
        .fields()
        .iter()
        .map(|field| format!("{}={}", field.name, field.json))
        .collect();
    assert_eq!(
        fields,
        ["added=5", "gone=[1,2]", "theme=\"light\"", "visits=7"]
    );
}

#[tokio::test]
async fn what_no_longer_decodes_reads_as_its_default_is_traced_and_stays_until_it_is_set() {
    let store = SpyStore::new();
    let read = async |view: TypedSession<Today>| {
        assert_eq!(view.session().get::<bool>("visits"), None);
        assert_eq!(view.session().get::<u64>("visits"), Some(7));
        view.visits().join(",")
    };
    let write = async |view: TypedSession<Today>| view.set_visits(vec!["once".to_owned()]);
    let remove = async |view: TypedSession<Today>| view.remove_visits();
    let routes = Router::new()
        .route("/today", get(read))
        .route("/write", get(write))
        .route("/remove", get(remove));
    let browser = redeployed(&store, routes).await;
    let log = Log::start();
    let answer = browser.get("/today").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    let lines = log.lines();
    let fingerprint = store.last_id().fingerprint().to_string();
    let traced = lines
        .lines()
        .find(|line| line.contains("does not decode") && line.contains("Vec"));
    let traced = traced.expect("it is traced");
    assert!(
        traced.contains("visits") && traced.contains(&fingerprint),
        "{traced}"
    );
    assert_eq!(stored(&store, "visits").await.as_deref(), Some("7"));
    browser.get("/write").await;
    assert_eq!(
        stored(&store, "visits").await.as_deref(),
        Some("[\"once\"]")
    );
    write_behind(&store, FieldChange::set("visits", json!({}).to_string())).await;
    browser.get("/remove").await;
    assert_eq!(stored(&store, "visits").await, None);
}
