//! A crate that denies every lint it can, with a view of every kind of field.

#![deny(
    warnings,
    clippy::all,
    clippy::pedantic,
    let_underscore,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results
)]
#![forbid(unreachable_code, unsafe_code)]

use std::collections::HashMap;

use session_axum::{SessionData, TypedSession};

/// A view whose accessors nobody calls, but for one.
#[derive(Debug, SessionData)]
#[session(prefix = "all.")]
pub struct All {
    /// A lint asks this type to be generic over its hasher, where it is a parameter.
    #[session(alias = "pages", alias = "urls", keep)]
    pub visits: HashMap<String, Vec<Option<u64>>>,
    /// A lint asks a function that always returns `Some` to do without it.
    #[session(default = Some("en".to_owned()), strict)]
    pub lang: Option<String>,
    /// `Self` is the view.
    #[session(default = Self::START)]
    start: u64,
    /// A lint asks for the function in place of a closure around it.
    #[session(default = Vec::new())]
    list: Vec<u8>,
    /// A lint asks what has a `len` for an `is_empty`, and an `iter` for an iterator.
    pub len: u64,
    /// The same.
    pub iter: u64,
    /// Nothing behind it is reached.
    #[session(default = unreachable!())]
    never: u8,
    /// `Self` is the item within.
    #[session(default = {
        struct Twice(u8);
        trait By<const N: u8> {
            fn new(of: u8) -> Self;
        }
        impl By<{ 1 + 1 }> for Twice {
            fn new(of: u8) -> Self {
                Self(2 * of)
            }
        }
        Twice::new(Self::START as u8).0
    })]
    twice: u8,
    /// Required.
    #[session(required, rename = "since.when")]
    since: String,
    /// Owned.
    #[session(owner)]
    pub user: Option<u64>,
    /// Shown once.
    #[session(flash)]
    pub notice: Option<String>,
    /// Not stored.
    #[session(skip)]
    pub skipped: Option<char>,
    /// A keyword.
    pub r#type: u8,
    /// Two that are hidden under their own names.
    #[session(accessor = "r#match")]
    state: u8,
    #[session(accessor = "copied")]
    clone: u8,
    /// Nobody may use it.
    #[deprecated]
    pub gone: u8,
    undocumented: (),
    // Names that the derive's own code has too.
    accessors: u8,
    reader: u8,
    self_: u8,
    value: u8,
    view: u8,
    writer: u8,
}

impl All {
    const START: u64 = 3;
}

/// The owner as a field that is always there, and a name that is only a keyword.
#[derive(Debug, SessionData)]
pub struct r#Login {
    /// Who.
    #[session(owner, required)]
    pub user: String,
}

/// A view that nobody may use, with a default of its own.
#[deprecated]
#[derive(Debug, SessionData)]
pub struct Old {
    #[session(default = Self::START.to_vec())]
    start: Vec<u64>,
}

#[allow(deprecated, reason = "it is the user's own, who knows")]
impl Old {
    const START: [u64; 1] = [3];
}

/// A view without a field.
#[derive(Clone, Copy, Debug, SessionData)]
pub struct Nothing {}

/// Takes views.
#[must_use]
pub fn handler(all: &TypedSession<All>, login: &TypedSession<Login>) -> Option<u8> {
    all.set_type(all.r#type() + all.r#match());
    all.set_match(1);
    all.remove_copied();
    login.set_user(login.state().user);
    all.take_user().and(all.take_notice()).map(|_| all.value())
}

/// What a bare use of the view needs.
pub fn main() {
    let _ = handler;
    let _ = TypedSession::<Nothing>::session;
}
