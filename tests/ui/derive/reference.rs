use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    name: &str,
    nick: Option<&str>,
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
