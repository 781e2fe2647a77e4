//! Who may come in: arguments of handlers that answer strangers with the way to a form.
//!
//! `TypedSession<Account>` alone would answer them 401, which suits programs. A handler that takes one of these
//! can't forget the check.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use session_axum::{SessionRejection, TypedSession};

use crate::Account;

/// How long the password counts as just typed.
const FRESH: Duration = Duration::from_mins(5);

/// Somebody who is logged in; all others are sent to the log-in. That includes a device that was logged out from
/// elsewhere: its cookie opens nothing any more, so its next click leads there.
pub(crate) struct LoggedIn(pub(crate) TypedSession<Account>);

/// Somebody who has typed the password in the last minutes; others are sent to type it again.
pub(crate) struct Confirmed(pub(crate) TypedSession<Account>);

impl<S: Send + Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match TypedSession::from_request_parts(parts, state).await {
            Ok(account) => Ok(Self(account)),
            Err(SessionRejection::MissingField(_)) => Err(Redirect::to("/log-in").into_response()),
            // The store can't be reached, say. Nobody is told to log in for that.
            Err(other) => Err(other.into_response()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Confirmed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let LoggedIn(account) = LoggedIn::from_request_parts(parts, state).await?;
        match account.session().require_fresh(FRESH) {
            Ok(()) => Ok(Self(account)),
            Err(_) => Err(Redirect::to("/confirm").into_response()),
        }
    }
}
