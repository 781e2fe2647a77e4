use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
enum Theme {
    Light,
    Dark,
}

fn handler(session: TypedSession<Theme>) -> Theme {
    session.state()
}

fn main() {}
