//! A crate in which every name that the derive could need means something else.

#![deny(warnings, clippy::pedantic)]
#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    non_camel_case_types,
    non_upper_case_globals
)]

use session_axum::{SessionData, TypedSession};

pub struct Err;
pub struct Field;
pub struct None;
pub struct Ok;
pub struct Option;
pub struct Result;
pub struct Some;
pub struct String;
pub struct Vec;
pub struct View;

// Where a parameter or a local had one of these names, it would be a pattern that matches this alone. (But for `value`, the
// setters' parameter, which people read in the docs.)
pub struct accessors;
pub struct reader;
pub struct writer;
pub const f: u8 = 1;
pub const owner: u8 = 1;
pub static session: u8 = 1;

pub trait Clone {}
pub trait Debug {}
pub trait Default {}
pub trait Send {}
pub trait Sized {}

pub mod core {}
pub mod serde {}
pub mod session {}
pub mod std {}

/// Its methods would be found before those of a reference.
pub trait Everywhere: ::core::marker::Sized {
    fn clone(self) {}
    fn count(self) {}
    fn field(self) {}
    fn get(self) {}
    fn name(self) {}
    fn remove(self) {}
    fn set(self) {}
}

impl<T> Everywhere for T {}

#[derive(SessionData)]
pub struct Visit {
    count: u64,
    #[session(keep, alias = "nickname")]
    name: ::core::option::Option<u8>,
    #[session(flash)]
    notice: ::core::option::Option<u8>,
    #[session(owner)]
    user: ::core::option::Option<u8>,
    #[session(required)]
    since: u64,
    #[session(strict, default = 1)]
    page: u64,
}

#[derive(SessionData)]
pub struct Login {
    #[session(owner, required)]
    user: u64,
}

pub fn main() {
    let _ = TypedSession::<Visit>::state;
}
