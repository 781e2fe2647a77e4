//! What an engine's error means to a session. The engine's error stays the source.

use session_core::StoreError;

/// An error of which no row is the cause, or of which it says so itself.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    use sqlx::Error;

    let unreachable = match &error {
        Error::ColumnDecode { .. } | Error::Decode(_) => return StoreError::undecodable(error),
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed => true,
        Error::Database(database) => database.code().is_some_and(|code| is_unavailable(&code)),
        _ => false,
    };
    if unreachable {
        StoreError::unavailable(error)
    } else {
        StoreError::internal(error)
    }
}

/// The statement changed nothing, because somebody else was first: serialization, deadlock.
#[cfg(feature = "postgres")]
pub(crate) fn is_rolled_back(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(database) = error else {
        return false;
    };
    matches!(database.code().as_deref(), Some("40001" | "40P01"))
}

/// PostgreSQL has five characters of which the first two are the class; SQLite a number.
fn is_unavailable(code: &str) -> bool {
    if let (true, Ok(number)) = (code.len() < 5, code.parse::<u32>()) {
        return is_sqlite_unavailable(number);
    }
    // Connection, insufficient resources (a full disk, too many connections), system errors.
    ["08", "53", "58"]
        .iter()
        .any(|class| code.starts_with(class))
        || matches!(
            code,
            // A read-only replica.
            "25006"
            // Somebody else was in the way: serialization, deadlock, locks.
            | "40001" | "40P01" | "55P03"
            // Cancelled, shut down, crashed, not up yet.
            | "57014" | "57P01" | "57P02" | "57P03" | "57P05"
        )
}

/// The first byte of an extended code is the plain one.
fn is_sqlite_unavailable(code: u32) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const NO_MEMORY: u32 = 7;
    const READ_ONLY: u32 = 8;
    const IO: u32 = 10;
    const FULL: u32 = 13;
    const CAN_NOT_OPEN: u32 = 14;
    matches!(
        code & 0xff,
        BUSY | LOCKED | NO_MEMORY | READ_ONLY | IO | FULL | CAN_NOT_OPEN
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_can_not_be_reached_is_told_from_one_that_fails() {
        for code in [
            "08006", "53100", "53300", "57P01", "25006", "5", "517", "10", "13", "8",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in ["42P01", "22021", "23505", "1", "11", "19", "26"] {
            assert!(!is_unavailable(code), "{code}");
        }
        assert!(store_error(sqlx::Error::PoolTimedOut).is_unavailable());
        assert!(!store_error(sqlx::Error::RowNotFound).is_unavailable());
        let error = store_error(sqlx::Error::Decode("no".into()));
        assert!(error.is_undecodable());
        assert!(std::error::Error::source(&error).is_some());
    }
}
