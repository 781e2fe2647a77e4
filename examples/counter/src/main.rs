#![doc = "The counter."]
fn main() {}
