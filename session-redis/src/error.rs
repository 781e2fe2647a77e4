//! What a failure of the server means for a request.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use session_core::StoreError;

/// Replies of a server that has to recover first. Inside a script's error they stand in the middle of the text.
const UNAVAILABLE: [&str; 11] = [
    "command not allowed when used memory",
    "READONLY",
    "MISCONF",
    "NOREPLICAS",
    "LOADING",
    "MASTERDOWN",
    "CLUSTERDOWN",
    "TRYAGAIN",
    "BUSY",
    "WRONGPASS",
    "NOAUTH",
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
    if error.kind() == ErrorKind::Parse {
        // Cut off or garbled: the client gives up the connection. Such an error quotes what it could not read (R18).
        return StoreError::unavailable("the server's answer can't be understood");
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
            | ErrorKind::AuthenticationFailed
            | ErrorKind::ClusterConnectionNotFound
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

#[cfg(test)]
mod tests {
    use redis::{Value, from_redis_value};

    use super::*;

    #[test]
    fn an_answer_that_is_not_understood_is_not_quoted() {
        let secret = Value::BulkString(b"secret".to_vec());
        let quotes = from_redis_value::<u64>(secret).expect_err("no number");
        assert!(quotes.to_string().contains("secret"));
        let error = store_error(quotes.into());
        let source = std::error::Error::source(&error).expect("a cause");
        assert!(!format!("{error:?} {source} {source:?}").contains("secret"));
        assert!(source.source().is_none());
    }
}
