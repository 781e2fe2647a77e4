use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(accessor = "visit-count")]
    count: u64,
    #[session(accessor = "type")]
    kind: u8,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
