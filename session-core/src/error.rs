//! What can go wrong with a session.

use std::borrow::Cow;

use crate::{StoreError, fields};

/// What `session-core` says where a commit or an update did not happen; handlers get the `SessionError` of
/// `session-axum`, which is a response. Nothing was changed, except after a [`Store`](Self::Store)
/// failure, which may hide a change that the store made before it failed.
///
/// No variant shows a value, an id or a token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The session has ended, or its token was superseded, since the request loaded it; or the request came with the token
    /// from before a rotation, shortly after it.
    #[error(
        "the session has ended or was superseded since it was loaded: let the client start over"
    )]
    Gone,
    /// An `update`, or a call behind others of its request, did not get through within `update_timeout`.
    #[error("the session is written to so often that the update did not get through: try again")]
    Contended,
    /// The response head has left, or there is none to come, and this change needs the cookie; or the response failed, with
    /// which it was dropped.
    #[error(
        "the response has left without this change, or there is none to tell the client of it: do this before responding"
    )]
    ResponseSent,
    /// The view does not exist without this required field.
    #[error(
        "the session has no `{0}`, which the view requires: write the view with `set_state` first"
    )]
    Missing(Cow<'static, str>),
    /// A strict field's stored value does not decode as its type.
    #[error("the stored `{0}` does not decode as the view's type: migrate it, or drop `strict`")]
    Undecodable(Cow<'static, str>),
    /// A value that was set can't be written as JSON.
    #[error(
        "the value set for `{0}` can't be written as JSON, or is nested too deeply to be read: look at its `Serialize`"
    )]
    Serialize(Cow<'static, str>),
    /// The owner has as many sessions as `max_sessions_per_owner` allows.
    #[error("the owner has as many sessions as `max_sessions_per_owner` allows: end one first")]
    TooManySessions,
    /// A field's name is empty, too long or has control characters.
    #[error("a field's name has 1 to {max} bytes and no control characters", max = fields::MAX_NAME_LEN)]
    InvalidName,
    /// The record would grow beyond `max_record_size`.
    #[error("the session would grow to {size} bytes, more than the {max} of `max_record_size`")]
    TooLarge {
        /// What it would have.
        size: usize,
        /// What it may have.
        max: usize,
    },
    /// The record would have too many fields.
    #[error("the session would grow beyond {max} fields", max = fields::MAX_FIELDS)]
    TooManyFields,
    /// The store failed.
    #[error("the session store failed")]
    Store(#[from] StoreError),
}

/// Why a view does not exist in a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A required field is absent, or does not decode.
    #[error(
        "the session has no `{0}`, which the view requires: write the view with `set_state` first"
    )]
    Missing(&'static str),
    /// A strict field does not decode.
    #[error("the stored `{0}` does not decode as the view's type: migrate it, or drop `strict`")]
    Undecodable(&'static str),
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Missing(field) => Self::Missing(field.into()),
            FieldError::Undecodable(field) => Self::Undecodable(field.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_there_is_no_view_is_an_error_with_the_words_that_it_has_among_all_others() {
        fn pass_on(error: FieldError) -> Result<(), Box<dyn std::error::Error>> {
            Err(error)?
        }
        for error in [FieldError::Missing("user"), FieldError::Undecodable("user")] {
            let words = Error::from(error.clone()).to_string();
            assert!(words.contains("`user`"), "{words}");
            let passed_on = pass_on(error).expect_err("it was one");
            assert_eq!(passed_on.to_string(), words);
        }
    }
}
