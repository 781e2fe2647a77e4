//! Views inside a function and inside a macro.

#![deny(warnings, clippy::pedantic)]

use session_axum::{SessionData, TypedSession};

macro_rules! view {
    ($name:ident, $field:ident, $ty:ty) => {
        #[derive(SessionData)]
        struct $name {
            $field: $ty,
            optional: Option<$ty>,
            #[session(default = <$ty>::default())]
            given: $ty,
        }
    };
}

/// Uses them all.
pub fn main() {
    const START: u64 = 3;

    #[derive(SessionData)]
    struct Local {
        #[session(default = START)]
        count: u64,
    }

    view!(Made, pages, Vec<u64>);

    let _ = |session: &TypedSession<Local>| session.count() + session.state().count;
    let _ = |session: &TypedSession<Made>| {
        let made = session.state();
        (
            made.pages,
            made.optional,
            made.given,
            session.take_optional(),
        )
    };
}
