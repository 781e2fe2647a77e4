//! The rules of the session library, each named by its sentence.

mod reading_and_writing;
