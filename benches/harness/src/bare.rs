//! Bare axum: the same routes and the same answers, without a session.

use std::hint::black_box;

use crate::Adapter;
use axum::{Router, routing::get};

/// What is sent to it: as long as a cookie of ours.
pub const COOKIE: &str =
    "sid=012345678901234567890123456789012345678901234567890123456789012345678901234567890123";

/// The floor: what every library is compared above.
pub const FLOOR: Adapter = Adapter {
    name: "bare",
    counts: false,
    build: |_| {
        Router::new()
            .route("/unused", get(async || "x"))
            .route("/read", get(number))
            .route("/update", get(number))
            .route("/set", get(number))
            .route("/fill", get(async || "x"))
            .route("/read_one", get(number))
            .route("/write_one", get(number))
    },
};

async fn number() -> String {
    black_box(3_u64).to_string()
}
