//! Periodic rotation, its grace, and replayed tokens (DESIGN 4.3, R11).

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{
    ManualClock, ReplayPolicy, Session, SessionLayer, SessionStore as _, StoreError,
};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{DAY, HOUR, MINUTE, SECOND, browse, layer, record, timed, token, whose, with};

const GRACE: Duration = Duration::from_secs(30);

fn rotating(store: &SpyStore) -> SessionLayer {
    layer(store).rotate_every(HOUR)
}

/// Somebody logged in, of generation 0, at the moment when a rotation is due; with two fields.
async fn due(store: &SpyStore, clock: &ManualClock) -> Browser {
    let browser = browse(rotating(store));
    browser.get("/log_in/ada").await;
    browser.get("/write/a/1").await;
    clock.advance(HOUR);
    browser
}

#[tokio::test]
async fn a_session_gets_a_new_generation_at_the_first_request_after_each_period() {
    let (clock, store) = timed();
    let browser = browse(rotating(&store));
    browser.get("/log_in/ada").await;
    clock.advance(HOUR.saturating_sub(Duration::from_micros(1)));
    browser.get("/whoami").await.assert_no_set_cookie();
    clock.advance(Duration::from_micros(1));
    for generation in 1..4 {
        // Whatever the request does.
        let path = ["/whoami", "/write/a/1", "/visit"][generation as usize % 3];
        assert_eq!(browser.get(path).await.set_cookies().len(), 1, "{path}");
        assert_eq!(record(&store).await.generation(), generation);
        browser.get("/whoami").await.assert_no_set_cookie();
        clock.advance(HOUR);
    }
    assert_eq!(record(&store).await.barrier(), 0);
}

#[tokio::test]
async fn without_the_option_nothing_rotates_by_itself() {
    let (clock, store) = timed();
    let browser = browse(layer(&store).idle_timeout(DAY * 20));
    browser.get("/log_in/ada").await;
    clock.advance(DAY * 10);
    browser.get("/whoami").await.assert_no_set_cookie();
    assert_eq!(record(&store).await.generation(), 0);
}

#[tokio::test]
async fn parallel_requests_at_the_moment_of_rotation_all_succeed() {
    for slow in [false, true] {
        let (clock, store) = timed();
        let browser = due(&store, &clock).await;
        if slow {
            store.be_slow();
        }
        let tabs: Vec<_> = (0..10).map(|_| browser.copy()).collect();
        let requests: Vec<_> = tabs
            .iter()
            .enumerate()
            .map(|(at, tab)| match at % 4 {
                0 => tab.start("/whoami"),
                1 => tab.start(&format!("/write/f{at}/1")),
                _ => tab.start("/visit"),
            })
            .collect();
        for request in requests {
            assert_eq!(request.await.expect("ends").status, StatusCode::OK);
        }
        assert_eq!(record(&store).await.generation(), 1, "once for all of them");
        for (at, tab) in tabs.iter().enumerate() {
            assert_eq!(
                tab.get("/whoami").await.body,
                "ada",
                "whichever response came last"
            );
            assert_eq!(tab.get("/read/f1").await.body, "1", "{at}");
        }
        assert_eq!(tabs[0].get("/visit").await.body, "5");
    }
}

