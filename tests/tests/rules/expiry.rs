//! R15 and R16: when sessions end by themselves, and what renews them.

use std::time::Duration;

use axum::{Router, extract::Path, routing::get};
use session_axum::{
    ConfigError, Session, SessionError, SessionLayer, SessionStore as _, StoreError,
};
use session_tests::Call;
use tokio::sync::mpsc::unbounded_channel;

use crate::common::{
    Configure, DAY, HOUR, MINUTE, SECOND, TICK, Visits, browse, layer, outcome, record, stored,
    timed, with,
};

// R15

/// Whether a session that was made by this layer still lives after this time without activity.
async fn lives_after(configure: impl FnOnce(SessionLayer) -> SessionLayer, span: Duration) -> bool {
    let (clock, store) = timed();
    let browser = with(configure(layer(&store)), Router::new());
    browser.get("/count/1").await;
    clock.advance(span);
    match browser.get("/read").await.body.as_str() {
        "1 nobody" => true,
        "0 nobody" => false,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn without_activity_a_session_ends_exactly_at_the_idle_timeout() {
    let cases: [(Configure, Duration); 5] = [
        (|layer| layer, DAY),
        (|layer| layer.idle_timeout(HOUR), HOUR),
        (|layer| layer.max_age(DAY * 7), DAY * 7),
        (|layer| layer.max_age(DAY * 7).idle_timeout(HOUR), HOUR),
        (|layer| layer.idle_timeout(HOUR).max_age(DAY * 7), HOUR),
    ];
    for (configure, limit) in cases {
        assert!(lives_after(configure, limit - TICK).await, "{limit:?}");
        assert!(!lives_after(configure, limit).await, "{limit:?}");
        assert!(!lives_after(configure, limit + TICK).await, "{limit:?}");
    }
}

#[tokio::test]
async fn with_activity_a_session_ends_exactly_at_the_absolute_timeout() {
    let cases: [(Configure, Duration); 4] = [
        (|layer| layer, DAY * 30),
        (|layer| layer.absolute_timeout(DAY * 3), DAY * 3),
        (|layer| layer.max_age(DAY * 60).idle_timeout(DAY), DAY * 60),
        (|layer| layer.max_age(DAY * 2).idle_timeout(DAY), DAY * 30),
    ];
    for (configure, limit) in cases {
        let (clock, store) = timed();
        let browser = with(configure(layer(&store)), Router::new());
        browser.get("/count/1").await;
        for _ in 0..limit.as_secs() / HOUR.as_secs() - 1 {
            clock.advance(HOUR);
            browser.get("/read").await;
        }
        clock.advance(HOUR - TICK);
        assert_eq!(browser.get("/read").await.body, "1 nobody", "{limit:?}");
        clock.advance(TICK);
        assert_eq!(browser.get("/read").await.body, "0 nobody", "{limit:?}");
    }
}

#[tokio::test]
async fn the_deadline_is_the_same_for_load_commit_touch_and_sweep() {
    for (late, alive) in [(DAY - TICK, true), (DAY, false)] {
        let touch = async |session: Session| outcome(&session.touch().await);
        let refresh = async |session: Session| outcome(&session.refresh().await);
        let routes = || {
            Router::new()
                .route("/touch", get(touch))
                .route("/refresh", get(refresh))
        };
        for (path, live, dead) in [
            ("/read", "1 nobody", "1 nobody"),
            ("/count/2", "", ""),
            ("/increment", "2", "Conflict"),
            ("/touch", "ok", "Gone"),
            ("/refresh", "ok", "Gone"),
        ] {
            let (clock, store) = timed();
            let browser = browse(&store, routes());
            browser.get("/count/1").await;
            let mut loaded = store.hold_answer(Call::Load);
            let slow = browser.start(path);
            loaded.reached().await;
            clock.advance(late);
            loaded.release();
            let answer = slow.await.expect("runs");
            assert_eq!(answer.body, if alive { live } else { dead }, "{path}");
            answer.assert_no_set_cookie();
            assert_eq!(record(&store).await.is_some(), alive, "{path}");
        }
        let (clock, store) = timed();
        browse(&store, Router::new()).get("/count/1").await;
        clock.advance(late);
        let swept = store
            .inner
            .delete_expired(10)
            .await
            .expect("a memory store");
        assert_eq!(swept, u64::from(!alive));
    }
}

#[tokio::test]
async fn the_server_s_limits_hold_whatever_the_cookie_says() {
    let (clock, store) = timed();
    let browser = with(
        layer(&store)
            .max_age(DAY * 300)
            .idle_timeout(HOUR)
            .absolute_timeout(HOUR * 2),
        Router::new(),
    );
    let answer = browser.get("/count/1").await;
    assert!(
        answer.set_cookies()[0].ends_with("Max-Age=7200"),
        "no longer than the session can live"
    );
    let thief = browser.copy();
    clock.advance(HOUR / 2);
    browser.get("/read").await;
    clock.advance(HOUR);
    assert_eq!(thief.get("/read").await.body, "0 nobody");
}

// R16

#[tokio::test]
async fn the_expiry_is_renewed_at_most_once_per_touch_interval() {
    for (interval, configured) in [(MINUTE * 72, None), (MINUTE, Some(MINUTE))] {
        let (clock, store) = timed();
        let layer = match configured {
            Some(interval) => layer(&store).touch_interval(interval),
            None => layer(&store),
        };
        let browser = with(layer, Router::new());
        browser.get("/count/1").await;
        store.forget_calls();
        for _ in 0..3 {
            let before = record(&store).await.expect("lives").expires_at();
            clock.advance(interval - TICK);
            browser.get("/read").await.assert_no_set_cookie();
            assert_eq!(store.calls(), [Call::Load]);
            clock.advance(TICK);
            browser.get("/read").await.assert_no_set_cookie();
            assert_eq!(store.calls(), [Call::Load, Call::Commit]);
            let after = record(&store).await.expect("lives").expires_at();
            assert_eq!(after, before.after(interval));
            browser.get("/read").await;
            assert_eq!(store.calls(), [Call::Load]);
        }
    }
}

#[tokio::test]
async fn a_write_renews_the_expiry_in_its_own_commit_when_a_touch_is_due() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    for path in ["/count/2", "/increment", "/rotate"] {
        clock.advance(HOUR);
        let before = record(&store).await.expect("lives").expires_at();
        browser.get(path).await;
        assert_eq!(
            record(&store).await.expect("lives").expires_at(),
            before,
            "{path}"
        );
        clock.advance(HOUR);
        store.forget_calls();
        browser
            .get(if path == "/count/2" { "/count/3" } else { path })
            .await;
        assert_eq!(store.calls(), [Call::Load, Call::Commit], "{path}");
        let after = record(&store).await.expect("lives").expires_at();
        assert_eq!(after, before.after(HOUR * 2), "{path}");
    }
}

#[tokio::test]
async fn of_parallel_requests_that_find_a_touch_due_one_renews() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    let mut sent = store.hold(Call::Commit);
    let slow = browser.start("/read");
    sent.reached().await;
    browser.get("/read").await;
    let once = record(&store).await.expect("lives");
    clock.advance(SECOND);
    sent.release();
    slow.await.expect("runs");
    let twice = record(&store).await.expect("lives");
    assert_eq!(
        (twice.touched_at(), twice.expires_at()),
        (once.touched_at(), once.expires_at())
    );
}

