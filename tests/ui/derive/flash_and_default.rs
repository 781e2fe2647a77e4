use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(flash, default = Some("Welcome".into()))]
    notice: Option<String>,
}

fn handler(session: TypedSession<Visit>) -> Option<String> {
    session.take_notice()
}

fn main() {}
