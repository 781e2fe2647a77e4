use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

fn handler(session: TypedSession<Visit>, name: String) {
    session.set_name(name);
}

fn main() {}
