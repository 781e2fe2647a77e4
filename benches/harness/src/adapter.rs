//! One library under measure.

use axum::Router;
use tokio::runtime::{Builder, Runtime};

/// How many sessions a store has to hold where the work does not say.
pub const CAPACITY: u64 = 2_000_000;

/// A library, as an application with the same routes for each:
///
/// | route | what it does | answers |
/// |---|---|---|
/// | `/unused` | takes no session | `x` |
/// | `/read` | reads the counter | the count |
/// | `/update` | adds one, atomically where the library can | the new count |
/// | `/set` | reads, and sets one more | the new count |
/// | `/fill` | writes the ten fields | `x` |
/// | `/read_one` | reads one number of the ten fields | the number |
/// | `/write_one` | sets that number to one more | the new number |
#[derive(Clone, Copy)]
pub struct Adapter {
    pub name: &'static str,
    /// False for the floor, which only answers.
    pub counts: bool,
    /// The application, with a new store for this many sessions.
    pub build: fn(u64) -> Router,
}

impl Adapter {
    /// The application with its routes made once, as `axum::serve` makes them: a bare `Router` would put the layer on
    /// each handler anew for each request.
    pub fn router(&self, sessions: u64) -> Router {
        (self.build)(sessions).with_state(())
    }
}

/// What runs the requests: as one connection's task would, without a box or a channel between.
///
/// # Panics
/// Where the system gives no runtime.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
