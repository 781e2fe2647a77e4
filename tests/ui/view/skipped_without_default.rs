use session_axum::{SessionData, TypedSession};

struct Cache(u8);

#[derive(SessionData)]
struct Visit {
    count: u64,
    #[session(skip)]
    cache: Cache,
}

fn handler(session: TypedSession<Visit>) -> Cache {
    session.state().cache
}

fn main() {}