#[tokio::test]
async fn the_expiry_moves_only_forward() {
    let (clock, store) = timed();
    let routes = Router::new().route(
        "/forget",
        get(async |session: Session| session.remember(MINUTE)),
    );
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    let long = record(&store).await.expect("lives").expires_at();
    browser.get("/forget").await;
    assert_eq!(record(&store).await.expect("lives").expires_at(), long);
    // Another process with a shorter timeout.
    let short = with(layer(&store).idle_timeout(HOUR), Router::new());
    short.set_cookie("sid", &browser.cookie("sid").expect("it has one"));
    clock.advance(HOUR * 2);
    short.get("/count/2").await;
    assert_eq!(record(&store).await.expect("lives").expires_at(), long);
}

#[tokio::test]
async fn activity_is_noted_also_where_the_absolute_limit_holds_the_expiry_back() {
    let (clock, store) = timed();
    let browser = with(layer(&store).absolute_timeout(DAY), Router::new());
    browser.get("/count/1").await;
    let before = record(&store).await.expect("stored");
    store.forget_calls();
    clock.advance(HOUR * 3);
    browser.get("/read").await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    let after = record(&store).await.expect("stored");
    assert_eq!(after.expires_at(), before.expires_at());
    assert!(after.touched_at() > before.touched_at());
}

