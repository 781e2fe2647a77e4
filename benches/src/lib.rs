//! Ours beside its peers: what is measured, and how it is told.

pub mod adapters;
pub mod args;
mod clock;
mod connection;
pub mod expiry;
pub mod figures;
pub mod head;
pub mod loopback;
pub mod memory;
pub mod report;
pub mod requests;
mod sample;
pub mod sibling;
pub mod stores;
pub mod targets;
pub mod threads;
