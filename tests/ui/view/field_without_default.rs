use serde::{Deserialize, Serialize};
use session_axum::{SessionData, TypedSession};

#[derive(Clone, Serialize, Deserialize)]
struct Theme(u8);

#[derive(SessionData)]
struct Visit {
    theme: Theme,
}

fn handler(session: TypedSession<Visit>) -> Theme {
    session.theme()
}

fn main() {}
