//! Views with type parameters, constants, bounds and defaults.

#![deny(
    warnings,
    clippy::pedantic,
    missing_docs,
    missing_debug_implementations
)]

use std::{fmt::Debug, marker::PhantomData};

use session_axum::{SessionData, TypedSession};

/// A step of a form.
pub trait Step: Copy + Debug {
    /// What is asked for.
    type Answer: Debug;
}

impl Step for u8 {
    type Answer = String;
}

/// A form of several pages.
#[derive(Debug, SessionData)]
pub struct Wizard<S: Step = u8, T = bool, const PAGES: usize = 3>
where
    T: Clone,
{
    /// The answers so far.
    pub answers: [Option<S::Answer>; PAGES],
    /// Where the visitor is.
    #[session(required)]
    pub step: S,
    /// Anything.
    #[session(default = None, rename = "anything")]
    extra: Option<T>,
    #[session(default = PAGES)]
    pages: usize,
    #[session(skip)]
    marker: PhantomData<(S, T)>,
}

/// A view of what can be written as text.
#[derive(Debug, SessionData)]
pub struct Login<I> {
    /// Who.
    #[session(owner)]
    pub user: Option<I>,
}

/// A generic handler names the bounds of its view once.
#[must_use]
pub fn handler<T>(session: &TypedSession<Wizard<u8, T, 2>>) -> u8
where
    T: Clone,
    Wizard<u8, T, 2>: SessionData<Accessors = WizardAccessors<u8, T, 2>>,
{
    session.state().step
}

/// Uses them all.
pub fn main() {
    let _ = handler::<Vec<u8>>;
    let _ = |session: &TypedSession<Wizard>| -> [Option<String>; 3] { session.answers() };
    let _ = |session: &TypedSession<Login<u64>>| -> Option<u64> { session.user() };
}
