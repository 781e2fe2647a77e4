//! Ours, as it is measured.

use axum::{Router, routing::get};
use bench_harness::{Adapter, TEXT};
use session_axum::{
    Key, MemoryStore, SessionData, SessionError, SessionLayer, SessionStore, TypedSession,
};

pub const ADAPTER: Adapter = Adapter {
    name: "ours",
    counts: true,
    build: |capacity| {
        let capacity = usize::try_from(capacity).expect("as many as fit");
        router(MemoryStore::builder().max_sessions(capacity).build())
    },
};

#[derive(SessionData)]
struct Visit {
    count: u64,
}

#[derive(SessionData)]
struct Profile {
    name: String,
    email: String,
    city: String,
    street: String,
    company: String,
    theme: String,
    language: String,
    note: String,
    visits: u64,
    level: u64,
}

/// The application over any store.
pub fn router(store: impl SessionStore) -> Router {
    Router::new()
        .route("/unused", get(async || "x"))
        .route("/read", get(read))
        .route("/update", get(update))
        .route("/set", get(set))
        .route("/fill", get(fill))
        .route("/read_one", get(read_one))
        .route("/write_one", get(write_one))
        .layer(SessionLayer::new(store, Key::generate()))
}

async fn read(session: TypedSession<Visit>) -> String {
    session.count().to_string()
}

async fn update(session: TypedSession<Visit>) -> Result<String, SessionError> {
    let count = session.update(|visit| {
        visit.count += 1;
        visit.count
    });
    Ok(count.await?.to_string())
}

async fn set(session: TypedSession<Visit>) -> String {
    let count = session.count() + 1;
    session.set_count(count);
    count.to_string()
}

async fn fill(session: TypedSession<Profile>) -> &'static str {
    session.set_state(Profile {
        name: TEXT.into(),
        email: TEXT.into(),
        city: TEXT.into(),
        street: TEXT.into(),
        company: TEXT.into(),
        theme: TEXT.into(),
        language: TEXT.into(),
        note: TEXT.into(),
        visits: 1,
        level: 1,
    });
    "x"
}

async fn read_one(session: TypedSession<Profile>) -> String {
    session.visits().to_string()
}

async fn write_one(session: TypedSession<Profile>) -> String {
    let visits = session.visits() + 1;
    session.set_visits(visits);
    visits.to_string()
}
