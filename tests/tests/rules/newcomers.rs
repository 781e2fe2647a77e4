//! R1 and R3: what begins before there is a cookie.

use axum::Router;
use session_axum::SessionStore as _;
use session_tests::{Call, SpyStore};

use crate::common::browse;

#[tokio::test]
async fn two_first_writes_at_once_are_two_sessions_and_the_browser_keeps_one() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let mut created = store.hold_answer(Call::Create);
    let slow = browser.start("/count/1");
    created.reached().await;
    let fast = browser.get("/name/Ada").await;
    assert_eq!(fast.set_cookies().len(), 1);
    assert_eq!(browser.get("/read").await.body, "0 Ada");
    created.release();
    assert_eq!(slow.await.expect("runs").set_cookies().len(), 1);
    // What came last counts, and is a session like any other.
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    assert_eq!(store.inner.count().await.expect("counts"), 2);
}
