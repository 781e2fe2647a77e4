use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

fn handler(session: TypedSession<Visit>) {
    session.set_state(Visit { count: 1 });
}

fn main() {}
