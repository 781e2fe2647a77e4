//! The derive, of any input: it writes code or errors, and never panics. What it writes is a file of Rust.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "files of another crate")]

// The derive's own files: a crate of procedural macros exports nothing else.
#[path = "../../session-macros/src/accessors.rs"]
mod accessors;
#[path = "../../session-macros/src/attr.rs"]
mod attr;
#[path = "../../session-macros/src/check.rs"]
mod check;
#[path = "../../session-macros/src/diagnostics.rs"]
mod diagnostics;
#[path = "../../session-macros/src/expand.rs"]
mod expand;
#[path = "../../session-macros/src/fallback.rs"]
mod fallback;
#[path = "../../session-macros/src/model.rs"]
mod model;
#[path = "../../session-macros/src/names.rs"]
mod names;
#[path = "../../session-macros/src/receiver.rs"]
mod receiver;
#[path = "../../session-macros/src/session_data.rs"]
mod session_data;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|text: &str| -> Corpus {
    // The compiler hands a derive what it could read as a struct, an enum, or a union.
    let Ok(input) = syn::parse_str::<syn::DeriveInput>(text) else {
        return Corpus::Reject;
    };
    let tokens = expand::derive(&input);
    // A type such as `A + B` needs parentheses in most places; the compiler says so at the user's own token.
    if !text.contains('+')
        && let Err(error) = syn::parse2::<syn::File>(tokens.clone())
    {
        panic!("{error}: {tokens}");
    }
    Corpus::Keep
});
