//! Views that only a part of the program sees.

#![deny(warnings, clippy::pedantic, missing_docs, unreachable_pub)]

use session_axum::{SessionData, TypedSession};

#[derive(SessionData)]
struct Private {
    count: u64,
    name: Option<String>,
    #[session(required)]
    since: u64,
}

mod inner {
    use session_axum::SessionData;

    #[derive(SessionData)]
    pub(crate) struct InTheCrate {
        pub(super) count: u64,
    }

    #[derive(SessionData)]
    pub(super) struct InTheParent {
        pub(super) count: u64,
    }
}

/// Uses them all.
pub fn main() {
    let _ = |session: &TypedSession<Private>| session.state().count;
    let _ = |session: &TypedSession<inner::InTheCrate>| session.count() + session.state().count;
    let _ = |session: &TypedSession<inner::InTheParent>| session.count() + session.state().count;
}
