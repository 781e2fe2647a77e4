use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(prefx = "shop.")]
struct Visit {
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
