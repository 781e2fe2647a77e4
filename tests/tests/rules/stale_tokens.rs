//! R13: stale tokens are quiet.

use std::time::Duration;

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{
    AtLimit, Fields, Lifetime, ManualClock, NewRecord, Session, SessionError, SessionStore as _,
};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{DAY, HOUR, SECOND, TICK, Visits, browse, layer, outcome, record, timed, with};

/// A browser whose session was rotated, and one that still has the token from before.
async fn rotated(store: &SpyStore, routes: Router) -> (Browser, Browser) {
    let browser = browse(store, routes);
    browser.get("/count/1").await;
    let stale = browser.copy();
    browser.get("/rotate").await;
    store.forget_calls();
    (browser, stale)
}

#[tokio::test]
async fn a_stale_token_reads_defaults_and_leaves_the_newer_cookie_alone() {
    for (later, level) in [(Duration::ZERO, "DEBUG"), (HOUR, "INFO")] {
        let (clock, store) = timed();
        let (browser, stale) = rotated(&store, Router::new()).await;
        clock.advance(later);
        let log = Log::start();
        let answer = stale.get("/read").await;
        assert_eq!(answer.body, "0 nobody");
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load]);
        let lines = log.lines();
        let fingerprint = store.last_id().fingerprint().to_string();
        assert!(
            lines.lines().any(|line| line.contains("Replayed")
                && line.contains(&fingerprint)
                && line.trim_start().starts_with(level)),
            "{lines}"
        );
        assert_eq!(stale.get("/status").await.body, "Replayed");
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
}

#[tokio::test]
async fn within_the_grace_its_writes_are_dropped() {
    let (clock, store) = timed();
    let (browser, stale) = rotated(&store, Router::new()).await;
    for passed in [Duration::ZERO, SECOND * 29, SECOND] {
        clock.advance(passed);
        let before = record(&store).await.expect("lives");
        store.forget_calls();
        for path in ["/count/9", "/name/Eve", "/rotate", "/destroy"] {
            let answer = stale.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            answer.assert_no_set_cookie();
            assert_eq!(store.calls(), [Call::Load], "{path}");
        }
        let after = record(&store).await.expect("lives");
        assert!(before.parts() == after.parts());
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    assert_eq!(store.inner.count().await.expect("a memory store"), 1);
}

#[tokio::test]
async fn within_the_grace_update_and_commit_say_gone() {
    let (_clock, store) = timed();
    let handler = async |visit: Visits, Path(how): Path<String>| {
        let session = visit.session();
        match how.as_str() {
            "update" => outcome(&visit.update(|visit| visit.count += 1).await),
            "commit" => {
                visit.set_count(2);
                outcome(&session.commit().await)
            }
            "destroy_commit" => {
                session.destroy();
                outcome(&session.commit().await)
            }
            "destroy_peek" => {
                session.destroy();
                let peeked = visit.update(|visit| visit.count).await;
                assert_eq!(outcome(&peeked), "ok");
                outcome(&session.commit().await)
            }
            "destroy_write" => {
                session.destroy();
                visit.set_count(2);
                outcome(&session.commit().await)
            }
            "refresh" => outcome(&session.refresh().await),
            "peek" => outcome(&visit.update(|visit| visit.count).await),
            _ => unreachable!(),
        }
    };
    let routes = Router::new().route("/{how}", get(handler));
    let (browser, stale) = rotated(&store, routes).await;
    for (how, said) in [
        ("update", "Gone"),
        ("commit", "Gone"),
        ("destroy_write", "Gone"),
        ("destroy_commit", "Gone"),
        ("destroy_peek", "Gone"),
        ("refresh", "ok"),
        ("peek", "ok"),
    ] {
        let answer = stale.get(&format!("/{how}")).await;
        assert_eq!(answer.body, said, "{how}");
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load], "{how}");
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn within_the_grace_a_log_in_by_update_outlives_the_log_out_that_ended_nothing() {
    let (_clock, store) = timed();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        visit.session().set_owner("ada");
        outcome(&visit.update(|visit| visit.count = 5).await)
    };
    let routes = Router::new().route("/again", get(handler));
    let (_browser, stale) = rotated(&store, routes).await;
    assert_eq!(stale.get("/again").await.body, "ok");
    assert_eq!(stale.get("/read").await.body, "5 nobody");
}

