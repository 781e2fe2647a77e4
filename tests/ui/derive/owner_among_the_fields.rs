use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Login {
    #[session(owner, rename = "user", alias = "user_id", keep)]
    user: Option<u64>,
}

fn handler(session: TypedSession<Login>) -> Option<u64> {
    session.user()
}

fn main() {}
