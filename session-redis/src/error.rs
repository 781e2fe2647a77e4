//! What a failure of the server means for a request.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use session_core::StoreError;

/// Replies of a server that has to recover first. Inside a script's error they stand in the middle of the text.
const UNAVAILABLE: [&str; 9] = [
    "command not allowed when used memory",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
];

/// A key of ours holds what we never wrote.
#[derive(Debug, thiserror::Error)]
#[error("the session's hash is malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for StoreError {
    fn from(malformed: Malformed) -> Self {
        Self::undecodable(malformed)
    }
}

/// Sorts a failure: worth trying again later, unreadable, or ours.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    let text = error.to_string();
    if text.contains("with args beginning with") {
        // Such an answer quotes the key, and with it an id (R18).
        return StoreError::internal(
            "the server does not know a command: are EVAL and EVALSHA disabled?",
        );
    }
    let says = |code: &&str| text.contains(*code);
    if text.contains("WRONGTYPE") {
        StoreError::undecodable(error)
    } else if is_unavailable(error.kind()) || UNAVAILABLE.iter().any(says) {
        StoreError::unavailable(error)
    } else {
        StoreError::internal(error)
    }
}

fn is_unavailable(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Io
            | ErrorKind::ClusterConnectionNotFound
            // A reply that was cut off or garbled: the client gives up the connection.
            | ErrorKind::Parse
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask
            )
    )
}
