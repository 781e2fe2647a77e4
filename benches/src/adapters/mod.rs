//! The libraries that are measured, each as the same application.

mod axum_session;
mod by_hand;
mod sketch;
mod tower_sessions;

use bench_harness::Adapter;

pub use tower_sessions::{older_over, older_router};

/// Bare axum: what every other one is compared above.
pub const FLOOR: Adapter = bench_harness::FLOOR;
pub const OURS: Adapter = bench_ours::ADAPTER;
pub const PRIVATE: Adapter = tower_sessions::PRIVATE;
pub const BY_HAND: Adapter = by_hand::ADAPTER;
pub const SKETCH: Adapter = sketch::ADAPTER;
pub const MOKA: Adapter = tower_sessions::MOKA;
pub const AXUM_SESSION: Adapter = axum_session::ADAPTER;

/// In the order of the tables.
pub const ALL: [Adapter; 9] = [
    FLOOR,
    OURS,
    PRIVATE,
    tower_sessions::SIGNED,
    tower_sessions::PLAIN,
    MOKA,
    AXUM_SESSION,
    BY_HAND,
    SKETCH,
];

#[must_use]
pub fn of(name: &str) -> Option<Adapter> {
    ALL.into_iter().find(|adapter| adapter.name == name)
}
