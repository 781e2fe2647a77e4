use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(strict)]
struct Visit {
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
