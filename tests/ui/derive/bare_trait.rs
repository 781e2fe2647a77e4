use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    shown: ToString + Send,
}

fn handler(_session: TypedSession<Visit>) {}

fn main() {}
