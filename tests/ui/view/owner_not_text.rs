use serde::{Deserialize, Serialize};
use session_axum::{SessionData, TypedSession};

#[derive(Clone, Serialize, Deserialize)]
struct UserId(u64);

#[derive(SessionData)]
struct Login {
    #[session(owner)]
    user: Option<UserId>,
}

fn handler(session: TypedSession<Login>) -> Option<UserId> {
    session.user()
}

fn main() {}
