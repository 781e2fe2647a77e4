use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

struct TooMany;

async fn handler(session: TypedSession<Visit>) -> Result<u64, TooMany> {
    Ok(session.update(|visit| visit.count).await?)
}

fn main() {}
