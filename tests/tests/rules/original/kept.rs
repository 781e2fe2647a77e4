//! What works as it did there.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{
    Key, MemoryStore, Session, SessionError, SessionId, SessionLayer, SessionStore,
};
use session_tests::{Browser, SpyStore};

use crate::common::{Visits, browse, layer, record, stored, timed, with};

/// The session's status and its count, which is one more by then.
async fn tell(visit: Visits) -> Result<String, SessionError> {
    let status = visit.session().status();
    let count = visit.update(|visit| {
        visit.count += 1;
        visit.count
    });
    Ok(format!("{status:?} {}", count.await?))
}

fn told() -> Router {
    Router::new().route("/tell", get(tell))
}

/// K1
#[tokio::test]
async fn without_a_cookie_a_handler_has_a_session_and_a_cookie_of_the_configured_name_is_sent() {
    let store = SpyStore::new();
    for name in ["sid", "shop"] {
        let browser = with(layer(&store).cookie_name(name), Router::new());
        let answer = browser.get("/increment").await;
        assert_eq!(answer.body, "1");
        assert_eq!(answer.set_cookies().len(), 1);
        assert!(browser.cookie(name).is_some());
    }
}

/// K2: `test_session_counter_increment`
#[tokio::test]
async fn the_counter_is_1_2_3_over_three_requests_with_one_cookie_in_all() {
    let browser = browse(&MemoryStore::new(), Router::new());
    let answers = [
        browser.get("/increment").await,
        browser.get("/increment").await,
        browser.get("/increment").await,
    ];
    assert_eq!(
        answers.each_ref().map(|answer| &*answer.body),
        ["1", "2", "3"]
    );
    assert_eq!(answers.map(|answer| answer.set_cookies().len()), [1, 0, 0]);
}

/// K3
#[tokio::test]
async fn a_bad_an_expired_or_an_unknown_cookie_is_a_new_id_and_empty_data() {
    let (clock, store) = timed();
    let browser = browse(&store, told());
    browser.get("/tell").await;
    let (id, good) = (store.last_id(), browser.cookie("sid").expect("a session"));
    let elsewhere = browse(&SpyStore::new(), told());
    elsewhere.get("/tell").await;
    let unknown = elsewhere.cookie("sid").expect("a session");

    let unsigned = format!("{}A", &good[..good.len() - 1]);
    for (cookie, told) in [(&unsigned, "Unsealed 1"), (&unknown, "Unknown 1")] {
        let client = browser.copy();
        client.set_cookie("sid", cookie);
        let answer = client.get("/tell").await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, told));
        assert_ne!(store.last_id(), id);
    }
    clock.advance(Duration::from_hours(24));
    assert_eq!(browser.get("/tell").await.body, "Unknown 1");
    assert_ne!(store.last_id(), id);
}

/// K4: `test_session_cookie_expiry`, and F28: at the limit and a moment to either side.
#[tokio::test]
async fn after_max_age_the_counter_restarts_at_1() {
    for (late, count) in [(-1, "2"), (0, "1"), (1, "1")] {
        let (clock, store) = timed();
        let second = Duration::from_secs(1);
        let browser = with(layer(&store).max_age(second), Router::new());
        assert_eq!(browser.get("/increment").await.body, "1");
        let micros = 1_000_000_u64.saturating_add_signed(late);
        clock.advance(Duration::from_micros(micros));
        assert_eq!(browser.get("/increment").await.body, count, "{late}");
    }
}

/// K5
#[tokio::test]
async fn the_cookie_has_the_attributes_that_were_asked_for() {
    for on in [false, true] {
        let layer = SessionLayer::new(MemoryStore::new(), Key::generate());
        let layer = layer.http_only(on).secure(on);
        let layer = if on {
            layer.path("/app").max_age(Duration::from_mins(1))
        } else {
            layer
        };
        let answer = with(layer, Router::new()).get("/increment").await;
        let cookie = answer.set_cookies()[0].to_owned();
        let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
        for attribute in ["HttpOnly", "Secure", "Path=/app", "Max-Age=60"] {
            assert_eq!(attributes.contains(&attribute), on, "{cookie}");
        }
        assert_eq!(attributes.contains(&"Path=/"), !on, "{cookie}");
        assert_eq!(cookie.contains("Max-Age"), on, "{cookie}");
    }
}

