//! R10: no lying success.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use session_axum::{Session, SessionError, StoreError};
use session_tests::{Call, Log, SpyStore};

use crate::common::{HOUR, Visits, browse, layer, record, stored, timed, with};

#[tokio::test]
async fn a_commit_that_fails_means_an_opaque_error_and_no_cookie() {
    for (error, status) in [
        (
            StoreError::unavailable("secret cause"),
            StatusCode::SERVICE_UNAVAILABLE,
        ),
        (
            StoreError::internal("secret cause"),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
    ] {
        let store = SpyStore::new();
        let handler = async |visit: Visits| {
            visit.set_count(2);
            ([(header::SET_COOKIE, "theirs=1")], "lies")
        };
        let browser = browse(&store, Router::new().route("/lie", get(handler)));
        for (call, path) in [
            (Call::Create, "/lie"),
            (Call::Commit, "/lie"),
            (Call::Commit, "/rotate"),
            (Call::Commit, "/owner/ada"),
            (Call::Commit, "/increment"),
            (Call::Delete, "/destroy"),
        ] {
            if call != Call::Create && browser.cookie("sid").is_none() {
                browser.get("/count/1").await;
            }
            store.fail(call, error.clone());
            let answer = browser.get(path).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(
                Some(answer.body.as_str()),
                status.canonical_reason(),
                "{path}"
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            let again = if status == StatusCode::SERVICE_UNAVAILABLE {
                "1"
            } else {
                ""
            };
            assert_eq!(answer.header("retry-after"), again);
            answer.assert_no_set_cookie();
        }
        assert_eq!(browser.get("/read").await.body, "1 nobody");
        assert_eq!(record(&store).await.expect("lives").generation(), 0);
    }
}

#[tokio::test]
async fn a_failure_is_traced_with_its_cause_and_without_one_that_is_none() {
    let store = SpyStore::new();
    let unnamed = async |session: Session| session.insert("", 1);
    let browser = browse(&store, Router::new().route("/unnamed", get(unnamed)));
    let log = Log::start();
    let answer = browser.get("/unnamed").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let lines = log.lines();
    assert!(
        lines.contains("a request failed for its session error=a field's name")
            && !lines.contains("cause"),
        "{lines}"
    );
    store.fail(Call::Create, StoreError::unavailable("out of order"));
    browser.get("/count/1").await;
    let lines = log.lines();
    assert!(lines.contains("reached: out of order"), "{lines}");
}

#[tokio::test]
async fn a_failed_touch_is_only_traced() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    store.forget_calls();
    store.fail(Call::Commit, StoreError::unavailable("down"));
    let log = Log::start();
    let answer = browser.get("/read").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "1 nobody")
    );
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert!(log.lines().contains("a touch failed"));
    // With a write beside it, it counts.
    store.fail(Call::Commit, StoreError::unavailable("down"));
    assert_eq!(
        browser.get("/count/2").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn an_answer_of_5xx_drops_the_staged_writes_and_the_rotation() {
    let store = SpyStore::new();
    let handler = async |visit: Visits, Path(status): Path<u16>| {
        visit.set_count(2);
        visit.session().rotate();
        visit.session().set_owner("ada");
        visit.session().remember(HOUR);
        (
            StatusCode::from_u16(status).expect("a status"),
            "their words",
        )
    };
    let browser = browse(&store, Router::new().route("/fail/{status}", get(handler)));
    browser.get("/count/1").await;
    let before = record(&store).await.expect("lives");
    store.forget_calls();
    for status in [500, 502, 503, 599] {
        let answer = browser.get(&format!("/fail/{status}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (status, "their words")
        );
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load]);
    }
    let after = record(&store).await.expect("lives");
    assert!(before.parts() == after.parts());
    // A newcomer gets nothing either.
    let newcomer = browser.copy();
    newcomer.set_cookie("sid", "");
    newcomer.get("/fail/500").await.assert_no_set_cookie();
    store.assert_untouched();
}

#[tokio::test]
async fn an_answer_of_5xx_still_carries_out_a_staged_destroy() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        visit.set_count(2);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let browser = browse(&store, Router::new().route("/end", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    let answer = browser.get("/end").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        store.calls(),
        [Call::Load, Call::Delete],
        "and starts no new session"
    );
    assert_eq!(browser.cookie("sid"), None);
}

#[tokio::test]
async fn an_answer_of_5xx_still_sends_the_cookie_of_what_had_been_committed() {
    let store = SpyStore::new();
    let handler =
        async |visit: Visits, Path(how): Path<String>| -> Result<StatusCode, SessionError> {
            let session = visit.session();
            match how.as_str() {
                "update" => visit.update(|visit| visit.count = 3).await?,
                "create" => {
                    visit.set_count(3);
                    session.commit().await?;
                }
                "rotate" => {
                    session.rotate();
                    session.commit().await?;
                }
                _ => unreachable!(),
            }
            visit.set_count(9);
            Ok(StatusCode::INTERNAL_SERVER_ERROR)
        };
    let browser = browse(&store, Router::new().route("/fail/{how}", get(handler)));
    for (how, read) in [
        ("update", "3 nobody"),
        ("create", "3 nobody"),
        ("rotate", "1 nobody"),
    ] {
        let browser = browser.copy();
        if how == "rotate" {
            browser.get("/count/1").await;
        }
        let answer = browser.get(&format!("/fail/{how}")).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.set_cookies().len(), 1, "{how}");
        assert_eq!(browser.get("/read").await.body, read, "{how}");
    }
}

#[tokio::test]
async fn a_failed_last_commit_still_sends_the_cookie_of_an_earlier_one() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit.set_count(1);
        visit.session().commit().await?;
        visit.set_count(2);
        visit.session().rotate();
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    store.fail(Call::Commit, StoreError::unavailable("down"));
    let answer = browser.get("/both").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        browser.get("/read").await.body,
        "1 nobody",
        "it got the cookie of the first"
    );
}

#[tokio::test]
async fn a_failed_destroy_leaves_the_session_and_its_cookie() {
    let store = SpyStore::new();
    let handler = async |session: Session| -> axum::response::Response {
        session.destroy();
        StatusCode::BAD_GATEWAY.into_response()
    };
    let browser = browse(&store, Router::new().route("/end", get(handler)));
    browser.get("/count/1").await;
    store.fail(Call::Delete, StoreError::unavailable("down"));
    let answer = browser.get("/end").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    answer.assert_no_set_cookie();
    assert_eq!(stored(&store, "count").await.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_asks_nothing_of_the_store_stands_although_another_call_of_its_own_hangs() {
    for status in [StatusCode::OK, StatusCode::BAD_GATEWAY] {
        let store = SpyStore::new();
        let handler = async move |visit: Visits| {
            let other = visit.clone();
            tokio::spawn(async move { other.update(|visit| visit.count += 1).await });
            tokio::task::yield_now().await;
            (status, "stands")
        };
        let routes = Router::new().route("/beside", get(handler));
        let browser = with(layer(&store).store_timeout(HOUR), routes);
        browser.get("/count/1").await;
        let mut hanging = store.hold(Call::Commit);
        let answer = browser.start("/beside");
        hanging.reached().await;
        let answer = answer.await.expect("runs");
        assert_eq!((answer.status, &*answer.body), (status, "stands"));
    }
}
