//! What the tests of the rules share: a browser that keeps cookies, and a store that tells and obeys.

mod browser;
mod spy;

pub use browser::{Answer, Browser};
pub use spy::{Call, Held, SpyStore};

/// The program of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
