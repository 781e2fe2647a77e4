use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(prefix = "")]
struct Visit {
    #[session(rename = "", alias = "visit\ncount")]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
