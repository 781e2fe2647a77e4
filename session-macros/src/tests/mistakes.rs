//! Each mistake is told once, at the user's own token, with its cure.

use syn::DeriveInput;

use crate::check::check;
use crate::diagnostics::Diagnostics;
use crate::model::View;

/// The mistakes of a struct: each with the text that it points at.
fn mistakes(input: &str) -> Vec<(String, String)> {
    let input: DeriveInput = syn::parse_str(input).unwrap();
    let mut diagnostics = Diagnostics::default();
    let view = View::new(&input, &mut diagnostics);
    check(&view, &mut diagnostics);
    let Err(mistakes) = diagnostics.finish() else {
        return Vec::new();
    };
    let told = mistakes.into_iter();
    told.map(|mistake| (mistake.span().source_text().unwrap(), mistake.to_string()))
        .collect()
}

/// The struct has these mistakes and no others: where, and a part of what is said.
#[track_caller]
fn assert_mistakes(input: &str, expected: &[(&str, &str)]) {
    let found = mistakes(input);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((at, message), (expected_at, part)) in found.iter().zip(expected) {
        assert!(
            at == expected_at && message.contains(part),
            "{expected_at}, {part}: {found:#?}"
        );
    }
}

/// One field with these attributes and this type has this mistake.
#[track_caller]
fn assert_field_mistake(attributes: &str, ty: &str, at: &str, part: &str) {
    let input = format!("struct S {{ #[session({attributes})] field: {ty} }}");
    assert_mistakes(&input, &[(at, part)]);
}

#[test]
fn only_a_struct_with_named_fields_is_a_view() {
    assert_mistakes(
        "enum E { A }",
        &[("enum", "make this enum the type of a field of one")],
    );
    assert_mistakes("union U { a: u8 }", &[("union", "write `struct`")]);
    assert_mistakes("struct T(u8);", &[("(u8)", "name each field")]);
    assert_mistakes("struct U;", &[("U", "write `{}` behind the name")]);
    assert_mistakes("struct S {}", &[]);
}

#[test]
fn a_trait_is_no_type_of_a_field() {
    let message = "a trait has no size, and can't be loaded: write a type";
    for ty in ["A + B", "A +", "dyn A", "(dyn A + B)", "impl A"] {
        let input = format!("struct S {{ a: {ty}, #[session(skip)] b: {ty}, c: Box<dyn A + B> }}");
        assert_mistakes(&input, &[(ty, message), (ty, message)]);
    }
}

#[test]
fn a_field_has_a_name() {
    let message = "`_` is no name that accessors could have";
    assert_mistakes(
        "struct S { _: u8, b: u8, #[session(skip)] _: u8 }",
        &[("_", message), ("_", message)],
    );
}

#[test]
fn a_view_owns_its_data() {
    let borrows = "so it can't borrow: remove";
    let owns = "a value that was loaded is not `'static`: own the data";
    assert_mistakes(
        "struct S<'a, 'b, T> { a: &'a str, b: &'b T }",
        &[("'a", borrows), ("'b", borrows)],
    );
    assert_mistakes(
        "struct S {
            a: &'static str, #[session(skip)] b: &'static str,
            c: Option<Vec<(u8, &'static [u8])>>, d: Cow<'static, str>,
        }",
        &[("'static", owns), ("'static", owns)],
    );
    let borrows = "a view can't borrow: own the data (`String` for `&str`)";
    assert_mistakes(
        "struct S { a: &str, #[session(skip)] b: Option<[&'_ mut &T; 2]>, c: (&u8, Vec<&T>) }",
        &[
            ("&str", borrows),
            ("&'_ mut &T", borrows),
            ("&u8", borrows),
            ("&T", borrows),
        ],
    );
    // What such a field is called with is not in it.
    assert_mistakes(
        "struct S { a: PhantomData<fn(&str) -> &str>, #[session(skip)] b: Box<dyn Fn(&T) -> u8> }",
        &[],
    );
}

#[test]
fn a_field_has_a_size() {
    assert_mistakes(
        "struct S { a: str, #[session(skip)] b: ([u8]), c: Box<str>, d: Box<[u8]>, e: [u8; 2] }",
        &[
            (
                "str",
                "has no size, and can't be loaded: own the data (`String` for `str`)",
            ),
            ("([u8])", "own the data (`Vec<..>` for `[..]`)"),
        ],
    );
}

#[test]
fn an_attribute_is_known_and_in_its_place() {
    assert_mistakes(
        "#[session(prefx = \"a\")] struct S { a: u8 }",
        &[(
            "prefx",
            "unknown attribute `prefx`: expected one of `prefix`, `crate`",
        )],
    );
    assert_mistakes(
        "#[session(rename = \"a\")] struct S { a: u8 }",
        &[(
            "rename",
            "`rename` belongs on a field: expected here is one of `prefix`, `crate`",
        )],
    );
    assert_field_mistake(
        "prefix = \"a\"",
        "u8",
        "prefix",
        "`prefix` belongs on the struct",
    );
    assert_field_mistake(
        "ownr",
        "u8",
        "ownr",
        "unknown attribute `ownr`: expected one of `rename`",
    );
    assert_field_mistake("\"owner\"", "u8", "\"owner\"", "expected one of `rename`");
    assert_mistakes(
        "struct S { #[session] a: u8, #[session = \"b\"] b: u8 }",
        &[
            ("session", "needs a list: `#[session(..)]`"),
            ("session", "needs a list"),
        ],
    );
}

