use session_axum::TypedSession;

struct Visit {
    count: u64,
}

fn handler(_session: TypedSession<Visit>) {}

fn main() {}
