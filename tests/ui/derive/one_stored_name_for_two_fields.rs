use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(prefix = "shop.")]
struct Visit {
    #[session(alias = "visits")]
    count: u64,
    #[session(rename = "count")]
    total: u64,
    visits: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count() + session.total() + session.visits()
}

fn main() {}
