use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit<'a> {
    name: &'a str,
    count: u64,
}

fn handler(session: TypedSession<Visit<'static>>) -> u64 {
    session.count()
}

fn main() {}
