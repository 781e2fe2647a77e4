use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    count: u64,
}

async fn log_out(session: TypedSession<Visit>) {
    session.destroy();
}

async fn who(session: TypedSession<Visit>) -> Option<String> {
    session.owner()
}

async fn log_in(session: TypedSession<Visit>) {
    session.set_owner("7");
    session.rotate();
}

fn main() {}
