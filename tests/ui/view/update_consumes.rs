use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

async fn handler(session: TypedSession<Visit>, name: String) {
    let _ = session.update(|visit| visit.name = Some(name)).await;
}

fn main() {}
