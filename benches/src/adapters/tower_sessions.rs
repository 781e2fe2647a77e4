//! tower-sessions, in the version that its own memory store is of, and in the older one that its other stores
//! are made for.

use axum::Router;
use bench_harness::Adapter;
use time::OffsetDateTime;
use tower_sessions::{MemoryStore, SessionManagerLayer, cookie::Key};
use tower_sessions_moka_store::MokaStore;

pub(super) const PRIVATE: Adapter = Adapter {
    name: "ts-private",
    counts: true,
    build: |_| {
        current::router(|routes| {
            routes.layer(
                SessionManagerLayer::new(MemoryStore::default()).with_private(Key::generate()),
            )
        })
    },
};

pub(super) const SIGNED: Adapter = Adapter {
    name: "ts-signed",
    counts: true,
    build: |_| {
        current::router(|routes| {
            routes.layer(
                SessionManagerLayer::new(MemoryStore::default()).with_signed(Key::generate()),
            )
        })
    },
};

pub(super) const PLAIN: Adapter = Adapter {
    name: "ts-plain",
    counts: true,
    build: |_| {
        current::router(|routes| routes.layer(SessionManagerLayer::new(MemoryStore::default())))
    },
};

/// Its fastest store beside private cookies.
pub(super) const MOKA: Adapter = Adapter {
    name: "ts-moka",
    counts: true,
    build: |capacity| older_router(MokaStore::new(Some(capacity)), Key::generate(), None),
};

/// The older one's application over any of its stores, with private cookies, and sessions that end at this time.
pub fn older_router<S>(store: S, key: Key, end: Option<OffsetDateTime>) -> Router
where
    S: tower_sessions_0_14::SessionStore + Clone,
{
    use tower_sessions_0_14::{Expiry, SessionManagerLayer};
    let layer = SessionManagerLayer::new(store);
    let layer = match end {
        Some(end) => layer.with_expiry(Expiry::AtDateTime(end)),
        None => layer,
    };
    older::router(|routes| routes.layer(layer.with_private(key)))
}

/// The older one's application over any of its stores.
pub fn older_over<S>(store: S) -> Router
where
    S: tower_sessions_0_14::SessionStore + Clone,
{
    older_router(store, Key::generate(), None)
}

/// The handlers are the same for each version, but the types are not.
macro_rules! application {
    ($version:ident, $tower_sessions:ident) => {
        mod $version {
            use axum::{Router, routing::get};
            use bench_harness::{NAMES, TEXT};
            use $tower_sessions::{Session, session::Error};

            pub(super) fn router(layered: impl FnOnce(Router) -> Router) -> Router {
                layered(
                    Router::new()
                        .route("/unused", get(async || "x"))
                        .route(
                            "/read",
                            get(async |session: Session| read(session, "count").await),
                        )
                        .route(
                            "/update",
                            get(async |session: Session| add(session, "count").await),
                        )
                        .route(
                            "/set",
                            get(async |session: Session| add(session, "count").await),
                        )
                        .route("/fill", get(fill))
                        .route(
                            "/read_one",
                            get(async |session: Session| read(session, "visits").await),
                        )
                        .route(
                            "/write_one",
                            get(async |session: Session| add(session, "visits").await),
                        ),
                )
            }

            async fn number(session: &Session, name: &str) -> u64 {
                let number: Result<Option<u64>, Error> = session.get(name).await;
                number.expect("it decodes").unwrap_or(0)
            }

            async fn read(session: Session, name: &str) -> String {
                number(&session, name).await.to_string()
            }

            /// It has no atomic way.
            async fn add(session: Session, name: &str) -> String {
                let count = number(&session, name).await + 1;
                session.insert(name, count).await.expect("it encodes");
                count.to_string()
            }

            async fn fill(session: Session) -> &'static str {
                for name in NAMES {
                    session.insert(name, TEXT).await.expect("it encodes");
                }
                for name in ["visits", "level"] {
                    session.insert(name, 1).await.expect("it encodes");
                }
                "x"
            }
        }
    };
}

application!(current, tower_sessions);
application!(older, tower_sessions_0_14);
