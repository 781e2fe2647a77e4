//! The rules of the session library, each named by its sentence.

mod after_the_head;
mod commit_point;
mod common;
mod equal;
mod overlap;
mod reading_and_writing;
mod updates;
