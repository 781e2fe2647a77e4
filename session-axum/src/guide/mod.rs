//! What is worth knowing beyond the reference: each module is a page.

#[doc = include_str!("coming_from.md")]
pub mod coming_from {}

#[doc = include_str!("overlap.md")]
pub mod overlap {}

#[doc = include_str!("lifetimes.md")]
pub mod lifetimes {}

#[doc = include_str!("stores.md")]
pub mod stores {}

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
