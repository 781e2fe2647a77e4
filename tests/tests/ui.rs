//! What the compiler says to a wrong `#[derive(SessionData)]`, and that a right one leaves no warning.
//!
//! After a change on purpose, `TRYBUILD=overwrite cargo test -p session-tests --test ui` writes the
//! expected messages anew.

// Here once more, so that clippy looks at what the derive writes for them.
#[path = "../ui/derive/pass/generic.rs"]
pub mod generic;
#[path = "../ui/derive/pass/hostile.rs"]
pub mod hostile;
#[path = "../ui/derive/pass/in_a_function.rs"]
pub mod in_a_function;
#[path = "../ui/derive/pass/less_visible_type.rs"]
pub mod less_visible_type;
#[path = "../ui/derive/pass/private.rs"]
pub mod private;
#[path = "../ui/derive/pass/renamed_crate.rs"]
pub mod renamed_crate;
#[path = "../ui/derive/pass/shadowed_names.rs"]
pub mod shadowed_names;

#[test]
fn one_mistake_gives_one_error_at_the_users_token() {
    trybuild::TestCases::new().compile_fail("ui/derive/*.rs");
}

#[test]
fn a_right_derive_leaves_no_warning() {
    trybuild::TestCases::new().pass("ui/derive/pass/*.rs");
    generic::main();
    hostile::main();
    in_a_function::main();
    less_visible_type::main();
    private::main();
    renamed_crate::main();
    shadowed_names::main();
}
