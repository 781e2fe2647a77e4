//! What the tests share: a browser that keeps cookies, a store that tells and obeys, the log; and for the stores
//! of real servers those servers' processes, a proxy, and what a browser sees of their faults.

#![expect(clippy::missing_panics_doc, reason = "a test fails by it")]

mod at_once;
mod browser;
mod clock;
pub mod faults;
mod log;
mod process;
mod proxy;
mod spy;

pub use at_once::layer;
pub use browser::{Answer, Browser};
pub use clock::PanickingClock;
pub use log::Log;
pub use process::{Process, SmallDisk, fill, free_port, is_root, make_room, not_tested, prefixed};
pub use proxy::Proxy;
pub use spy::{Call, Held, SpyStore};

/// The program of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
