use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

async fn handler(session: TypedSession<Visit>) {
    let _ = session.try_update(|visit| Ok(visit.count)).await;
}

fn main() {}
