use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Login {
    #[session(owner)]
    user: Option<u64>,
    #[session(owner)]
    admin: Option<u64>,
}

fn handler(session: TypedSession<Login>) -> Option<u64> {
    session.user().or(session.admin())
}

fn main() {}
