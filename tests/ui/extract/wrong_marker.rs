use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

struct Admin;

fn show(_session: &TypedSession<Visit>) {}

fn handler(session: TypedSession<Visit, Admin>) {
    show(&session);
}

fn main() {}