#[test]
fn an_attribute_is_given_once() {
    assert_field_mistake(
        "keep, keep",
        "u8",
        "keep",
        "`keep` is given twice: remove one of them",
    );
    assert_mistakes(
        "#[session(prefix = \"a\", prefix = \"b\")] struct S { a: u8 }",
        &[("prefix", "`prefix` is given twice")],
    );
    assert_mistakes(
        "struct S { #[session(rename = \"a\")] #[session(rename = \"b\")] a: u8 }",
        &[("rename", "`rename` is given twice")],
    );
    assert_mistakes(
        "struct S { #[session(alias = \"b\", alias = \"c\")] a: u8 }",
        &[],
    );
}

#[test]
fn a_value_is_given_where_one_belongs() {
    assert_field_mistake("strict = true", "u8", "strict", "`strict` takes no value");
    assert_field_mistake("flash(true)", "u8", "flash", "`flash` takes no value");
    assert_field_mistake(
        "rename",
        "u8",
        "rename",
        "needs a value, as in `rename = \"lang\"`",
    );
    assert_field_mistake(
        "default",
        "u8",
        "default",
        "needs a value, as in `default = 1`",
    );
    assert_field_mistake(
        "rename = lang",
        "u8",
        "lang",
        "`rename` takes a string, as in",
    );
    assert_field_mistake(
        "alias = b\"old\"",
        "u8",
        "b\"old\"",
        "`alias` takes a string, as in",
    );
    assert_field_mistake(
        "alias = \"old\"x",
        "u8",
        "\"old\"x",
        "`alias` takes a string, as in",
    );
    assert_field_mistake(
        "keep strict",
        "u8",
        "strict",
        "expected `,` between two attributes",
    );
    assert_mistakes(
        "#[session(crate = \"a-b\")] struct S { a: u8 }",
        &[(
            "\"a-b\"",
            "`crate` takes a path, as in `crate = \"app::session\"`",
        )],
    );
}

#[test]
fn attributes_do_not_contradict_each_other() {
    for (attributes, at, cure) in [
        (
            "required, default = 1",
            "default",
            "remove `required` or `default`",
        ),
        (
            "default = 1, required",
            "default",
            "remove `required` or `default`",
        ),
        (
            "required, strict",
            "strict",
            "remove `required` or `strict`",
        ),
        ("required, flash", "flash", "remove `required` or `flash`"),
        (
            "flash, default = None",
            "default",
            "remove `flash` or `default`",
        ),
        (
            "owner, rename = \"a\"",
            "rename",
            "remove `owner` or `rename`",
        ),
        ("owner, alias = \"a\"", "alias", "remove `owner` or `alias`"),
        (
            "owner, default = 1",
            "default",
            "remove `owner` or `default`",
        ),
        ("owner, strict", "strict", "remove `owner` or `strict`"),
        ("owner, keep", "keep", "remove `owner` or `keep`"),
        ("owner, flash", "flash", "remove `owner` or `flash`"),
        ("skip, rename = \"a\"", "skip", "remove `skip` or `rename`"),
        ("skip, default = 1", "skip", "remove `skip` or `default`"),
        (
            "owner, required, strict",
            "strict",
            "remove `required` or `strict`",
        ),
        (
            "required, skip, keep",
            "skip",
            "remove `skip` or `required`",
        ),
    ] {
        assert_field_mistake(attributes, "Option<u8>", at, cure);
    }
}

#[test]
fn the_type_fits_the_attribute() {
    assert_field_mistake("flash", "String", "flash", "make its type an `Option<..>`");
    assert_field_mistake("owner", "u64", "owner", "or add `required`");
    assert_field_mistake(
        "required",
        "Option<u8>",
        "required",
        "write its type without `Option`",
    );
    assert_field_mistake(
        "owner, required",
        "Option<u8>",
        "required",
        "without `Option`",
    );
    assert_mistakes(
        "struct S { #[session(flash)] a: ::core::option::Option<u8> }",
        &[],
    );
    assert_mistakes("struct S { #[session(owner)] a: (Option<u8>) }", &[]);
}

#[test]
fn a_session_has_one_owner() {
    assert_mistakes(
        "struct S { #[session(owner)] a: Option<u8>, #[session(owner, required)] b: u8 }",
        &[(
            "owner",
            "a session has one owner, here the field `a`: remove one `owner`",
        )],
    );
}

