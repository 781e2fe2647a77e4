#![deny(unused_must_use)]

use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

fn handler(session: TypedSession<Visit>) {
    session.count();
}

fn main() {}
