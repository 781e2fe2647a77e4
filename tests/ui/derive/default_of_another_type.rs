use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(default = "en")]
    lang: String,
}

fn handler(session: TypedSession<Visit>) -> String {
    session.lang()
}

fn main() {}
