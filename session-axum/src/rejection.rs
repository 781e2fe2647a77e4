//! [`SessionRejection`]: why a handler got no session.

use std::any::type_name;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use session_core::{FieldError, StoreError};

use crate::{SessionError, error::opaque, observe};

/// Why an extractor gave no session. As a response it is opaque.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// No layer of this marker is on the route: 500.
    #[error("no session layer{} is on this route: add `{add}` after the routes and middleware that use it", of(*.marker))]
    MissingLayer {
        /// The line to add.
        add: String,
        /// The type that marks the layer; `None` for the plain one.
        marker: Option<&'static str>,
    },
    /// Another layer and the one of this marker have the same cookie, by name, or the same token header; or a layer nested in
    /// another has that of the other, whose session this request has taken already: 500. Each would overwrite the other's,
    /// and what one has sealed might open the other: a seal is bound to the name.
    #[error(
        "two session layers on this route have one cookie or token header, `{name}`: \
         give one of them its own `cookie_name(..)` or `token_header(..)`"
    )]
    OneCookie {
        /// The name of what they share.
        name: String,
    },
    /// A [`skip_header`](crate::SessionLayer::skip_header) of the request asked for no session: 400.
    /// Take an `Option` to serve such requests.
    #[error("the request asked for no session handling: take an `Option` to serve it")]
    Skipped,
    /// Nobody is logged in, or the log-in is too long ago for [`require_fresh`](crate::Session::require_fresh): 401.
    #[error("the log-in is too long ago, or there is none: let the user log in again")]
    NotFresh,
    /// The view does not exist without this required field: 401.
    #[error("the session has no `{0}`, which the view requires")]
    MissingField(&'static str),
    /// A strict field's stored value does not decode: 500.
    #[error("the stored `{0}` does not decode as the view's type: migrate it, or drop `strict`")]
    UndecodableField(&'static str),
    /// The stored record can't be read: 500. It is kept as it is; the untyped [`Session`](crate::Session) can destroy it.
    #[error("the stored session can't be read: it is kept as it is")]
    Undecodable,
    /// The store failed: 503 with `Retry-After` if it can't be reached or does not answer, else 500.
    #[error("the session store failed")]
    Store(#[source] StoreError),
}

impl SessionRejection {
    pub(crate) fn missing_layer<L>() -> Self {
        let marker = type_name::<L>();
        Self::missing((marker != "()").then_some(marker))
    }

    fn missing(marker: Option<&'static str>) -> Self {
        let new = marker.map_or("new".to_owned(), |marker| format!("named::<{marker}>"));
        Self::MissingLayer {
            add: format!(".layer(SessionLayer::{new}(store, key))"),
            marker,
        }
    }

    /// What the developer reads who sends the first request, and nobody else: no type is named.
    fn mistake(&self) -> Option<String> {
        match self {
            Self::MissingLayer {
                marker: Some(_), ..
            } => {
                let missing = Self::missing(Some("Marker"));
                Some(format!("{missing} (the log names the marker)"))
            }
            Self::MissingLayer { marker: None, .. } | Self::OneCookie { .. } => {
                Some(self.to_string())
            }
            _ => None,
        }
    }

    /// What an `Option` of an extractor makes of its outcome.
    pub(crate) fn optional<E>(extracted: Result<E, Self>) -> Result<Option<E>, Self> {
        match extracted {
            Ok(session) => Ok(Some(session)),
            Err(Self::Skipped | Self::MissingField(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The status that the client gets.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Skipped => StatusCode::BAD_REQUEST,
            Self::MissingField(_) | Self::NotFresh => StatusCode::UNAUTHORIZED,
            Self::Store(error) => SessionError::Store(error.clone()).status(),
            Self::MissingLayer { .. }
            | Self::OneCookie { .. }
            | Self::UndecodableField(_)
            | Self::Undecodable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

fn of(marker: Option<&str>) -> &'static str {
    marker.map_or("", |_| " of this handler's marker")
}

impl From<FieldError> for SessionRejection {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Missing(field) => Self::MissingField(field),
            FieldError::Undecodable(field) => Self::UndecodableField(field),
        }
    }
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        let status = self.status();
        if let Self::Store(error) = self {
            return SessionError::Store(error).into_response();
        }
        if status.is_server_error() {
            observe::rejected(&self);
        }
        let mut response = opaque(status);
        if let Some(mistake) = self.mistake() {
            *response.body_mut() = mistake.into();
        }
        response
    }
}
