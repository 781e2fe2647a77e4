use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(rename = visits, alias = 1)]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
