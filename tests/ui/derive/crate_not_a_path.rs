use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(crate = "session-axum")]
struct Visit {
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
