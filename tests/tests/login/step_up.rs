//! How long ago somebody logged in, how long it is to last, and what the standards ask of both.

use std::time::{Duration, SystemTime};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use session_axum::{Session, SessionRejection, Timeouts};
use session_tests::Browser;

use crate::common::{DAY, HOUR, MINUTE, SECOND, browse, layer, record, timed, with};

async fn pay(session: Session) -> Result<&'static str, SessionRejection> {
    session.require_fresh(MINUTE * 5)?;
    Ok("paid")
}

#[tokio::test]
async fn a_sensitive_action_wants_a_fresh_log_in() {
    let (clock, store) = timed();
    let browser = with(layer(&store), Router::new().route("/pay", get(pay)));
    let stale = |answer: &session_tests::Answer| {
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::UNAUTHORIZED, "Unauthorized")
        );
    };
    stale(&browser.get("/pay").await);
    browser.get("/write/a/1").await;
    stale(&browser.get("/pay").await);
    browser.get("/log_in/ada").await;
    assert_eq!(browser.get("/pay").await.body, "paid");
    clock.advance(MINUTE * 5);
    assert_eq!(
        browser.get("/pay").await.body,
        "paid",
        "exactly as long ago as allowed"
    );
    clock.advance(Duration::from_micros(1));
    stale(&browser.get("/pay").await);
    // Neither activity nor a rotation is a log-in.
    browser.get("/visit").await;
    browser.get("/rotate").await;
    stale(&browser.get("/pay").await);
    browser.get("/log_in/ada").await;
    assert_eq!(browser.get("/pay").await.body, "paid");
}

