//! R14: destroy, and destroy then write.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{MemoryStore, SessionError, SessionStore as _, Status, StoreError};
use session_tests::{Call, SpyStore};

use crate::common::{Visits, browse, outcome, record, rotate_behind};

#[tokio::test]
async fn destroy_then_write_deletes_and_starts_a_session_with_a_new_id() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_name(Some("Eve".to_owned()));
        visit.session().destroy();
        visit.set_count(7);
    };
    let browser = browse(&store, Router::new().route("/anew", get(handler)));
    browser.get("/name/Ada").await;
    let (old_id, old) = (store.last_id(), browser.copy());
    store.forget_calls();
    assert_eq!(browser.get("/anew").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Delete, Call::Create]);
    assert_ne!(store.last_id(), old_id);
    assert_eq!(browser.get("/read").await.body, "7 nobody");
    assert_eq!(old.get("/status").await.body, "Unknown");
    assert_eq!(store.inner.count().await.expect("a memory store"), 1);
}

#[tokio::test]
async fn destroy_then_update_starts_a_session_with_a_new_id() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<String, SessionError> {
        visit.session().destroy();
        let count = visit.update(|visit| {
            visit.count += 1;
            visit.count
        });
        Ok(count.await?.to_string())
    };
    let browser = browse(&store, Router::new().route("/anew", get(handler)));
    browser.get("/count/5").await;
    let old = browser.copy();
    let answer = browser.get("/anew").await;
    assert_eq!(answer.body, "1");
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(old.get("/status").await.body, "Unknown");
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_destroy_that_an_update_could_not_carry_out_stays_staged() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        outcome(&visit.update(|visit| visit.count += 1).await)
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    browser.get("/count/1").await;
    store.fail(Call::Delete, StoreError::unavailable("down"));
    let said = browser.get("/both").await.body;
    assert!(said.starts_with("Store("), "{said}");
    assert!(record(&store).await.is_none());
    assert_eq!(browser.cookie("sid"), None);
}

#[tokio::test]
async fn a_write_before_a_destroy_is_destroyed_with_it() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(7);
        visit.session().set_owner("ada");
        // Also what could not be written.
        visit.session().insert("", 1);
        visit.session().destroy();
    };
    let browser = browse(&store, Router::new().route("/end", get(handler)));
    browser.get("/count/5").await;
    store.forget_calls();
    assert_eq!(browser.get("/end").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [Call::Load, Call::Delete]);
    assert_eq!(browser.cookie("sid"), None);
}

#[tokio::test]
async fn a_destroy_before_what_can_not_be_written_changes_nothing() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        visit.session().insert("", 1);
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    browser.get("/count/1").await;
    let answer = browser.get("/both").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    answer.assert_no_set_cookie();
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn if_the_create_after_a_destroy_fails_the_old_one_stays_dead() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        visit.set_count(7);
    };
    let browser = browse(&store, Router::new().route("/anew", get(handler)));
    browser.get("/count/5").await;
    store.fail(Call::Create, StoreError::unavailable("down"));
    let answer = browser.get("/anew").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.assert_no_set_cookie();
    assert_eq!(browser.get("/status").await.body, "Unknown");
    assert_eq!(store.inner.count().await.expect("a memory store"), 0);
}

#[tokio::test]
async fn destroy_removes_the_cookie_that_opens_no_session_too() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let genuine = browser.cookie("sid").expect("it has one");
    store
        .inner
        .delete(store.last_id())
        .await
        .expect("a memory store");
    let elsewhere = browse(&MemoryStore::new(), Router::new());
    for (cookie, browser) in [
        (genuine.as_str(), &browser),
        (&genuine, &elsewhere),
        ("forged", &browser),
    ] {
        browser.set_cookie("sid", cookie);
        let answer = browser.get("/destroy").await;
        assert_eq!(answer.status, StatusCode::OK);
        let removal = answer.set_cookies();
        assert!(
            removal.len() == 1 && removal[0].contains("Max-Age=0"),
            "{removal:?}"
        );
        assert_eq!(browser.cookie("sid"), None);
    }
    browser.get("/destroy").await.assert_no_set_cookie();
}

#[tokio::test]
async fn who_logs_out_is_logged_out_also_after_the_request_was_superseded() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits, Path(notices): Path<bool>| {
        rotate_behind(&spy).await;
        if notices {
            let written = visit.update(|visit| visit.count += 1).await;
            assert!(matches!(written, Err(SessionError::Gone)));
            assert_eq!(visit.session().status(), Status::Superseded);
        }
        visit.session().destroy();
    };
    let routes = Router::new().route("/out/{notices}", get(handler));
    for notices in [false, true] {
        let browser = browse(&store, routes.clone());
        browser.get("/count/1").await;
        let answer = browser.get(&format!("/out/{notices}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.set_cookies()[0].contains("Max-Age=0"), "{answer:?}");
        assert!(record(&store).await.is_none(), "{notices}");
    }
}

#[tokio::test]
async fn who_was_superseded_can_destroy_and_begin_another_session() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        rotate_behind(&spy).await;
        visit.set_count(2);
        let said = outcome(&visit.session().commit().await);
        visit.session().destroy();
        visit.set_count(3);
        said
    };
    let browser = browse(&store, Router::new().route("/over", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/over").await.body, "Gone");
    assert_eq!(browser.get("/read").await.body, "3 nobody");
}
