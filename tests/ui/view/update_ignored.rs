#![deny(unused_must_use)]

use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

async fn handler(session: TypedSession<Visit>) {
    session.update(|visit| visit.count += 1).await;
}

fn main() {}
