//! What this crate tells of itself: the names of its events are here and nowhere else. Those of sessions, and all
//! metrics, are in `session_core::observe`.

use std::fmt;

use session_core::TARGET;

use crate::{SessionError, SessionRejection};

/// The client gets an error in place of its answer.
pub(crate) fn request_failed(error: &SessionError, cause: Option<impl fmt::Display>) {
    let cause = cause.map(tracing::field::display);
    tracing::error!(
        name: "session.request_failed", target: TARGET, %error, cause,
        "a request failed for its session"
    );
}

pub(crate) fn rejected(error: &SessionRejection) {
    tracing::error!(name: "session.rejected", target: TARGET, %error, "a handler got no session");
}

pub(crate) fn cache_overridden() {
    tracing::warn!(
        name: "session.cache_overridden", target: TARGET,
        "a handler would let shared caches keep a session's cookie: `Cache-Control: no-store` was sent instead"
    );
}

pub(crate) fn client_told(way: impl fmt::Debug) {
    tracing::trace!(name: "session.client_told", target: TARGET, ?way, "client told of its token");
}
