use session_axum::SessionRejection;

fn page(rejection: SessionRejection) -> &'static str {
    match rejection {
        SessionRejection::MissingField(_) | SessionRejection::NotFresh => "log in",
        SessionRejection::Store(_) => "later",
    }
}

fn main() {}
