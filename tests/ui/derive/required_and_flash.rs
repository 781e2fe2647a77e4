use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(required, flash)]
    notice: String,
}

fn handler(session: TypedSession<Visit>) -> String {
    session.notice()
}

fn main() {}
