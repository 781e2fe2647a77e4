use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(default)]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