#[tokio::test]
async fn a_short_lifetime_of_its_own_is_renewed_in_time_and_ends_without_activity() {
    let (clock, store) = timed();
    let keep = async |session: Session| {
        session.insert("count", 1);
        session.remember(HOUR);
    };
    let browser = browse(&store, Router::new().route("/keep", get(keep)));
    browser.get("/keep").await;
    for _ in 0..12 {
        clock.advance(HOUR / 6);
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
    clock.advance(HOUR);
    assert_eq!(browser.get("/read").await.body, "0 nobody");
}

#[tokio::test]
async fn it_is_renewed_after_a_twentieth_of_it() {
    let (clock, store) = timed();
    let keep = async |session: Session| {
        session.insert("count", 1);
        session.remember(HOUR);
    };
    let browser = browse(&store, Router::new().route("/keep", get(keep)));
    browser.get("/keep").await;
    store.forget_calls();
    clock.advance(MINUTE * 3 - TICK);
    browser.get("/read").await;
    assert_eq!(store.calls(), [Call::Load]);
    clock.advance(TICK);
    browser.get("/read").await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

#[tokio::test]
async fn an_explicit_touch_is_throttled_too() {
    let (clock, store) = timed();
    let touch = async |session: Session| outcome(&session.touch().await);
    let browser = browse(&store, Router::new().route("/touch", get(touch)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/touch").await.body, "ok");
    assert_eq!(store.calls(), [Call::Load, Call::Load]);
    clock.advance(HOUR * 2);
    assert_eq!(browser.get("/touch").await.body, "ok");
    assert_eq!(store.calls(), [Call::Load, Call::Load, Call::Commit]);
}

#[tokio::test]
async fn an_explicit_touch_sends_nothing_that_is_staged() {
    let (clock, store) = timed();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.set_count(2);
        visit.session().touch().await?;
        assert_eq!(spy.calls(), [Call::Load, Call::Load, Call::Commit]);
        assert_eq!(stored(&spy, "count").await.as_deref(), Some("1"));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/touch", get(handler)));
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    store.forget_calls();
    browser.get("/touch").await;
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn an_explicit_touch_that_the_store_refused_says_so() {
    let (clock, store) = timed();
    let touch = async |session: Session| outcome(&session.touch().await);
    let browser = browse(&store, Router::new().route("/touch", get(touch)));
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    store.fail(Call::Commit, StoreError::unavailable("out of order"));
    assert!(browser.get("/touch").await.body.starts_with("Store("));
    assert_eq!(browser.get("/touch").await.body, "ok");
}

#[tokio::test]
async fn a_shorter_lifetime_of_its_own_takes_nothing_back_from_the_cookie() {
    let (clock, store) = timed();
    let keep = async |session: Session, Path(days): Path<u32>| {
        session.insert("count", 1);
        session.remember(DAY * days);
    };
    let browser = browse(&store, Router::new().route("/keep/{days}", get(keep)));
    browser.get("/keep/60").await;
    clock.advance(DAY * 40);
    // Behind the layer's own absolute limit, of which the first lifetime made more.
    for (days, granted) in [(7, 7), (90, 50)] {
        let answer = browser.get(&format!("/keep/{days}")).await;
        let max_age = format!("; Max-Age={}", (DAY * granted).as_secs());
        assert!(answer.set_cookies()[0].ends_with(&max_age), "{answer:?}");
    }
}

#[tokio::test]
async fn an_explicit_touch_keeps_a_session_alive_that_is_held_for_days() {
    let (clock, store) = timed();
    let (give, taken) = tokio::sync::oneshot::channel();
    let give = std::sync::Mutex::new(Some(give));
    let handler = move |session: Session| {
        let give = give
            .lock()
            .expect("not poisoned")
            .take()
            .expect("one request");
        assert!(give.send(session).is_ok());
        async {}
    };
    let handler = std::sync::Arc::new(handler);
    let socket = get(async move |session: Session| handler(session).await);
    let browser = browse(&store, Router::new().route("/socket", socket));
    browser.get("/count/1").await;
    browser.get("/socket").await;
    let session = taken.await.expect("it came");
    for _ in 0..5 {
        clock.advance(HOUR * 20);
        session.touch().await.expect("it lives");
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    clock.advance(DAY);
    assert!(matches!(session.touch().await, Err(SessionError::Gone)));
}

#[tokio::test]
async fn a_persistent_cookie_is_renewed_with_the_expiry_and_only_then() {
    let (clock, store) = timed();
    let browser = with(layer(&store).max_age(DAY * 10), Router::new());
    let first = browser.get("/count/1").await;
    assert!(
        first.set_cookies()[0].contains("; Max-Age=864000"),
        "{:?}",
        first.set_cookies()
    );
    browser.get("/count/2").await.assert_no_set_cookie();
    clock.advance(DAY / 2 - TICK);
    browser.get("/read").await.assert_no_set_cookie();
    clock.advance(TICK);
    for path in ["/read", "/count/3"] {
        let renewed = browser.get(path).await;
        assert!(renewed.set_cookies()[0].contains("; Max-Age=864000"));
        clock.advance(DAY / 2);
    }
    // The cookie promises no more than the server keeps.
    for _ in 0..55 {
        clock.advance(DAY / 2);
        let renewed = browser.get("/read").await;
        let left = renewed.set_cookies().first().map(|cookie| {
            let age = cookie.rsplit_once("Max-Age=").expect("persistent").1;
            age.parse::<u64>().expect("seconds")
        });
        let Some(left) = left else { continue };
        let end = record(&store)
            .await
            .expect("lives")
            .started_at()
            .after(DAY * 30);
        let now = record(&store).await.expect("lives").now();
        assert!(Duration::from_secs(left) <= end.since(now));
    }
    assert_eq!(browser.get("/read").await.body, "3 nobody");
}

#[tokio::test]
async fn a_touch_does_not_renew_a_cookie_that_ends_with_the_browser_session() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    let first = browser.get("/count/1").await;
    assert!(
        !first.set_cookies()[0].contains("Max-Age") && !first.set_cookies()[0].contains("Expires")
    );
    clock.advance(HOUR * 2);
    store.forget_calls();
    browser.get("/read").await.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

#[tokio::test]
async fn what_is_dead_is_invisible_before_any_sweep() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(DAY);
    assert_eq!(browser.get("/status").await.body, "Unknown");
    assert_eq!(store.inner.count().await.expect("a memory store"), 0);
    let swept = store.inner.delete_expired(10).await;
    assert_eq!(swept.expect("a memory store"), 1, "it was still there");
}

#[tokio::test]
async fn a_stream_that_touches_leaves_the_renewal_of_a_persistent_cookie_to_the_pages() {
    let (clock, store) = timed();
    let (tell, mut told) = unbounded_channel();
    let events = async move |session: Session| tell.send(session).expect("the test runs");
    let routes = Router::new().route("/events", get(events));
    let browser = with(layer(&store).max_age(HOUR), routes);
    browser.get("/count/1").await;
    browser.get("/events").await;
    let stream = told.recv().await.expect("a session");
    let mut ends = HOUR;
    for minute in 1..=12 * 60 {
        clock.advance(MINUTE);
        stream.touch().await.expect("lives");
        if minute % 5 == 0 {
            assert!(MINUTE * minute < ends, "the browser has dropped its cookie");
            if !browser.get("/read").await.set_cookies().is_empty() {
                ends = MINUTE * minute + HOUR;
            }
        }
    }
    // Alone it still keeps the session alive.
    for _ in 0..200 {
        clock.advance(MINUTE);
        stream.touch().await.expect("lives");
    }
}

#[tokio::test]
async fn a_cookie_for_longer_than_browsers_keep_any_is_renewed_in_time() {
    let (clock, store) = timed();
    let layer = layer(&store).max_age(DAY * 36_500);
    let late = layer.clone().touch_interval(DAY * 400);
    assert_eq!(
        late.check().expect_err("too late"),
        ConfigError::TouchInterval
    );
    let browser = with(layer, Router::new());
    browser.get("/count/1").await;
    let mut ends = 400;
    for day in 1..1000 {
        clock.advance(DAY);
        assert!(day < ends, "the browser has dropped its cookie");
        if !browser.get("/read").await.set_cookies().is_empty() {
            ends = day + 400;
        }
    }
}
