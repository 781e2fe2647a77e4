//! A crate in which every name that the derive could need means something else.

#![deny(warnings, clippy::pedantic)]
#![allow(dead_code, missing_docs, missing_debug_implementations)]

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
}

pub fn main() {
    let _ = TypedSession::<Visit>::state;
}
