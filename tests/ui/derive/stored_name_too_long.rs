use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(prefix = "a.prefix.of.twenty.")]
struct Visit {
    #[session(
        rename = "a name of more than one hundred and eight bytes, which is the room that is left for a field behind this prefix"
    )]
    count: u64,
}

fn handler(session: TypedSession<Visit>) -> u64 {
    session.count()
}

fn main() {}
