//! One library, as the same small site, written the way its own examples do it.

use std::time::Duration;

use axum::Router;

use crate::gate::Gate;

/// Each route takes the session; those called `slow` wait at the gate between their first look at it and their write.
///
/// | route | what it does |
/// |---|---|
/// | `/read` | answers `a b user count`, with `-` for what is absent |
/// | `/a`, `/b`, `/slow/a`, `/slow/b` | looks at the session, sets that field to `1` |
/// | `/add`, `/slow/add` | adds one to the count, atomically where the library can |
/// | `/login` | sets the user, and rotates as the library wants it |
/// | `/logout` | ends the session as the library wants it |
/// | `/text` | stores a text as the count |
/// | `/raw` | answers the count as a text, if it is one |
pub struct Site {
    /// One for each process, over one store.
    pub processes: Vec<Router>,
    /// How many sessions the (first) process's store holds, dead ones included.
    pub held: Box<dyn Fn() -> usize + Send + Sync>,
}

pub struct Plan {
    pub gate: Gate,
    /// More than one shares a store outside of the processes.
    pub processes: usize,
    /// How long a session lives without activity.
    pub idle: Duration,
}

#[derive(Clone, Copy)]
pub struct Subject {
    pub name: &'static str,
    pub build: fn(&Plan) -> Site,
}

pub const ALL: [Subject; 3] = [
    crate::ours::SUBJECT,
    crate::tower_sessions::SUBJECT,
    crate::axum_session::SUBJECT,
];

/// What `/read` answers.
pub fn shown(
    a: Option<String>,
    b: Option<String>,
    user: Option<String>,
    count: Option<u64>,
) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let count = count.map(|count| count.to_string());
    let parts = [a, b, user, count].map(or_dash);
    parts.join(" ")
}
