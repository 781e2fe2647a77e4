//! R8 and R11: who may still write to a session that ended or was rotated.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{Session, SessionError, SessionStore as _, StoreError};
use session_tests::{Answer, Browser, Call, Log, SpyStore};

use crate::common::{DAY, HOUR, Visits, browse, key, outcome, record, stored, timed};

/// Writes in every way there is; what says its outcome says it in the body.
async fn write(visit: Visits, Path(how): Path<String>) -> String {
    let session = visit.session();
    match how.as_str() {
        "set" => visit.set_count(9),
        "remove" => visit.remove_count(),
        "clear" => session.clear(),
        "rotate" => session.rotate(),
        "owner" => session.set_owner("ada"),
        "remember" => session.remember(HOUR),
        "read" => drop(visit.count()),
        "touch" => return outcome(&session.touch().await),
        "update" => return outcome(&visit.update(|visit| visit.count += 1).await),
        "refresh" => return outcome(&session.refresh().await),
        "commit" => {
            visit.set_count(9);
            return outcome(&session.commit().await);
        }
        _ => unreachable!(),
    }
    "done".to_owned()
}

const WAYS: [(&str, &str); 11] = [
    ("set", "done"),
    ("remove", "done"),
    ("clear", "done"),
    ("rotate", "done"),
    ("owner", "done"),
    ("remember", "done"),
    ("read", "done"),
    ("touch", "Gone"),
    ("update", "Gone"),
    ("refresh", "Gone"),
    ("commit", "Gone"),
];

/// A request that loads the session, then waits until something has happened to it, then writes.
async fn slow(
    store: &SpyStore,
    browser: &Browser,
    how: &str,
    meanwhile: impl AsyncFnOnce(),
) -> Answer {
    let mut loaded = store.hold_answer(Call::Load);
    let slow = browser.start(&format!("/write/{how}"));
    loaded.reached().await;
    meanwhile().await;
    loaded.release();
    slow.await.expect("runs")
}

fn routes() -> Router {
    Router::new().route("/write/{how}", get(write))
}

// R8

#[tokio::test]
async fn a_destroyed_session_stays_dead_when_a_slow_request_commits() {
    for (how, said) in WAYS {
        let (clock, store) = timed();
        let browser = browse(&store, routes());
        browser.get("/count/1").await;
        // So that a touch is due.
        clock.advance(HOUR * 2);
        let tab = browser.copy();
        let log = Log::start();
        let answer = slow(&store, &browser, how, async || {
            tab.get("/destroy").await;
        })
        .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, said),
            "{how}"
        );
        answer.assert_no_set_cookie();
        assert_eq!(
            store.inner.count().await.expect("a memory store"),
            0,
            "{how}"
        );
        let lines = log.lines();
        assert!(
            lines.contains("nothing is written") && lines.contains("Gone"),
            "{how}"
        );
        assert_eq!(browser.get("/status").await.body, "Unknown", "{how}");
    }
}

#[tokio::test]
async fn an_expired_session_stays_dead_when_a_slow_request_commits() {
    for (how, said) in WAYS {
        let (clock, store) = timed();
        let browser = browse(&store, routes());
        browser.get("/count/1").await;
        clock.advance(HOUR * 2);
        let answer = slow(&store, &browser, how, async || clock.advance(DAY)).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, said),
            "{how}"
        );
        answer.assert_no_set_cookie();
        assert_eq!(
            store.inner.count().await.expect("a memory store"),
            0,
            "{how}"
        );
        assert_eq!(browser.get("/status").await.body, "Unknown", "{how}");
    }
}

#[tokio::test]
async fn a_gone_session_that_is_unhandled_is_a_conflict_and_no_server_error() {
    let store = SpyStore::new();
    let handler = async |session: Session| -> Result<(), SessionError> {
        session.insert("count", 2);
        session.commit().await
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    let mut loaded = store.hold_answer(Call::Load);
    let slow = browser.start("/save");
    loaded.reached().await;
    browser.get("/destroy").await;
    loaded.release();
    let answer = slow.await.expect("runs");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::CONFLICT, "Conflict")
    );
    answer.assert_no_set_cookie();
}

// R11

#[tokio::test]
async fn a_rotation_is_one_commit_on_the_same_record_and_makes_the_earlier_token_useless() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let id = store.last_id();
    let (before, old) = (browser.cookie("sid"), browser.copy());
    store.forget_calls();
    assert_eq!(browser.get("/rotate").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_ne!(browser.cookie("sid"), before);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    assert_eq!(store.last_id(), id);
    assert_eq!(old.get("/read").await.body, "0 nobody");
    assert_eq!(store.inner.count().await.expect("a memory store"), 1);
}

