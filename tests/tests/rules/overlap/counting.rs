//! R5: N parallel updates add exactly N, on every kind of store and from every process.

use axum::{Router, http::StatusCode};
use session_axum::{MemoryStore, SessionStore};
use session_tests::{Browser, SpyStore};

use crate::common::browse;

const TASKS: usize = 8;
const EACH: usize = 250;

/// One browser in front of so many processes, which share nothing but the store and the key.
async fn processes<S: SessionStore + Clone>(store: &S, count: usize) -> Vec<Browser> {
    let first = browse(store, Router::new());
    first.get("/count/0").await;
    let cookie = first.cookie("sid").expect("a session");
    let others = (1..count).map(|_| {
        let other = browse(store, Router::new());
        other.set_cookie("sid", &cookie);
        other
    });
    std::iter::once(first.clone()).chain(others).collect()
}

async fn count(browsers: &[Browser]) {
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let tab = browsers[task % browsers.len()].clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    assert_eq!(tab.get("/increment").await.status, StatusCode::OK);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every update is Ok");
    }
    assert_eq!(browsers[0].get("/read").await.body, "2000 nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_store_that_answers_at_once() {
    let store = MemoryStore::new();
    count(&processes(&store, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_store_that_answers_at_once_from_two_processes() {
    let store = MemoryStore::new();
    count(&processes(&store, 2).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_store_that_waits() {
    let store = SpyStore::new();
    store.be_slow();
    count(&processes(&store, 1).await).await;
}

/// On the paused clock, for processes back off from one another.
#[tokio::test(start_paused = true)]
async fn on_a_store_that_waits_from_two_processes() {
    let store = SpyStore::new();
    store.be_slow();
    count(&processes(&store, 2).await).await;
}
