//! What the compiler says to wrong uses, and that a right derive leaves no warning.
//!
//! | folder | wrong uses of |
//! |---|---|
//! | `derive/` | `#[derive(SessionData)]` and its attributes: our own words |
//! | `view/` | a view's field types, its accessors, `update` and `try_update` |
//! | `extract/` | handler arguments |
//! | `layer/` | `SessionLayer` and `Key` |
//! | `store/` | `SessionStore`, implemented by hand |
//!
//! Each message says the cure: where the compiler alone would not, by a note of ours. After a change on purpose,
//! `TRYBUILD=overwrite cargo test -p session-ui` writes the expected messages anew; read them.

// Compiled here, with all that their `#![deny]` denies.
#[path = "pass/generic.rs"]
pub mod generic;
#[path = "pass/hostile.rs"]
pub mod hostile;
#[path = "pass/in_a_function.rs"]
pub mod in_a_function;
#[path = "pass/less_visible_type.rs"]
pub mod less_visible_type;
#[path = "pass/private.rs"]
pub mod private;
#[path = "pass/renamed_crate.rs"]
pub mod renamed_crate;
#[path = "pass/shadowed_names.rs"]
pub mod shadowed_names;

#[test]
fn each_wrong_use_is_told_its_cure() {
    // One for all: each would compile the library again.
    let cases = trybuild::TestCases::new();
    for folder in ["derive", "view", "extract", "layer", "store"] {
        cases.compile_fail(format!("{folder}/*.rs"));
    }
}

#[test]
fn a_right_derive_leaves_no_warning() {
    generic::main();
    hostile::main();
    in_a_function::main();
    less_visible_type::main();
    private::main();
    renamed_crate::main();
    shadowed_names::main();
}
