//! The rules of the session library, each named by its sentence.

mod after_the_head;
mod commit_point;
mod common;
mod equal;
mod failing_stores;
mod life_and_death;
mod overlap;
mod reading_and_writing;
mod stale_tokens;
mod updates;
