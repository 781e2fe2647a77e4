use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

#[axum::debug_handler]
async fn handler(name: String, session: TypedSession<Visit>) {
    session.set_name(Some(name));
}

fn main() {}
