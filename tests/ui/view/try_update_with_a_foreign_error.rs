use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

struct TooMany;

async fn handler(session: TypedSession<Visit>) -> Result<u64, TooMany> {
    session
        .try_update(|visit| if visit.count < 9 { Ok(visit.count) } else { Err(TooMany) })
        .await
}

fn main() {}
