//! Ours beside its peers: what is measured, and how it is told.

pub mod adapters;
pub mod args;
pub mod figures;
pub mod report;
pub mod requests;
pub mod sibling;
