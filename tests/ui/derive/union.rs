use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
union Count {
    small: u8,
    large: u64,
}

fn handler(session: TypedSession<Count>) -> Count {
    session.state()
}

fn main() {}
