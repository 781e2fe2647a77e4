//! A framework that re-exports the library, and a user who knows only the framework.

#![deny(warnings, clippy::pedantic)]

mod framework {
    pub(super) use session_axum as session;
}

use self::framework::session::{SessionData, TypedSession};

#[derive(SessionData)]
#[session(crate = "self::framework::session")]
struct Visit {
    count: u64,
}

/// Uses it.
pub fn main() {
    let _ = |session: &TypedSession<Visit>| session.count() + session.state().count;
}