/// K6: `…_not_persisted_with_secure_option`
#[tokio::test]
async fn over_http_a_secure_cookie_is_not_returned_so_each_request_is_new() {
    let store = SpyStore::new();
    for (secure, counts) in [(true, ["1", "1"]), (false, ["1", "2"])] {
        let browser = with(layer(&store).secure(secure), Router::new());
        for count in counts {
            let answer = browser.get("/increment").await;
            assert_eq!(answer.body, count);
            if answer
                .set_cookies()
                .iter()
                .any(|cookie| cookie.contains("; Secure"))
            {
                browser.set_cookie("sid", "");
            }
        }
    }
}

/// K7
#[tokio::test]
async fn with_a_cookie_path_the_counter_persists_under_it() {
    let routes = Router::new().route("/api/count", get(tell));
    let browser = with(layer(&MemoryStore::new()).path("/api"), routes);
    let first = browser.get("/api/count").await;
    assert!(first.set_cookies()[0].contains("; Path=/api"));
    assert_eq!(first.body, "New 1");
    assert_eq!(browser.get("/api/count").await.body, "Live 2");
}

/// K8
#[tokio::test]
async fn any_matching_skip_rule_skips_and_nothing_is_loaded_created_or_set() {
    let store = SpyStore::new();
    let layer = layer(&store)
        .skip_header("X-Probe", "yes")
        .skip_header("X-Bot", "*");
    let handler =
        async |visit: Option<Visits>| visit.map(|visit| visit.set_count(9)).is_some().to_string();
    let browser = with(layer, Router::new().route("/set", get(handler)));
    for (name, value) in [
        ("x-probe", "yes"),
        ("X-PROBE", "yes"),
        ("x-bot", "1"),
        ("x-bot", "2"),
    ] {
        let answer = browser.get_with("/set", name, value).await;
        assert_eq!(answer.body, "false");
        answer.assert_no_set_cookie();
    }
    store.assert_untouched();
    for (name, value) in [("x-probe", "no"), ("x-other", "yes")] {
        assert_eq!(browser.get_with("/set", name, value).await.body, "true");
    }
}

/// K9
#[tokio::test]
async fn the_reason_why_a_session_is_new_is_observable() {
    let store = SpyStore::new();
    let browser = browse(&store, told());
    assert_eq!(browser.get("/tell").await.body, "New 1");
    assert_eq!(browser.get("/tell").await.body, "Live 2");
    let forger = browser.copy();
    forger.set_cookie("sid", "forged");
    assert_eq!(forger.get("/tell").await.body, "Unsealed 1");
    store
        .inner
        .delete(id_of(&browser, &store).await)
        .await
        .expect("deleted");
    assert_eq!(browser.get("/tell").await.body, "Unknown 1");
}

async fn id_of(browser: &Browser, store: &SpyStore) -> SessionId {
    browser.get("/read").await;
    store.last_id()
}

/// K10
#[tokio::test]
async fn an_explicit_save_in_mid_request_is_possible() {
    async fn save(visit: Visits, session: Session) -> Result<StatusCode, SessionError> {
        visit.set_count(5);
        session.commit().await?;
        visit.set_count(6);
        Ok(StatusCode::INTERNAL_SERVER_ERROR)
    }
    let store = SpyStore::new();
    let browser = browse(&store, Router::new().route("/save", get(save)));
    browser.get("/count/1").await;
    browser.get("/save").await;
    assert_eq!(stored(&store, "count").await.as_deref(), Some("5"));
}

/// K11; and the limit itself is expired.
#[tokio::test]
async fn the_store_has_what_was_created_and_loses_it_at_the_limit() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    assert!(
        store
            .load(SessionId::generate())
            .await
            .expect("answers")
            .is_none()
    );
    browser.get("/count/1").await;
    assert!(record(&store).await.is_some());
    let limit = Duration::from_hours(24);
    clock.advance(limit.saturating_sub(Duration::from_micros(1)));
    assert_eq!(store.delete_expired(100).await.expect("swept"), 0);
    assert!(record(&store).await.is_some());
    clock.advance(Duration::from_micros(1));
    assert!(record(&store).await.is_none());
    assert_eq!(store.delete_expired(100).await.expect("swept"), 1);
}
