use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
}

fn handler(_session: TypedSession<Option<Visit>>) {}

fn main() {}