#[tokio::test]
async fn a_request_that_logs_in_is_fresh_and_one_that_lets_go_of_the_owner_is_not() {
    let (clock, store) = timed();
    let handler = async |session: Session| {
        session.require_fresh(Duration::ZERO).expect_err("long ago");
        session.set_owner("ada");
        session.require_fresh(Duration::ZERO).expect("now");
        assert_eq!(session.owner_age(), Some(Duration::ZERO));
        session.set_owner(None);
        session.require_fresh(Duration::MAX).expect_err("nobody");
        assert_eq!(session.owner_age(), None);
    };
    let browser = with(layer(&store), Router::new().route("/all", get(handler)));
    browser.get("/log_in/ada").await;
    clock.advance(MINUTE);
    assert_eq!(browser.get("/all").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_handler_can_answer_a_stale_log_in_by_its_own_page() {
    let (_, store) = timed();
    let handler = async |session: Session| -> Response {
        match session.require_fresh(MINUTE) {
            Ok(()) => "paid".into_response(),
            Err(SessionRejection::NotFresh) => {
                axum::response::Redirect::to("/log_in").into_response()
            }
            Err(other) => other.into_response(),
        }
    };
    let browser = with(layer(&store), Router::new().route("/pay", get(handler)));
    let answer = browser.get("/pay").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/log_in".to_owned())
    );
}

#[tokio::test]
async fn owner_since_is_the_last_log_in() {
    let (clock, store) = timed();
    let since = async |session: Session| {
        let since = session
            .owner_since()
            .map(|at| at.duration_since(SystemTime::UNIX_EPOCH));
        since.map_or_else(
            || "never".to_owned(),
            |at| at.expect("later").as_micros().to_string(),
        )
    };
    let browser = with(layer(&store), Router::new().route("/since", get(since)));
    assert_eq!(browser.get("/since").await.body, "never");
    browser.get("/log_in/ada").await;
    clock.advance(HOUR);
    browser.get("/log_in/ada").await;
    let logged_in = record(&store).await.now().as_micros().to_string();
    clock.advance(HOUR);
    assert_eq!(browser.get("/since").await.body, logged_in);
}

async fn keep_me(session: Session) {
    session.set_owner("ada");
    session.remember(DAY * 20);
}

#[tokio::test]
async fn somebody_who_is_remembered_stays_signed_in_and_others_do_not() {
    let (clock, store) = timed();
    let layer = layer(&store).idle_timeout(HOUR).absolute_timeout(DAY);
    let routes = Router::new().route("/keep_me", get(keep_me));
    let browser = with(layer.clone(), routes);
    // A newcomer, and one with a session.
    for path in ["/status", "/write/a/1"] {
        let browser = browser.copy();
        browser.get(path).await;
        let answer = browser.get("/keep_me").await;
        assert_eq!(answer.set_cookies().len(), 1, "{path}");
        assert!(
            answer.set_cookies()[0].contains("; Max-Age=1728000"),
            "{path}"
        );
    }
    browser.get("/keep_me").await;
    let other = browse(layer);
    let answer = other.get("/log_in/ada").await;
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    clock.advance((DAY * 20).saturating_sub(SECOND));
    assert_eq!(browser.get("/whoami").await.body, "ada");
    assert_eq!(other.get("/whoami").await.body, "nobody");
    clock.advance(SECOND);
    assert_eq!(
        browser.get("/whoami").await.body,
        "nobody",
        "its absolute limit, whatever the activity"
    );
}

#[tokio::test]
async fn a_remembered_cookie_never_outlives_its_session() {
    let (clock, store) = timed();
    let layer = layer(&store)
        .absolute_timeout(DAY * 30)
        .touch_interval(MINUTE);
    let browser = with(layer, Router::new().route("/keep_me", get(keep_me)));
    browser.get("/keep_me").await;
    clock.advance(DAY * 15);
    let answer = browser.get("/whoami").await;
    let left = format!("; Max-Age={}", (DAY * 15).as_secs());
    assert!(
        answer.set_cookies()[0].contains(&left),
        "{:?}",
        answer.set_cookies()
    );
    clock.advance(DAY * 14 + HOUR * 23);
    let answer = browser.get("/whoami").await;
    let left = format!("; Max-Age={}", HOUR.as_secs());
    assert!(
        answer.set_cookies()[0].ends_with(&left),
        "{:?}",
        answer.set_cookies()
    );
    clock.advance(HOUR);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
}

/// Somebody logged in, active this often: how long that lasts.
async fn lasts(timeouts: Timeouts, pause: Duration) -> Duration {
    let (clock, store) = timed();
    let browser = browse(layer(&store).timeouts(timeouts));
    browser.get("/log_in/ada").await;
    let mut lasted = Duration::ZERO;
    loop {
        clock.advance(pause);
        lasted += pause;
        if browser.get("/whoami").await.body == "nobody" {
            return lasted;
        }
    }
}

#[tokio::test]
async fn the_presets_are_what_nist_asks_of_each_level() {
    for (timeouts, idle, absolute) in [
        (Timeouts::aal1(), DAY * 30, DAY * 30),
        (Timeouts::aal2(), HOUR, DAY),
        (Timeouts::aal3(), MINUTE * 15, HOUR * 12),
    ] {
        assert_eq!((timeouts.idle, timeouts.absolute), (idle, absolute));
        assert_eq!(lasts(timeouts, idle).await, idle, "inactive");
        assert_eq!(lasts(timeouts, idle + SECOND).await, idle + SECOND);
        if idle < absolute {
            // Touches are throttled to a twentieth, so an activity may count that much less.
            let often = idle.saturating_sub(idle / 20);
            assert!(lasts(timeouts, often).await > idle * 2, "active");
            let minutes = MINUTE * 5;
            assert_eq!(lasts(timeouts, minutes).await, absolute, "however active");
        }
    }
}

fn limited(store: &session_tests::SpyStore) -> Browser {
    browse(
        layer(store)
            .idle_timeout(HOUR)
            .absolute_timeout(HOUR * 3)
            .touch_interval(SECOND),
    )
}

#[tokio::test]
async fn activity_moves_the_idle_limit_only_and_another_log_in_as_the_same_user_no_absolute_one() {
    let (clock, store) = timed();
    let browser = limited(&store);
    browser.get("/log_in/ada").await;
    for _ in 0..5 {
        clock.advance(MINUTE * 30);
        browser.get("/log_in/ada").await;
        browser.get("/rotate").await;
    }
    clock.advance(MINUTE * 30);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
    // After a log-out everything begins anew.
    browser.get("/log_in/ada").await;
    clock.advance(MINUTE * 59);
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn a_client_that_ignores_max_age_is_out_all_the_same() {
    let (clock, store) = timed();
    let browser = browse(layer(&store).max_age(HOUR).absolute_timeout(HOUR * 2));
    browser.get("/log_in/ada").await;
    clock.advance(HOUR);
    // This browser keeps its cookies for ever.
    assert_eq!(browser.get("/status").await.body, "Unknown");
}

#[tokio::test]
async fn the_end_of_a_session_can_be_read_without_moving_it() {
    let (clock, store) = timed();
    let left = async |session: Session| {
        let end = session.expires_at().expect("it lives");
        let end = end.duration_since(SystemTime::UNIX_EPOCH).expect("later");
        end.as_micros().to_string()
    };
    let browser = with(
        layer(&store).idle_timeout(HOUR),
        Router::new().route("/left", get(left)),
    );
    browser.get("/log_in/ada").await;
    let end = record(&store).await.expires_at();
    clock.advance(MINUTE);
    store.forget_calls();
    assert_eq!(browser.get("/left").await.body, end.as_micros().to_string());
    assert_eq!(store.calls(), [session_tests::Call::Load]);
    assert_eq!(record(&store).await.expires_at(), end);
}
