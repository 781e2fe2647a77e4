//! What is worth knowing beyond the reference: each module is a page.
//!
//! | to begin | to understand | to build | to run |
//! |---|---|---|---|
//! | [`quick_start`] | [`overlap`] | [`login`] | [`stores`] |
//! | [`coming_from`] | [`lifetimes`] | [`streaming`] | [`deployment`] |
//! | | [`security`] | [`views`] | [`changing`] |
//! | | [`faults`] | [`writing_a_store`] | [`observability`] |
//! | | | | [`testing`] |
//!
//! Examples are compiled, or, in [`stores`], compared by a test with the lines of a program that is. What the tables say
//! is tested: the column `tests` names tests of this repository, in some pages in notes at the end.

#[doc = include_str!("quick_start.md")]
pub mod quick_start {}

#[doc = include_str!("coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("overlap.md")]
pub mod overlap {}

#[doc = include_str!("lifetimes.md")]
pub mod lifetimes {}

#[doc = include_str!("stores.md")]
pub mod stores {}

#[doc = include_str!("observability.md")]
pub mod observability {}

#[doc = include_str!("faults.md")]
pub mod faults {}

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("login.md")]
pub mod login {}

#[doc = include_str!("streaming.md")]
pub mod streaming {}

#[doc = include_str!("views.md")]
pub mod views {}

#[doc = include_str!("changing.md")]
pub mod changing {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("deployment.md")]
pub mod deployment {}

#[doc(inline)]
pub use session_core::writing_a_store;
