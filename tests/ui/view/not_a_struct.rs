use session_axum::TypedSession;

fn handler(_count: TypedSession<u64>) {}

fn main() {}
