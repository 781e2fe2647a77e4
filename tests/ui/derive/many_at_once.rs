use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(prefx = "shop.", prefix = "")]
struct Visit<'a> {
    #[session(defualt = vec![1, 2], keep = true, rename = "\n")]
    pages: Vec<u64>,
    #[session(flash, required)]
    #[session(accessor = "update")]
    notice: Option<&'a str>,
}

fn handler(session: TypedSession<Visit<'static>>) -> Vec<u64> {
    session.pages()
}

fn main() {}
