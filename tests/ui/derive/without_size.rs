use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    name: str,
    list: [u8],
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
