//! The rules of the session library, each named by its sentence.

#![expect(clippy::unchecked_time_subtraction, reason = "a test fails by it")]

mod after_the_head;
mod alias;
mod bounds;
mod carried;
mod changing;
mod client_input;
mod commit_point;
mod common;
mod config;
mod cookies;
mod costs;
mod derive;
mod destroying;
mod ended;
mod equal;
mod expiry;
mod failing_stores;
mod full_store;
mod jar;
mod kit;
mod layer;
mod life_and_death;
mod mutators;
mod newcomers;
mod one_handle;
mod original;
mod overlap;
mod property;
mod reading_and_writing;
mod required;
mod safety;
mod secrets;
mod session;
mod set_owner;
mod stale_tokens;
mod two_views;
mod updates;
mod views;
mod whole_views;
