use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    name: &'static str,
}

fn handler(session: TypedSession<Visit>) -> &'static str {
    session.name()
}

fn main() {}
