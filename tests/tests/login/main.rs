//! What a login system needs of its sessions, each by the sentence that promises it.

mod attacks;
mod common;
mod keys;
mod limits;
mod named;
mod owners;
mod rotation;
mod sessions;
mod step_up;
