//! The rules of the session library, each named by its sentence.

mod common;
mod equal;
mod overlap;
mod reading_and_writing;
