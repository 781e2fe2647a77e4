use serde::{Deserialize, Serialize};
use session_axum::{SessionData, TypedSession};

#[derive(Clone, Serialize, Deserialize)]
struct UserId(u64);

#[derive(SessionData)]
struct Login {
    #[session(owner, required)]
    user: UserId,
}

fn handler(session: TypedSession<Login>) -> UserId {
    session.user()
}

fn main() {}
