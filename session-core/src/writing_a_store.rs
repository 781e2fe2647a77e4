#![doc = include_str!("writing_a_store.md")]
//! ```text
#![doc = include_str!("toy_harness.rs")]
//! ```
//!
//! # A whole store
//!
//! In memory, and with an index of owners that is a search through everything; else nothing is missing. The tests of
//! this crate run the suite on this very text.
//!
//! ```
#![doc = include_str!("toy_store.rs")]
//! ```
