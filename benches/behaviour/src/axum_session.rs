//! `axum_session`. One process holds its sessions in memory; several share a database, for which a map stands in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use axum::{Router, extract::State, routing::get};
use axum_session::{
    DatabaseError, DatabasePool, Key, Session, SessionConfig, SessionLayer, SessionStore,
};
use futures_util::FutureExt as _;
use time::Duration;

use crate::{
    gate::Gate,
    subject::{Plan, Site, Subject, shown},
};

pub const SUBJECT: Subject = Subject {
    name: "axum_session 0.22.1",
    build,
};

type Seen = Session<Pool>;

fn build(plan: &Plan) -> Site {
    let idle = Duration::try_from(plan.idle).expect("a short one");
    let config = SessionConfig::default()
        .with_key(Key::generate())
        .with_lifetime(idle)
        .with_memory_lifetime(idle);
    let pool = (plan.processes > 1).then(Pool::default);
    let stores: Vec<_> = (0..plan.processes)
        .map(|_| {
            let store = SessionStore::<Pool>::new(pool.clone(), config.clone());
            let store = store.now_or_never().expect("nothing to wait for");
            store.expect("a map does not fail")
        })
        .collect();
    let process = |store: &SessionStore<Pool>| {
        let layer = SessionLayer::new(store.clone());
        routes().with_state(plan.gate.clone()).layer(layer)
    };
    let processes = stores.iter().map(process).collect();
    let first = stores.into_iter().next().expect("one process or more");
    Site {
        processes,
        // It counts only what a database has.
        held: Box::new(move || format!("{first:?}").matches("SessionData {").count()),
    }
}

fn routes() -> Router<Gate> {
    Router::new()
        .route("/read", get(read))
        .route(
            "/a",
            get(async |session: Seen| set(&session, "a", None).await),
        )
        .route(
            "/b",
            get(async |session: Seen| set(&session, "b", None).await),
        )
        .route("/slow/a", get(slow_a))
        .route("/slow/b", get(slow_b))
        .route("/add", get(async |session: Seen| add(&session, None).await))
        .route("/slow/add", get(slow_add))
        .route("/login", get(login))
        .route("/logout", get(async |session: Seen| session.destroy()))
        .route(
            "/text",
            get(async |session: Seen| session.set("count", "many")),
        )
        .route("/raw", get(raw))
}

async fn read(session: Seen) -> String {
    shown(
        session.get("a"),
        session.get("b"),
        session.get("user"),
        session.get("count"),
    )
}

async fn set(session: &Seen, name: &str, gate: Option<Gate>) {
    let _: Option<String> = session.get(name);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    session.set(name, "1");
}

async fn slow_a(session: Seen, State(gate): State<Gate>) {
    set(&session, "a", Some(gate)).await;
}

async fn slow_b(session: Seen, State(gate): State<Gate>) {
    set(&session, "b", Some(gate)).await;
}

/// It has no atomic way.
async fn add(session: &Seen, gate: Option<Gate>) {
    let count: u64 = session.get("count").unwrap_or(0);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    session.set("count", count + 1);
}

async fn slow_add(session: Seen, State(gate): State<Gate>) {
    add(&session, Some(gate)).await;
}

async fn login(session: Seen) {
    session.renew();
    session.set("user", "ada");
}

async fn raw(session: Seen) -> String {
    session.get("count").unwrap_or_else(|| "-".to_owned())
}

/// What a database would do, without one.
#[derive(Debug, Clone, Default)]
struct Pool(Arc<Mutex<HashMap<String, String>>>);

impl Pool {
    fn with<R>(&self, act: impl FnOnce(&mut HashMap<String, String>) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl DatabasePool for Pool {
    async fn initiate(&self, _: &str) -> Result<(), DatabaseError> {
        Ok(())
    }

    async fn count(&self, _: &str) -> Result<i64, DatabaseError> {
        Ok(self.with(|rows| i64::try_from(rows.len()).unwrap_or(i64::MAX)))
    }

    async fn store(&self, id: &str, row: &str, _: i64, _: &str) -> Result<(), DatabaseError> {
        self.with(|rows| rows.insert(id.to_owned(), row.to_owned()));
        Ok(())
    }

    async fn load(&self, id: &str, _: &str) -> Result<Option<String>, DatabaseError> {
        Ok(self.with(|rows| rows.get(id).cloned()))
    }

    async fn delete_one_by_id(&self, id: &str, _: &str) -> Result<(), DatabaseError> {
        self.with(|rows| rows.remove(id));
        Ok(())
    }

    async fn exists(&self, id: &str, _: &str) -> Result<bool, DatabaseError> {
        Ok(self.with(|rows| rows.contains_key(id)))
    }

    /// Nothing that we ask of several processes lives that long.
    async fn delete_by_expiry(&self, _: &str) -> Result<Vec<String>, DatabaseError> {
        Ok(Vec::new())
    }

    async fn delete_all(&self, _: &str) -> Result<(), DatabaseError> {
        self.with(HashMap::clear);
        Ok(())
    }

    async fn get_ids(&self, _: &str) -> Result<Vec<String>, DatabaseError> {
        Ok(self.with(|rows| rows.keys().cloned().collect()))
    }

    fn auto_handles_expiry(&self) -> bool {
        false
    }
}