#[tokio::test]
async fn a_response_beside_the_rotation_never_restores_the_older_token() {
    for path in ["/whoami", "/write/late/1", "/visit"] {
        for call in [Call::Load, Call::Commit] {
            let (clock, store) = timed();
            let browser = due(&store, &clock).await;
            let (tab, old) = (browser.copy(), token(&browser));
            let mut held = match call {
                Call::Load => store.hold_answer(call),
                _ => store.hold(call),
            };
            let slow = tab.start(path);
            held.reached().await;
            browser.get("/whoami").await;
            assert_eq!(record(&store).await.generation(), 1);
            clock.advance(MINUTE * 5);
            browser.get("/whoami").await;
            clock.advance(MINUTE * 5);
            held.release();
            assert_eq!(slow.await.expect("ends").status, StatusCode::OK);
            // By now the older token is dead; what the slow response set, if anything, is not.
            assert_eq!(
                whose(&browser, &old).await,
                "nobody",
                "{path} held at {call:?}"
            );
            if token(&tab) != old {
                assert_eq!(
                    tab.get("/whoami").await.body,
                    "ada",
                    "{path} held at {call:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_touch_beside_the_rotation_renews_no_cookie_of_the_older_token() {
    let (clock, store) = timed();
    let layer = rotating(&store)
        .max_age(HOUR * 4)
        .touch_interval(MINUTE * 10);
    let browser = browse(layer);
    browser.get("/log_in/ada").await;
    clock.advance(HOUR.saturating_sub(MINUTE));
    let tab = browser.copy();
    // It finds a touch due, and no rotation yet.
    let mut held = store.hold(Call::Commit);
    let slow = tab.start("/write/a/1");
    held.reached().await;
    clock.advance(MINUTE * 2);
    browser.get("/whoami").await;
    assert_eq!(record(&store).await.generation(), 1);
    held.release();
    slow.await.expect("ends").assert_no_set_cookie();
}

#[tokio::test]
async fn a_periodic_rotation_is_no_barrier() {
    let (clock, store) = timed();
    let browser = browse(rotating(&store));
    browser.get("/log_in/ada").await;
    browser.get("/rotate").await;
    clock.advance(HOUR.saturating_sub(SECOND));
    // Loaded before it was time.
    let mut held = store.hold(Call::Commit);
    let slow = browser.copy().start("/write/late/1");
    held.reached().await;
    clock.advance(SECOND);
    browser.get("/write/b/2").await;
    held.release();
    let late = slow.await.expect("ends");
    assert_eq!(late.status, StatusCode::OK);
    late.assert_no_set_cookie();
    assert_eq!(browser.get("/read/late").await.body, "1");
    assert_eq!(browser.get("/read/b").await.body, "2");
}

#[tokio::test]
async fn a_client_that_lost_the_response_with_the_new_token_is_not_logged_out() {
    for path in ["/whoami", "/write/b/2", "/visit"] {
        let (clock, store) = timed();
        let browser = due(&store, &clock).await;
        let lost = browser.copy();
        lost.get(path).await;
        // Long after the grace, for nobody has seen the new token.
        clock.advance(HOUR / 2);
        let answer = browser.get(path).await;
        assert_eq!(answer.set_cookies().len(), 1, "it gets the current one");
        assert_ne!(token(&browser), token(&lost), "sealed anew");
        assert_eq!(record(&store).await.generation(), 1);
        assert_eq!(browser.get("/whoami").await.body, "ada");
    }
}

#[tokio::test]
async fn the_grace_ends_after_one_more_period_even_if_nobody_saw_the_new_token() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let old = token(&browser);
    browser.copy().get("/whoami").await;
    clock.advance((HOUR + GRACE).saturating_sub(SECOND));
    assert_eq!(whose(&browser, &old).await, "ada");
    clock.advance(SECOND);
    assert_eq!(whose(&browser, &old).await, "nobody");
}

#[tokio::test]
async fn the_grace_starts_when_the_new_token_is_first_seen() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let old = token(&browser);
    browser.get("/whoami").await;
    clock.advance(MINUTE * 10);
    store.forget_calls();
    browser.get("/whoami").await.assert_no_set_cookie();
    assert_eq!(
        store.calls(),
        [Call::Load, Call::Commit],
        "its first sight is noted"
    );
    browser.get("/whoami").await;
    assert_eq!(store.calls(), [Call::Load], "once");
    clock.advance(GRACE.saturating_sub(SECOND));
    assert_eq!(whose(&browser, &old).await, "ada");
    clock.advance(SECOND);
    assert_eq!(whose(&browser, &old).await, "nobody");
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn the_request_that_rotates_is_not_the_first_sight_of_the_new_token() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let old = token(&browser);
    store.forget_calls();
    // An `update` that rotates, and the commit of the response after it.
    browser.copy().get("/visit").await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    clock.advance(GRACE * 2);
    assert_eq!(whose(&browser, &old).await, "ada", "the response was lost");
}

#[tokio::test]
async fn each_response_to_the_previous_token_carries_the_current_one() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let stale = browser.copy();
    browser.get("/whoami").await;
    browser.get("/whoami").await;
    for _ in 0..3 {
        clock.advance(SECOND);
        let tab = stale.copy();
        let answer = tab.get("/whoami").await;
        assert_eq!(
            (answer.body.as_str(), answer.set_cookies().len()),
            ("ada", 1)
        );
        tab.get("/whoami").await.assert_no_set_cookie();
        assert_eq!(record(&store).await.generation(), 1, "it rotates nothing");
    }
}

#[tokio::test]
async fn a_token_older_than_the_previous_one_works_no_more() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let oldest = token(&browser);
    browser.get("/whoami").await;
    clock.advance(HOUR);
    let previous = token(&browser);
    browser.get("/whoami").await;
    assert_eq!(record(&store).await.generation(), 2);
    assert_eq!(whose(&browser, &previous).await, "ada");
    assert_eq!(whose(&browser, &oldest).await, "nobody");
}

#[tokio::test]
async fn after_an_explicit_rotation_or_a_change_of_owner_there_is_no_grace() {
    for path in ["/rotate", "/log_in/ada", "/log_in/bob"] {
        let (clock, store) = timed();
        let browser = due(&store, &clock).await;
        let previous = token(&browser);
        browser.get("/whoami").await;
        let current = token(&browser);
        browser.get(path).await;
        assert_eq!(whose(&browser, &previous).await, "nobody", "{path}");
        assert_eq!(whose(&browser, &current).await, "nobody", "{path}");
        assert_ne!(browser.get("/whoami").await.body, "nobody", "{path}");
    }
}

