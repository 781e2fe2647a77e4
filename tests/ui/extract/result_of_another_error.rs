use session_axum::{SessionData, SessionError, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
}

#[axum::debug_handler]
async fn handler(session: Result<TypedSession<Visit>, SessionError>) -> String {
    session.map_or(0, |session| session.count()).to_string()
}

fn main() {}