#[tokio::test]
async fn a_rotation_and_a_write_go_together_in_either_order() {
    let store = SpyStore::new();
    let routes = Router::new()
        .route(
            "/before",
            get(async |visit: Visits| {
                visit.session().rotate();
                visit.set_count(2);
            }),
        )
        .route(
            "/after",
            get(async |visit: Visits| {
                visit.set_count(3);
                visit.session().rotate();
            }),
        )
        .route(
            "/twice",
            get(async |visit: Visits| -> Result<(), SessionError> {
                visit.session().rotate();
                visit.session().commit().await?;
                visit.set_count(4);
                visit.session().commit().await?;
                visit.session().rotate();
                Ok(())
            }),
        );
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    for (path, count, generation) in [("/before", "2", 1), ("/after", "3", 2), ("/twice", "4", 4)] {
        let old = browser.copy();
        assert_eq!(browser.get(path).await.set_cookies().len(), 1, "{path}");
        assert_eq!(
            stored(&store, "count").await.as_deref(),
            Some(count),
            "{path}"
        );
        assert_eq!(
            record(&store).await.expect("lives").generation(),
            generation
        );
        assert_eq!(old.get("/status").await.body, "Replayed", "{path}");
        assert_eq!(browser.get("/status").await.body, "Live", "{path}");
    }
}

#[tokio::test]
async fn a_rotation_is_a_barrier_to_requests_that_loaded_before_it() {
    for barrier in ["/rotate", "/owner/ada"] {
        for (how, said) in WAYS {
            let (clock, store) = timed();
            let browser = browse(&store, routes());
            browser.get("/count/1").await;
            clock.advance(HOUR * 2);
            let mut fields = None;
            let log = Log::start();
            let answer = slow(&store, &browser, how, async || {
                browser.get(barrier).await;
                fields = record(&store).await;
            })
            .await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::OK, said),
                "{how}"
            );
            answer.assert_no_set_cookie();
            let (now, then) = (record(&store).await.expect("lives"), fields.expect("lives"));
            assert!(now.parts() == then.parts(), "{how} changed something");
            let lines = log.lines();
            assert!(
                lines.contains("nothing is written") && lines.contains("Superseded"),
                "{how}"
            );
            assert_eq!(browser.get("/status").await.body, "Live", "{how}");
        }
    }
}

#[tokio::test]
async fn of_two_rotations_at_once_one_wins_and_its_token_is_the_live_one() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let mut sent = store.hold(Call::Commit);
    let slow = browser.start("/rotate");
    sent.reached().await;
    let winner = browser.get("/rotate").await;
    assert_eq!(winner.set_cookies().len(), 1);
    sent.release();
    let loser = slow.await.expect("runs");
    assert_eq!(loser.status, StatusCode::OK);
    loser.assert_no_set_cookie();
    assert_eq!(browser.get("/status").await.body, "Live");
    assert_eq!(record(&store).await.expect("lives").generation(), 1);
}

#[tokio::test]
async fn a_new_seal_rides_on_a_touch_that_is_due_at_once() {
    let (clock, store) = timed();
    let (old, new) = (session_axum::Key::generate(), key());
    let app = |key, older: &[session_axum::Key]| {
        let layer = session_axum::SessionLayer::new(store.clone(), key);
        crate::common::with(layer.fallback_keys(older.to_vec()), Router::new())
    };
    let before = app(old.clone(), &[]);
    before.get("/count/1").await;
    let browser = app(new, &[old]);
    browser.set_cookie("sid", &before.cookie("sid").expect("it has one"));
    let behind = browser.copy();
    store.forget_calls();
    clock.advance(crate::common::SECOND);

    // Its touch fails, so nothing is promised to the browser.
    store.fail(Call::Commit, StoreError::unavailable("down"));
    let answer = browser.get("/read").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "1 nobody")
    );
    answer.assert_no_set_cookie();
    store.forget_calls();

    assert_eq!(browser.get("/read").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert!(before.cookie("sid") != browser.cookie("sid"));
    browser.get("/read").await.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);

    // After a rotation no older token is handed out.
    let answer = {
        let mut loaded = store.hold_answer(Call::Load);
        let slow = behind.start("/read");
        loaded.reached().await;
        browser.get("/rotate").await;
        loaded.release();
        slow.await.expect("runs")
    };
    assert_eq!(answer.body, "1 nobody");
    answer.assert_no_set_cookie();
}
