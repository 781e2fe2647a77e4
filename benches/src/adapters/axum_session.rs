//! `axum_session` with private cookies and sessions in memory.

use axum::{Router, routing::get};
use axum_session::{
    Key, SessionConfig, SessionLayer, SessionNullPool, SessionNullSession, SessionNullSessionStore,
};
use bench_harness::{Adapter, NAMES, TEXT};
use futures_util::FutureExt as _;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "axum_session",
    counts: true,
    build: |_| router(),
};

fn router() -> Router {
    let config = SessionConfig::default().with_key(Key::generate());
    let store = SessionNullSessionStore::new(None::<SessionNullPool>, config);
    let store = store.now_or_never().expect("nothing to wait for");
    let store = store.expect("no database to fail");
    Router::new()
        .route("/unused", get(async || "x"))
        .route(
            "/read",
            get(async |session: SessionNullSession| read(&session, "count")),
        )
        .route(
            "/update",
            get(async |session: SessionNullSession| add(&session, "count")),
        )
        .route(
            "/set",
            get(async |session: SessionNullSession| add(&session, "count")),
        )
        .route("/fill", get(fill))
        .route(
            "/read_one",
            get(async |session: SessionNullSession| read(&session, "visits")),
        )
        .route(
            "/write_one",
            get(async |session: SessionNullSession| add(&session, "visits")),
        )
        .layer(SessionLayer::new(store))
}

fn read(session: &SessionNullSession, name: &str) -> String {
    session.get::<u64>(name).unwrap_or(0).to_string()
}

/// It has no atomic way.
fn add(session: &SessionNullSession, name: &str) -> String {
    let count = session.get::<u64>(name).unwrap_or(0) + 1;
    session.set(name, count);
    count.to_string()
}

async fn fill(session: SessionNullSession) -> &'static str {
    for name in NAMES {
        session.set(name, TEXT);
    }
    for name in ["visits", "level"] {
        session.set(name, 1);
    }
    "x"
}
