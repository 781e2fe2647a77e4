use serde::{Deserialize, Serialize};
use session_axum::{SessionData, TypedSession};

#[derive(Serialize, Deserialize)]
struct Role(u8);

#[derive(SessionData)]
struct Login {
    #[session(required)]
    role: Role,
}

fn handler(session: TypedSession<Login>) -> Role {
    session.role()
}

fn main() {}
