//! What the tests of the rules share: a browser that keeps cookies, a store that tells and obeys, and the log.

#![expect(clippy::missing_panics_doc, reason = "a test fails by it")]

mod browser;
mod log;
mod spy;

pub use browser::{Answer, Browser};
pub use log::Log;
pub use spy::{Call, Held, SpyStore};

/// The program of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
