use serde::Serialize;
use session_axum::{SessionData, TypedSession};

#[derive(Clone, Default, Serialize)]
struct Theme;

#[derive(SessionData)]
struct Visit {
    theme: Theme,
}

fn handler(session: TypedSession<Visit>) -> Theme {
    session.theme()
}

fn main() {}