#[tokio::test]
async fn the_grace_is_counted_by_the_record_s_own_times_and_ends() {
    for (grace, layered) in [(SECOND * 30, None), (SECOND * 5, Some(SECOND * 5))] {
        let (clock, store) = timed();
        let layer = match layered {
            Some(grace) => layer(&store).rotation_grace(grace),
            None => layer(&store),
        };
        let browser = with(layer, Router::new());
        // As old as can be, so that only the rotation counts.
        browser.get("/count/1").await;
        clock.advance(HOUR);
        let stale = browser.copy();
        browser.get("/rotate").await;
        clock.advance(grace);
        stale.get("/count/2").await.assert_no_set_cookie();
        clock.advance(TICK);
        let answer = stale.get("/count/2").await;
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(stale.get("/read").await.body, "2 nobody");
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
}

#[tokio::test]
async fn after_the_grace_a_write_starts_a_session_as_for_any_newcomer() {
    for path in ["/count/5", "/increment"] {
        let (clock, store) = timed();
        let (browser, stale) = rotated(&store, Router::new()).await;
        let id = store.last_id();
        clock.advance(HOUR);
        assert_eq!(stale.get(path).await.set_cookies().len(), 1);
        assert_eq!(store.calls(), [Call::Load, Call::Create]);
        assert_ne!(store.last_id(), id);
        assert_eq!(stale.get("/status").await.body, "Live");
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
}

#[tokio::test]
async fn after_the_grace_a_destroy_removes_the_stale_cookie_and_nothing_else() {
    let (clock, store) = timed();
    let (browser, stale) = rotated(&store, Router::new()).await;
    clock.advance(HOUR);
    assert_eq!(stale.get("/destroy").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn who_logs_in_with_a_stale_token_gets_a_new_session_even_within_the_grace() {
    let (_clock, store) = timed();
    let explicit = async |session: Session| -> Result<(), SessionError> {
        session.insert("count", 3);
        session.set_owner("ada");
        session.commit().await
    };
    let update = async |visit: Visits| -> Result<(), SessionError> {
        visit.session().set_owner("ada");
        visit.update(|visit| visit.count += 1).await
    };
    let routes = Router::new()
        .route("/explicit", get(explicit))
        .route("/update", get(update));
    let (browser, stale) = rotated(&store, routes).await;
    for path in ["/owner/ada", "/explicit", "/update"] {
        let stale = stale.copy();
        let answer = stale.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.set_cookies().len(), 1, "{path}");
        assert_eq!(store.calls()[..2], [Call::Load, Call::Create], "{path}");
        let owner = record(&store)
            .await
            .expect("lives")
            .owner()
            .map(str::to_owned);
        assert_eq!(owner.as_deref(), Some("ada"), "{path}");
        assert_eq!(stale.get("/status").await.body, "Live");
        store.forget_calls();
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_log_in_that_is_refused_leaves_the_newer_cookie_alone() {
    let (_clock, store) = timed();
    let log_in = async |visit: Visits| -> Result<(), SessionError> {
        visit.session().set_owner("ada");
        visit.update(|visit| visit.count += 1).await
    };
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::Reject);
    let browser = with(layer, Router::new().route("/log-in", get(log_in)));
    browser.get("/count/1").await;
    let stale = browser.copy();
    assert_eq!(browser.get("/log-in").await.status, StatusCode::OK);
    store.forget_calls();
    // The same form, sent twice.
    let again = stale.get("/log-in").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.assert_no_set_cookie();
    assert!(!store.calls().contains(&Call::Create));
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

/// Its own error, or that of a session.
struct Refused;

impl From<SessionError> for Refused {
    fn from(_: SessionError) -> Self {
        Self
    }
}

#[tokio::test]
async fn a_log_in_is_staged_until_an_update_has_carried_it() {
    let (_clock, store) = timed();
    // The closure refuses, and then the handler.
    let refuse = async |visit: Visits| {
        visit.session().set_owner("ada");
        let refused = visit.try_update(|_| Err::<(), _>(Refused)).await;
        assert!(refused.is_err());
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let (browser, stale) = rotated(&store, Router::new().route("/refuse", get(refuse))).await;
    let answer = stale.get("/refuse").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_log_in_that_an_update_could_not_carry_is_no_lying_success() {
    let (_clock, store) = timed();
    let log_in = async |visit: Visits| {
        visit.session().set_owner("ada");
        // A counter that may fail.
        let _ = visit.update(|visit| visit.count += 1).await;
    };
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::Reject);
    let browser = with(layer, Router::new().route("/log-in", get(log_in)));
    browser.get("/count/1").await;
    let (stale, newcomer) = (browser.copy(), browser.copy());
    newcomer.set_cookie("sid", "");
    assert_eq!(browser.get("/log-in").await.status, StatusCode::OK);
    for late in [stale, newcomer] {
        assert_eq!(late.get("/log-in").await.status, StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn setting_no_owner_is_no_log_in() {
    let (_clock, store) = timed();
    let handler = async |visit: Visits| {
        visit.set_count(3);
        visit.session().set_owner(None);
    };
    let routes = Router::new().route("/out", get(handler));
    let (_browser, stale) = rotated(&store, routes).await;
    stale.get("/out").await.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn a_token_newer_than_its_record_is_simply_no_session() {
    let (_clock, store) = timed();
    let (browser, _) = rotated(&store, Router::new()).await;
    // The store is restored from a backup of before the rotation.
    let id = store.last_id();
    store.inner.delete(id).await.expect("a memory store");
    let backup = NewRecord {
        fields: Fields::default(),
        owner: None,
        lifetime: Lifetime {
            idle: DAY,
            absolute: DAY,
        },
    };
    store
        .inner
        .create(id, backup)
        .await
        .expect("a memory store");
    assert_eq!(browser.get("/status").await.body, "Unknown");
    store.forget_calls();
    assert_eq!(browser.get("/count/4").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Create]);
    assert_ne!(store.last_id(), id);
}

#[tokio::test]
async fn an_unknown_id_is_simply_no_session() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let id = store.last_id();
    store.inner.delete(id).await.expect("a memory store");
    let answer = browser.get("/read").await;
    assert_eq!(answer.body, "0 nobody");
    answer.assert_no_set_cookie();
    store.forget_calls();
    assert_eq!(browser.get("/count/4").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Create]);
    assert_ne!(store.last_id(), id, "the client's id is never adopted");
}

#[tokio::test]
async fn the_clock_of_the_app_does_not_matter() {
    // A store whose clock is far from the machine's, as that of a database may be.
    let clock = ManualClock::new();
    clock.advance(DAY * 365);
    let store = session_axum::MemoryStore::builder()
        .clock(clock.clone())
        .build();
    let store = SpyStore::around(store);
    let (_, stale) = rotated(&store, Router::new()).await;
    stale.get("/count/9").await.assert_no_set_cookie();
    clock.advance(HOUR);
    assert_eq!(stale.get("/count/9").await.set_cookies().len(), 1);
}
