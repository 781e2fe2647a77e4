use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    name: Option<String>,
    set_name: bool,
    take_name: bool,
}

fn handler(session: TypedSession<Visit>) {
    session.set_name(None);
}

fn main() {}
