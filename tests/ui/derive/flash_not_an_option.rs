use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(flash)]
    notice: String,
}

fn handler(session: TypedSession<Visit>) -> String {
    session.take_notice()
}

fn main() {}
