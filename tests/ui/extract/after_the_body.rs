use axum::{Router, routing::post};
use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
    name: Option<String>,
}

async fn handler(name: String, session: TypedSession<Visit>) {
    session.set_name(Some(name));
}

fn main() {
    let _: Router = Router::new().route("/", post(handler));
}
