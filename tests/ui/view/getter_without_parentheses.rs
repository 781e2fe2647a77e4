use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count
}

fn main() {}
