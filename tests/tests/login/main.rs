//! What a login system needs of its sessions, each by the sentence that promises it.

mod attacks;
mod caching;
mod common;
mod cookies;
mod guide;
mod handover;
mod header;
mod keys;
mod limits;
mod listeners;
mod moved;
mod named;
mod observability;
mod owners;
mod pages;
mod rfc6265;
mod rfc9111;
mod rotation;
mod secrets;
mod sessions;
mod spelling;
mod standards;
mod step_up;
