//! What the derive writes, for people to read.
//!
//! After a change on purpose, `UPDATE_SNAPSHOTS=1 cargo test -p session-macros` writes them anew.

use std::path::Path;

use syn::{DeriveInput, parse_quote};

use crate::expand::derive;

fn assert_expands_to(name: &str, input: &DeriveInput) {
    let file = syn::parse2(derive(input)).unwrap();
    let written = prettyplease::unparse(&file);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/snapshots");
    let path = folder.join(name).with_extension("expanded.rs");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == expected,
        "{} differs:\n{written}",
        path.display()
    );
}

#[test]
fn a_view_of_two_fields() {
    let input = parse_quote! {
        struct Visit {
            /// How often this visitor came.
            count: u64,
            name: Option<String>,
        }
    };
    assert_expands_to("visit", &input);
}

#[test]
fn every_attribute() {
    let input = parse_quote! {
        #[session(prefix = "shop.", crate = "framework::session")]
        pub struct Shop {
            #[session(owner, required)]
            user_id: u64,
            #[session(required)]
            since: String,
            #[session(rename = "lang", alias = "locale", keep, default = Self::LANG.to_owned())]
            language: String,
            #[session(strict)]
            basket: Vec<u64>,
            #[session(flash, accessor = "message")]
            notice: Option<String>,
            #[session(skip)]
            cache: Cache,
        }
    };
    assert_expands_to("shop", &input);
}

#[test]
fn a_generic_view() {
    let input = parse_quote! {
        pub(crate) struct Wizard<S: Step = First, const PAGES: usize = 3>
        where
            S::Answer: Clone,
        {
            #[session(owner)]
            user: Option<String>,
            answers: [S::Answer; PAGES],
            #[session(required)]
            step: S,
        }
    };
    assert_expands_to("wizard", &input);
}

#[test]
fn a_failed_derive() {
    let input = parse_quote! {
        struct Visit {
            count: u64,
            #[session(defualt = 1)]
            name: Option<String>,
            #[session(accessor = "r#count")]
            other: u8,
        }
    };
    assert_expands_to("failed", &input);
}
