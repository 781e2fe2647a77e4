use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit(u64, Option<String>);

fn handler(session: TypedSession<Visit>) -> Visit {
    session.state()
}

fn main() {}