#[test]
fn a_stored_name_belongs_to_one_field() {
    let taken = "the field `a` is already stored as \"a\"";
    assert_mistakes(
        "struct S { a: u8, #[session(rename = \"a\")] b: u8 }",
        &[("\"a\"", taken)],
    );
    assert_mistakes(
        "struct S { a: u8, #[session(alias = \"a\")] b: u8 }",
        &[("\"a\"", taken)],
    );
    assert_mistakes(
        "struct S { #[session(alias = \"a\")] a: u8 }",
        &[("\"a\"", taken)],
    );
    assert_mistakes(
        "#[session(prefix = \"x.\")] struct S { #[session(alias = \"b\")] a: u8, b: u8 }",
        &[(
            "b",
            "the field `a` is already stored as \"b\": choose another name",
        )],
    );
    assert_mistakes(
        "struct S { #[session(rename = \"type\")] kind: u8, r#type: u8 }",
        &[("r#type", "the field `kind` is already stored as \"type\"")],
    );
    // Neither of them has a place of its own among the names.
    assert_mistakes(
        "struct S { a: u8, #[session(skip)] b: u8, #[session(owner)] c: Option<u8>, \
         #[session(rename = \"b\")] d: u8, #[session(rename = \"c\")] e: u8 }",
        &[],
    );
}

#[test]
fn a_stored_name_can_be_kept_by_every_store() {
    assert_field_mistake("rename = \"\"", "u8", "\"\"", "this name is empty");
    assert_field_mistake("alias = \"\"", "u8", "\"\"", "this name is empty");
    assert_field_mistake(
        "rename = \"a\\n\"",
        "u8",
        "\"a\\n\"",
        "no control characters",
    );
    assert_mistakes(
        "#[session(prefix = \"\")] struct S { a: u8, b: u8 }",
        &[(
            "\"\"",
            "this name is empty: write one, or remove the attribute",
        )],
    );
    let (fits, long) = ("n".repeat(128), format!("\"{}\"", "n".repeat(129)));
    assert_mistakes(&format!("struct S {{ {fits}: u8 }}"), &[]);
    assert_field_mistake(
        &format!("alias = {long}"),
        "u8",
        &long,
        "and this one has 129",
    );
    assert_mistakes(
        &format!("#[session(prefix = \"x.\")] struct S {{ {fits}: u8, b: u8 }}"),
        &[(
            &fits,
            "at most 128 bytes, its prefix included, and this one has 130",
        )],
    );
    assert_mistakes(
        &format!("#[session(prefix = {long})] struct S {{ a: u8, b: u8 }}"),
        &[(&long, "shorten it")],
    );
}

#[test]
fn no_accessor_is_hidden() {
    for name in [
        "state",
        "clear",
        "update",
        "try_update",
        "session",
        "clone",
        "to_owned",
        "into",
        "try_into",
        "borrow",
        "borrow_mut",
        "clone_from",
        "clone_into",
        "fmt",
        "as_ref",
        "as_mut",
        "deref",
        "type_id",
    ] {
        let part = format!("the accessor `{name}` would be hidden by the method of that name");
        assert_mistakes(&format!("struct S {{ {name}: u8 }}"), &[(name, &part)]);
        assert_mistakes(&format!("struct S {{ #[session(skip)] {name}: u8 }}"), &[]);
        let renamed = format!("struct S {{ #[session(accessor = \"my_{name}\")] {name}: u8 }}");
        assert_mistakes(&renamed, &[]);
    }
    assert_field_mistake(
        "accessor = \"clone\"",
        "u8",
        "\"clone\"",
        "the accessor `clone`",
    );
}

#[test]
fn no_two_accessors_coincide() {
    for other in ["set_name", "remove_name", "take_name"] {
        let part = format!("`{other}` is an accessor of the field `name` already");
        let input = format!("struct S {{ name: Option<u8>, {other}: u8 }}");
        assert_mistakes(&input, &[(other, &part)]);
    }
    assert_mistakes("struct S { name: u8, take_name: u8 }", &[]);
    assert_mistakes(
        "struct S { #[session(required)] name: u8, remove_name: u8 }",
        &[],
    );
    assert_mistakes(
        "struct S { name: u8, #[session(accessor = \"name\")] other: u8 }",
        &[(
            "\"name\"",
            "`name` is an accessor of the field `name` already: choose other names",
        )],
    );
    assert_mistakes(
        "struct S { r#type: u8, set_type: u8 }",
        &[("set_type", "`set_type` is an")],
    );
}

#[test]
fn an_accessor_is_an_identifier() {
    for name in ["\"a-b\"", "\"type\"", "\"\"", "\"1\"", "\"_\"", "\"self\""] {
        let part = "can't name a method: write an identifier (`r#type` for a keyword)";
        assert_field_mistake(&format!("accessor = {name}"), "u8", name, part);
    }
    assert_mistakes(
        "struct S { #[session(accessor = \"r#type\")] kind: u8 }",
        &[],
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    assert_mistakes(
        "#[session(prefx = \"a\", crate = 1)]
         struct S<'a> {
             #[session(defualt = vec![1, 2], keep = true, rename = \"\")]
             a: &'a str,
             #[session(flash)]
             clone: u8,
         }",
        &[
            ("prefx", "unknown attribute"),
            ("1", "`crate` takes a string"),
            ("defualt", "unknown attribute"),
            ("keep", "takes no value"),
            ("'a", "can't borrow"),
            ("flash", "`Option<..>`"),
            ("\"\"", "empty"),
            ("clone", "hidden"),
        ],
    );
}
