//! Collects every mistake, so that the user sees all of them at once.

use std::fmt::Display;

use proc_macro2::Span;
use syn::{Error, Result};

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Diagnostics {
    error: Option<Error>,
}

impl Diagnostics {
    /// Reports a mistake at the user's token.
    pub(crate) fn report(&mut self, at: Span, message: impl Display) {
        self.push(Error::new(at, message));
    }

    /// Reports a mistake that `syn` has found.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.error {
            Some(first) => first.combine(error),
            None => self.error = Some(error),
        }
    }

    /// All mistakes as one error, if there are any.
    pub(crate) fn finish(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }
}
