//! How calls share the connections of the application's pool on PostgreSQL.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use session_core::{SessionStore, conformance::Harness as _};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinSet, time::timeout};

use crate::{ANYTIME, create, postgres::Schema, postgres_faults::PING, set_count, wire::overheard};

const LONG: Duration = Duration::from_secs(30);

/// A pool of one connection, and how often it was asked for a sign of life.
async fn one_connection(schema: &Schema) -> (PgPool, Arc<AtomicUsize>) {
    let pings = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&pings);
    let options = overheard(schema, move |said| {
        count.fetch_add(usize::from(said == Some(PING)), Ordering::SeqCst);
    });
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options.await).await;
    (pool.expect("through the proxy"), pings)
}

#[tokio::test]
async fn calls_that_wait_take_over_a_connection_without_a_sign_of_life() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let id = create(&schema.store().await).await;
    let (pool, pings) = one_connection(&schema).await;
    let store = schema.store_in(pool);
    store.load(id).await.expect("load").expect("alive");
    pings.store(0, Ordering::SeqCst);

    let mut calls = JoinSet::new();
    for _ in 0..80 {
        let store = store.clone();
        calls.spawn(async move { store.load(id).await.expect("load").expect("alive") });
    }
    assert_eq!(calls.join_all().await.len(), 80);
    let pings = pings.load(Ordering::SeqCst);
    assert!((6..=16).contains(&pings), "{pings} in 80 calls");
}

#[tokio::test]
async fn others_get_their_turn_while_calls_wait_for_the_same_pool() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let id = create(&schema.store().await).await;
    let (pool, _) = one_connection(&schema).await;
    let store = schema.store_in(pool.clone());
    let done = Arc::new(AtomicUsize::new(0));
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let (store, done) = (store.clone(), Arc::clone(&done));
        calls.spawn(async move {
            store.load(id).await.expect("load").expect("alive");
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    // All of them have begun.
    tokio::task::yield_now().await;
    let connection = pool.acquire().await.expect("a connection");
    let before = done.load(Ordering::SeqCst);
    drop(connection);
    assert!(before <= 48, "{before} of 200 calls were before");
    calls.join_all().await;
}

#[tokio::test]
async fn a_connection_for_a_call_that_was_given_up_goes_back_to_the_pool() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let id = create(&schema.store().await).await;
    let (pool, _) = one_connection(&schema).await;
    let store = schema.store_in(pool.clone());
    {
        let mut first = pin!(store.load(id));
        let mut second = pin!(store.load(id));
        poll_fn(|cx| {
            let answer = first.as_mut().poll(cx);
            if answer.is_pending() {
                assert!(
                    second.as_mut().poll(cx).is_pending(),
                    "it waits for the first"
                );
            }
            answer.map(|answer| answer.expect("load").expect("alive"))
        })
        .await;
        // The connection is for the second by now, which never hears of it.
    }
    let connection = timeout(LONG, pool.acquire()).await;
    connection.expect("in time").expect("a connection");
}

#[tokio::test]
async fn a_call_waits_no_longer_than_the_pool_lets_wait() {
    let Some(schema) = Schema::start().await else {
        return;
    };
    let id = create(&schema.store().await).await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_millis(100))
        .connect(&schema.server);
    let store = schema.store_in(pool.await.expect("the server"));
    let mut others = schema.pool.begin().await.expect("a transaction");
    let lock = format!("SELECT FROM \"{}\".sessions FOR UPDATE", schema.name);
    let lock = sqlx::query(AssertSqlSafe(lock));
    lock.execute(&mut *others).await.expect("locked");

    let patch = set_count(2);
    let mut stuck = pin!(store.commit(id, ANYTIME, &patch));
    poll_fn(|cx| {
        assert!(stuck.as_mut().poll(cx).is_pending(), "the row is locked");
        Poll::Ready(())
    })
    .await;
    let refused = timeout(LONG, store.load(id)).await.expect("in time");
    assert!(refused.expect_err("no place").is_unavailable());
    others.rollback().await.expect("the lock is gone");
    stuck.await.expect("it has its turn");
}
