use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Visit {
    #[session(defualt = vec![1, 2])]
    pages: Vec<u64>,
}

fn handler(session: TypedSession<Visit>) -> Vec<u64> {
    session.pages()
}

fn main() {}
