//! What most tests begin with.

use axum::http::StatusCode;
use axum::{
    Router,
    extract::{Path, Request},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use session_axum::{
    Committed, FieldChange, Guard, Key, ManualClock, MemoryStore, Patch, Record, Rotation, Session,
    SessionData, SessionError, SessionLayer, SessionStore, TypedSession,
};
use session_tests::{Browser, SpyStore};
use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);
/// The shortest time that a clock knows.
pub(crate) const TICK: Duration = Duration::from_micros(1);

/// Options of a layer.
pub(crate) type Configure = fn(SessionLayer) -> SessionLayer;

/// The view of most tests.
#[derive(SessionData)]
pub(crate) struct Visit {
    pub(crate) count: u64,
    pub(crate) name: Option<String>,
}

pub(crate) type Visits = TypedSession<Visit>;

/// The one key of all tests that need no other.
pub(crate) fn key() -> Key {
    Key::derive_from("a secret of the tests, long enough").expect("32 bytes")
}

pub(crate) fn layer(store: &(impl SessionStore + Clone)) -> SessionLayer {
    session_tests::layer(store, key())
}

/// A browser in front of these routes and the usual ones.
pub(crate) fn browse(store: &(impl SessionStore + Clone), routes: Router) -> Browser {
    with(layer(store), routes)
}

/// The same with a layer of its own.
pub(crate) fn with(layer: SessionLayer, routes: Router) -> Browser {
    Browser::new(usual().merge(routes).layer(layer))
}

/// A spy in front of a memory store whose time stands still.
pub(crate) fn timed() -> (ManualClock, SpyStore) {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    (clock, SpyStore::around(store))
}

/// The record of the latest call.
pub(crate) async fn record(store: &SpyStore) -> Option<Arc<Record>> {
    store
        .inner
        .load(store.last_id())
        .await
        .expect("a memory store")
}

/// What the record of the latest call holds, as JSON text.
pub(crate) async fn stored(store: &SpyStore, name: &str) -> Option<String> {
    Some(record(store).await?.fields().get(name)?.to_owned())
}

/// The names of what is stored, with values.
pub(crate) async fn fields(store: &SpyStore) -> Vec<String> {
    let record = record(store).await.expect("lives");
    let fields = record.fields().iter();
    fields
        .map(|field| format!("{}={}", field.name, field.json))
        .collect()
}

fn usual() -> Router {
    Router::new()
        .route("/plain", get(|| async { "plain" }))
        .route(
            "/read",
            get(async |visit: Visits| {
                let name = visit.name().unwrap_or_else(|| "nobody".to_owned());
                format!("{} {name}", visit.count())
            }),
        )
        .route(
            "/count/{count}",
            get(async |visit: Visits, Path(count): Path<u64>| visit.set_count(count)),
        )
        .route(
            "/name/{name}",
            get(async |visit: Visits, Path(name): Path<String>| visit.set_name(Some(name))),
        )
        .route("/increment", get(increment))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route("/destroy", get(async |session: Session| session.destroy()))
        .route(
            "/owner/{owner}",
            get(async |session: Session, Path(owner): Path<String>| {
                session.set_owner(owner.as_str());
            }),
        )
        .route(
            "/status",
            get(async |session: Session| format!("{:?}", session.status())),
        )
}

pub(crate) async fn increment(visit: Visits) -> Result<String, SessionError> {
    let count = visit.update(|visit| {
        visit.count += 1;
        visit.count
    });
    Ok(count.await?.to_string())
}

/// What an outcome is called.
pub(crate) fn outcome<T>(result: &Result<T, SessionError>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// A middleware that answers 500 where the handler panics, as those of others do.
pub(crate) async fn catch_panic(request: Request, next: Next) -> Response {
    let handler = tokio::spawn(next.run(request));
    handler
        .await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// Another process writes this field of the session of the latest call.
pub(crate) async fn write_behind(store: &SpyStore, field: FieldChange) {
    let fields = vec![field];
    commit_behind(
        store,
        Patch {
            fields,
            ..Patch::default()
        },
    )
    .await;
}

/// Another process rotates the session of the latest call.
pub(crate) async fn rotate_behind(store: &SpyStore) {
    let rotation = Some(Rotation::Explicit);
    commit_behind(
        store,
        Patch {
            rotation,
            ..Patch::default()
        },
    )
    .await;
}

async fn commit_behind(store: &SpyStore, patch: Patch) {
    let guard = Guard {
        generation: record(store).await.expect("lives").generation(),
        version: None,
    };
    let answer = store.inner.commit(store.last_id(), guard, &patch).await;
    assert!(matches!(answer, Ok(Committed::Applied(_))));
}

/// Begins this, and lets it be.
pub(crate) async fn begun<F: Future>(future: F) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let waits = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await;
    assert!(waits);
    future
}
