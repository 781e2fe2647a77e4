use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Login {
    #[session(owner)]
    user: u64,
}

fn handler(session: TypedSession<Login>) -> u64 {
    session.user()
}

fn main() {}
