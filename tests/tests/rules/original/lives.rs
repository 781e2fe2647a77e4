//! What was wrong with stores and limits, and is right here.

use std::time::Duration;

use axum::Router;
use session_axum::{ManualClock, MemoryStore, SessionStore};
use session_tests::{Call, SpyStore};

use crate::common::{DAY, HOUR, MINUTE, SECOND, TICK, browse, layer, record, timed, with};

/// F3, F8: of a cookie without an age, too, and however few sessions there are.
#[tokio::test]
async fn a_session_without_max_age_ends_on_the_server_all_the_same() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    let answer = browser.get("/increment").await;
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    clock.advance(DAY);
    // Nothing has swept it: it is the load that looks.
    assert_eq!(browser.get("/read").await.body, "0 nobody");
}

/// F4
#[tokio::test]
async fn the_dead_go_without_any_creation_and_from_an_idle_process() {
    let clock = ManualClock::new();
    let few = MemoryStore::builder().max_sessions(1_000);
    let store = SpyStore::around(few.clock(clock.clone()).build());
    let browser = browse(&store, Router::new());
    for _ in 0..50 {
        browse(&store, Router::new()).get("/count/1").await;
    }
    clock.advance(DAY / 2);
    browser.get("/count/1").await;
    clock.advance(DAY / 2);
    for count in 2..5 {
        browser.get(&format!("/count/{count}")).await;
    }
    let left = store.delete_expired(1_000).await.expect("swept");
    assert!(
        (1..50).contains(&left),
        "writes removed some: {left} are left"
    );
    assert_eq!(store.count().await.expect("counted"), 1);
}

/// F5
#[tokio::test]
async fn young_sessions_are_bounded_too() {
    let store = SpyStore::around(MemoryStore::builder().max_sessions(100).build());
    for _ in 0..150 {
        browse(&store, Router::new()).get("/count/1").await;
    }
    assert_eq!(store.count().await.expect("counted"), 100);
    assert_eq!(store.inner.evicted(), 50);
}

/// F6
#[tokio::test]
async fn one_lifetime_drives_the_cookie_and_the_store() {
    for limit in [MINUTE, DAY * 7] {
        let (clock, store) = timed();
        let browser = with(layer(&store).max_age(limit), Router::new());
        let answer = browser.get("/count/1").await;
        let max_age = format!("; Max-Age={}", limit.as_secs());
        assert!(answer.set_cookies()[0].contains(&max_age));
        clock.advance(limit.saturating_sub(TICK));
        assert!(record(&store).await.is_some());
        clock.advance(TICK);
        assert!(record(&store).await.is_none());
    }
}

/// F7
#[tokio::test]
async fn who_is_active_is_not_cut_off_before_the_absolute_limit_and_the_cookie_is_renewed() {
    let (clock, store) = timed();
    let browser = with(
        layer(&store).max_age(HOUR).absolute_timeout(HOUR * 5),
        Router::new(),
    );
    browser.get("/count/1").await;
    for _ in 0..8 {
        clock.advance(HOUR / 2);
        let answer = browser.get("/read").await;
        assert_eq!(answer.body, "1 nobody");
        assert_eq!(answer.set_cookies().len(), 1);
    }
    clock.advance(HOUR.saturating_sub(TICK));
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    clock.advance(TICK);
    assert_eq!(browser.get("/read").await.body, "0 nobody");
}

/// F21
#[tokio::test]
async fn two_apps_of_a_process_share_no_store() {
    let (one, other) = (MemoryStore::default(), MemoryStore::default());
    let browser = browse(&one, Router::new());
    browser.get("/count/5").await;
    let elsewhere = browse(&other, Router::new());
    elsewhere.set_cookie("sid", &browser.cookie("sid").expect("a session"));
    assert_eq!(elsewhere.get("/read").await.body, "0 nobody");
    assert_eq!(other.count().await.expect("counted"), 0);
}

/// F22
#[tokio::test]
async fn an_id_that_is_taken_is_left_alone_and_another_one_found() {
    let store = SpyStore::new();
    store.take_ids(1);
    let browser = browse(&store, Router::new());
    assert_eq!(browser.get("/increment").await.body, "1");
    assert_eq!(store.calls(), [Call::Create, Call::Create]);
}

/// F27
#[tokio::test]
async fn time_is_injected_and_finer_than_seconds() {
    let (clock, store) = timed();
    let half = SECOND / 2;
    let layer = layer(&store)
        .idle_timeout(half)
        .touch_interval(Duration::from_millis(1));
    let browser = with(layer, Router::new());
    browser.get("/count/5").await;
    clock.advance(half.saturating_sub(TICK));
    assert_eq!(browser.get("/read").await.body, "5 nobody");
    clock.advance(half);
    assert_eq!(browser.get("/read").await.body, "0 nobody");
}
