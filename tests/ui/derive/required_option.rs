use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(required)]
    name: Option<String>,
}

fn handler(session: TypedSession<Visit>) -> Option<String> {
    session.name()
}

fn main() {}
