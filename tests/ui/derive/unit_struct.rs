use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit;

fn handler(session: TypedSession<Visit>) -> Visit {
    session.state()
}

fn main() {}
