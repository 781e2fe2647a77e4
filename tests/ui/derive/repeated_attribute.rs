use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(rename = "n", strict)]
    #[session(strict)]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
