use session_axum::{SessionData, TypedSession};

#[derive(Clone, Default)]
struct Theme;

#[derive(SessionData)]
struct Visit {
    theme: Option<Theme>,
}

fn handler(session: TypedSession<Visit>) -> Option<Theme> {
    session.theme()
}

fn main() {}
