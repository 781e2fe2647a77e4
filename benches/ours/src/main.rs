//! The guard: the instructions of our own requests, compared with those that are kept in a file.
fn main() {}
