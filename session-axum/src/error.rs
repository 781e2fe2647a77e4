//! [`SessionError`]: what can go wrong in a handler, as a response.

use std::{borrow::Cow, error::Error as StdError, fmt};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use session_core::{Error, FieldError, StoreError};

use crate::observe;

/// Why a commit or an update did not happen. As a response it is opaque: a status, and nothing of what is inside.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The session ended or was superseded since the request loaded it; or the request came with the cookie from before
    /// a log-in or another rotation, within [`rotation_grace`](crate::SessionLayer::rotation_grace) (30 seconds): 409.
    #[error("{}", Error::Gone)]
    Gone,
    /// An `update`, or a call behind others of its request, did not get through within `update_timeout`: 503 with `Retry-After`.
    #[error("{}", Error::Contended)]
    Contended,
    /// The owner has as many sessions as `max_sessions_per_owner` allows: 409.
    #[error("{}", Error::TooManySessions)]
    TooManySessions,
    /// The view does not exist without this required field: 401.
    #[error("{}", Error::Missing(.0.clone()))]
    Missing(Cow<'static, str>),
    /// A value that was set for this field can't be written as JSON: 500.
    #[error("{}", Error::Serialize(.0.clone()))]
    Serialize(Cow<'static, str>),
    /// The store failed: 503 with `Retry-After` if it can't be reached or does not answer, else 500.
    #[error("the session store failed")]
    Store(#[source] StoreError),
    /// The change can't be stored as it is: 500.
    #[error(transparent)]
    Refused(Error),
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Gone => Self::Gone,
            Error::Contended => Self::Contended,
            Error::TooManySessions => Self::TooManySessions,
            Error::Missing(field) => Self::Missing(field),
            Error::Serialize(field) => Self::Serialize(field),
            Error::Store(error) => Self::Store(error),
            other => Self::Refused(other),
        }
    }
}

impl From<FieldError> for SessionError {
    fn from(error: FieldError) -> Self {
        Error::from(error).into()
    }
}

impl SessionError {
    /// The status that the client gets.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Gone | Self::TooManySessions => StatusCode::CONFLICT,
            Self::Missing(_) => StatusCode::UNAUTHORIZED,
            Self::Contended => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(error) if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Serialize(_) | Self::Refused(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            observe::request_failed(&self, self.source().map(|_| Causes(&self)));
        }
        opaque(status)
    }
}

/// What lies under an error, for the log: each level's own words.
struct Causes<'a>(&'a SessionError);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What lies under a record that can't be read may quote it (R18).
        let quotes = matches!(self.0, SessionError::Store(error) if error.is_undecodable());
        let mut cause = self.0.source();
        let mut level = 0;
        while let Some(error) = cause.filter(|_| level == 0 || !quotes) {
            write!(f, "{}{error}", if level == 0 { "" } else { ": " })?;
            cause = error.source();
            level += 1;
        }
        Ok(())
    }
}

/// A response that says no more than its status, and when to come again.
pub(crate) fn opaque(status: StatusCode) -> Response {
    let text = status.canonical_reason().unwrap_or_default();
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let mut response = (status, no_store, text).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}
