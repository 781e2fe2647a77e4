//! This library.

use axum::{Router, extract::State, routing::get};
use session_axum::{
    Key, MemoryStore, Session, SessionData, SessionError, SessionLayer, TypedSession,
};

use crate::{
    gate::Gate,
    subject::{Plan, Site, Subject, shown},
};

pub const SUBJECT: Subject = Subject {
    name: "session-axum 0.1.0",
    build,
};

#[derive(SessionData)]
struct View {
    a: Option<String>,
    b: Option<String>,
    count: Option<u64>,
    #[session(owner)]
    user: Option<String>,
}

type Seen = TypedSession<View>;

fn build(plan: &Plan) -> Site {
    let store = MemoryStore::new();
    let key = Key::generate();
    let process = |_| {
        let layer = SessionLayer::new(store.clone(), key.clone()).idle_timeout(plan.idle);
        routes().with_state(plan.gate.clone()).layer(layer)
    };
    Site {
        processes: (0..plan.processes).map(process).collect(),
        held: Box::new(move || held(&store)),
    }
}

/// Only its `Debug` counts the dead, too.
fn held(store: &MemoryStore) -> usize {
    let text = format!("{store:?}");
    let (_, count) = text.split_once("sessions: ").expect("a count");
    let digits = count.split(|it: char| !it.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a count")
}

fn routes() -> Router<Gate> {
    Router::new()
        .route("/read", get(read))
        .route("/a", get(async |seen: Seen| a(&seen)))
        .route("/b", get(async |seen: Seen| b(&seen)))
        .route("/slow/a", get(slow_a))
        .route("/slow/b", get(slow_b))
        .route("/add", get(async |seen: Seen| add(&seen).await))
        .route("/slow/add", get(slow_add))
        .route(
            "/login",
            get(async |seen: Seen| seen.set_user(Some("ada".to_owned()))),
        )
        .route("/logout", get(async |session: Session| session.destroy()))
        .route(
            "/text",
            get(async |session: Session| session.insert("count", "many")),
        )
        .route("/raw", get(raw))
}

async fn read(seen: Seen) -> String {
    shown(seen.a(), seen.b(), seen.user(), seen.count())
}

fn a(seen: &Seen) {
    seen.set_a(Some("1".to_owned()));
}

fn b(seen: &Seen) {
    seen.set_b(Some("1".to_owned()));
}

async fn slow_a(seen: Seen, State(gate): State<Gate>) {
    gate.pass().await;
    a(&seen);
}

async fn slow_b(seen: Seen, State(gate): State<Gate>) {
    gate.pass().await;
    b(&seen);
}

async fn add(seen: &Seen) -> Result<(), SessionError> {
    seen.update(|view| *view.count.get_or_insert_default() += 1)
        .await
}

async fn slow_add(seen: Seen, State(gate): State<Gate>) -> Result<(), SessionError> {
    gate.pass().await;
    add(&seen).await
}

async fn raw(session: Session) -> String {
    session.get("count").unwrap_or_else(|| "-".to_owned())
}