#[tokio::test]
async fn an_explicit_rotation_stands_in_for_a_periodic_one() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let old = token(&browser);
    browser.get("/rotate").await;
    let after = record(&store).await;
    assert_eq!((after.generation(), after.barrier()), (1, 1));
    assert_eq!(whose(&browser, &old).await, "nobody");
    clock.advance(HOUR.saturating_sub(SECOND));
    browser.get("/whoami").await.assert_no_set_cookie();
}

#[tokio::test]
async fn a_rotation_does_not_move_the_absolute_limit() {
    let (clock, store) = timed();
    let browser = browse(
        rotating(&store)
            .absolute_timeout(HOUR * 5)
            .idle_timeout(HOUR * 5),
    );
    browser.get("/log_in/ada").await;
    for hour in 1..5 {
        clock.advance(HOUR);
        let path = if hour % 2 == 0 { "/rotate" } else { "/whoami" };
        assert_eq!(browser.get(path).await.set_cookies().len(), 1);
    }
    clock.advance(HOUR);
    assert_eq!(browser.get("/whoami").await.body, "nobody");
}

#[tokio::test]
async fn an_older_token_after_its_grace_is_a_traced_replay_and_by_default_harms_nobody() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    let thief = browser.copy();
    browser.get("/whoami").await;
    browser.get("/whoami").await;
    clock.advance(GRACE);
    let log = Log::start();
    let answer = thief.get("/status").await;
    assert_eq!(answer.body, "Replayed");
    answer.assert_no_set_cookie();
    let lines = log.lines();
    assert!(lines.contains("a token of an older generation") && lines.contains("Replayed"));
    assert!(lines.contains(&store.last_id().fingerprint().to_string()));
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn by_the_policy_destroy_a_replay_ends_the_session_for_whoever_holds_it() {
    for (rotate, grace) in [("/whoami", "previous"), ("/rotate", "quiet")] {
        let (clock, store) = timed();
        let layer = rotating(&store).replay(ReplayPolicy::Destroy);
        let browser = browse(layer);
        browser.get("/log_in/ada").await;
        clock.advance(HOUR);
        let thief = browser.copy();
        browser.get(rotate).await;
        browser.get("/whoami").await;
        // Within the grace it is a parallel request.
        thief.copy().get("/whoami").await;
        assert_eq!(browser.get("/whoami").await.body, "ada", "{grace}");
        clock.advance(GRACE + SECOND);
        let log = Log::start();
        thief.get("/whoami").await.assert_no_set_cookie();
        assert!(
            log.lines().contains("its older token was replayed"),
            "{grace}"
        );
        assert_eq!(browser.get("/whoami").await.body, "nobody", "{grace}");
        assert_eq!(store.inner.count().await.expect("counts"), 0, "{grace}");
    }
}

#[tokio::test]
async fn a_store_failure_of_a_mere_periodic_rotation_is_only_traced() {
    let (clock, store) = timed();
    let remember = async |session: Session| session.remember(DAY * 30);
    let routes = Router::new().route("/remember", get(remember));
    let browser = with(rotating(&store), routes);
    browser.set_cookie("sid", &token(&due(&store, &clock).await));
    let log = Log::start();
    store.fail(Call::Commit, StoreError::unavailable("out of order"));
    let answer = browser.get("/whoami").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "ada")
    );
    answer.assert_no_set_cookie();
    assert!(log.lines().contains("a touch failed"));
    // The next one does it.
    assert_eq!(browser.get("/whoami").await.set_cookies().len(), 1);
    assert_eq!(browser.get("/whoami").await.body, "ada");

    // Together with something that somebody asked for, it is a failure.
    for path in ["/write/a/2", "/remember"] {
        clock.advance(HOUR);
        store.fail(Call::Commit, StoreError::unavailable("out of order"));
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        answer.assert_no_set_cookie();
        assert_eq!(browser.get("/whoami").await.body, "ada");
    }
}

#[tokio::test]
async fn a_periodic_rotation_whose_answer_was_lost_logs_nobody_out() {
    let (clock, store) = timed();
    let browser = due(&store, &clock).await;
    store.lose_answer(Call::Commit, StoreError::unavailable("out of order"));
    browser.get("/whoami").await.assert_no_set_cookie();
    assert_eq!(
        record(&store).await.generation(),
        1,
        "the store has done it"
    );
    clock.advance(MINUTE);
    assert_eq!(browser.get("/whoami").await.set_cookies().len(), 1);
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn a_server_error_rotates_nothing() {
    let (clock, store) = timed();
    let fail = async |session: Session| {
        drop(session);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let routes = Router::new().route("/fail", get(fail));
    let browser = with(rotating(&store), routes);
    browser.get("/log_in/ada").await;
    clock.advance(HOUR);
    browser.get("/fail").await.assert_no_set_cookie();
    assert_eq!(record(&store).await.generation(), 0);
}
