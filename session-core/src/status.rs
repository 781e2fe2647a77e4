//! Why there is or is no session.

/// Why there is or is no session behind a request, as [`Session::status`](crate::Session::status) tells it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The client sent no token: a newcomer.
    New,
    /// There is a session.
    Live,
    /// The token is genuine, but the store knows no live session for it: expired, ended, or from a lost store.
    Unknown,
    /// The token is genuine, but of an older generation than the session.
    Replayed,
    /// The client sent something under the cookie's name that does not open: forged, damaged, or of a removed key.
    Unsealed,
    /// The client sent genuine tokens of two different sessions.
    Ambiguous,
    /// The record is there but can't be read: it is kept as it is, and can only be destroyed.
    Undecodable,
    /// Somebody rotated the session since this request loaded it: it can't write any more.
    Superseded,
    /// The session ended while this request ran.
    Gone,
    /// This request destroyed the session.
    Destroyed,
}

impl Status {
    /// There was no session to find: a write starts one, except shortly after the rotation that a replayed token missed.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(
            self,
            Self::New
                | Self::Unknown
                | Self::Replayed
                | Self::Unsealed
                | Self::Ambiguous
                | Self::Destroyed
        )
    }
}
