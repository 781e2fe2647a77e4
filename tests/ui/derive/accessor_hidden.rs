use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    session: u64,
    #[session(accessor = "clone")]
    copy: bool,
    clone_from: Option<String>,
    clone_into: Option<String>,
}

fn handler(session: TypedSession<Visit>) {
    session.set_session(1);
}

fn main() {}
