//! tower-sessions.

use axum::{Router, extract::State, routing::get};
use time::Duration;
use tower_sessions::{
    Expiry, MemoryStore, Session, SessionManagerLayer, cookie::Key, session::Error,
};

use crate::{
    gate::Gate,
    subject::{Plan, Site, Subject, shown},
};

pub const SUBJECT: Subject = Subject {
    name: "tower-sessions 0.15.0",
    build,
};

/// As in its examples: an error becomes a 500.
struct Failed;

impl From<Error> for Failed {
    fn from(_: Error) -> Self {
        Self
    }
}

impl axum::response::IntoResponse for Failed {
    fn into_response(self) -> axum::response::Response {
        axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

fn build(plan: &Plan) -> Site {
    let store = MemoryStore::default();
    let key = Key::generate();
    let idle = Duration::try_from(plan.idle).expect("a short one");
    let process = |_| {
        let layer = SessionManagerLayer::new(store.clone()).with_private(key.clone());
        let layer = layer.with_expiry(Expiry::OnInactivity(idle));
        routes().with_state(plan.gate.clone()).layer(layer)
    };
    Site {
        processes: (0..plan.processes).map(process).collect(),
        held: Box::new(move || format!("{store:?}").matches("Record {").count()),
    }
}

fn routes() -> Router<Gate> {
    Router::new()
        .route("/read", get(read))
        .route(
            "/a",
            get(async |session: Session| set(&session, "a", None).await),
        )
        .route(
            "/b",
            get(async |session: Session| set(&session, "b", None).await),
        )
        .route("/slow/a", get(slow_a))
        .route("/slow/b", get(slow_b))
        .route(
            "/add",
            get(async |session: Session| add(&session, None).await),
        )
        .route("/slow/add", get(slow_add))
        .route("/login", get(login))
        .route("/logout", get(logout))
        .route("/text", get(text))
        .route("/raw", get(raw))
}

async fn read(session: Session) -> Result<String, Failed> {
    Ok(shown(
        session.get("a").await?,
        session.get("b").await?,
        session.get("user").await?,
        session.get("count").await?,
    ))
}

async fn set(session: &Session, name: &str, gate: Option<Gate>) -> Result<(), Failed> {
    session.get::<String>(name).await?;
    if let Some(gate) = gate {
        gate.pass().await;
    }
    Ok(session.insert(name, "1").await?)
}

async fn slow_a(session: Session, State(gate): State<Gate>) -> Result<(), Failed> {
    set(&session, "a", Some(gate)).await
}

async fn slow_b(session: Session, State(gate): State<Gate>) -> Result<(), Failed> {
    set(&session, "b", Some(gate)).await
}

/// It has no atomic way.
async fn add(session: &Session, gate: Option<Gate>) -> Result<(), Failed> {
    let count = session.get::<u64>("count").await?.unwrap_or(0);
    if let Some(gate) = gate {
        gate.pass().await;
    }
    Ok(session.insert("count", count + 1).await?)
}

async fn slow_add(session: Session, State(gate): State<Gate>) -> Result<(), Failed> {
    add(&session, Some(gate)).await
}

async fn login(session: Session) -> Result<(), Failed> {
    session.cycle_id().await?;
    Ok(session.insert("user", "ada").await?)
}

async fn logout(session: Session) -> Result<(), Failed> {
    Ok(session.flush().await?)
}

async fn text(session: Session) -> Result<(), Failed> {
    Ok(session.insert("count", "many").await?)
}

async fn raw(session: Session) -> Result<String, Failed> {
    let text: Option<String> = session.get("count").await?;
    Ok(text.unwrap_or_else(|| "-".to_owned()))
}
