//! The state of ten fields, about 1 KiB: eight texts and two numbers, `visits` and `level`.

/// The fields that are texts.
pub const NAMES: [&str; 8] = [
    "name", "email", "city", "street", "company", "theme", "language", "note",
];

/// What each of them holds.
pub const TEXT: &str = "Somebody whose profile is of the usual length, with an address in a town, a street, a house and a floor, up the stair";
