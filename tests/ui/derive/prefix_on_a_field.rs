use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(prefix = "shop.")]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
