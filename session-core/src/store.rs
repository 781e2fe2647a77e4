//! The contract between sessions and the place where their records live.

use std::{error::Error as StdError, fmt, future::Future, sync::Arc};

use crate::{Fields, Lifetime, Patch, Record, SessionId};

/// Where records live. Implemented by [`MemoryStore`](crate::MemoryStore), and by anybody else.
///
/// Methods are plain `async fn`s. Stores are cheap to clone, and an `Arc` of a store is a store.
///
/// The contract, in short:
///
/// - [`commit`](Self::commit) is **one atomic step** and never creates; [`create`](Self::create) never overwrites.
/// - A record past its deadline is never returned and never changed, swept or not; `now == expires_at` is past.
/// - Deadlines are made of a patch's spans and the store's own clock.
/// - Every record that is returned tells the store's time at this answer: it is made by [`Record::new`] with that time, or,
///   where the same `Arc` is handed out again, told by [`Record::answered_at`].
/// - A store failure is an `Err`; "not there" is not a failure.
/// - A record that is there but can't be read is [`StoreError::undecodable`], never "not there".
///
/// [`Record::create`] and [`Record::commit`] are the rules themselves, for stores that hold records in memory.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no session store",
    label = "sessions can't be kept in this",
    note = "give the store itself, not a reference to it or the `Result` of opening it; clones of a store are one store",
    note = "to choose a store at run time, make the layer where it is chosen: a `SessionLayer` does not name its store",
    note = "stores are `MemoryStore`, those of `session-sqlx` and `session-redis`, and what implements `SessionStore`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// True for a store that never waits: its futures are polled once and never boxed
    /// (one that is pending all the same is a [`StoreError`]).
    const ANSWERS_AT_ONCE: bool = false;

    /// The record, unless it is unknown or dead. It tells the [time of this answer](Record::answered_at).
    fn load(
        &self,
        id: SessionId,
    ) -> impl Future<Output = Result<Option<Arc<Record>>, StoreError>> + Send;

    /// Stores a new record under an id that no live record has.
    fn create(
        &self,
        id: SessionId,
        new: NewRecord,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Applies a patch in one atomic step, if the guard allows it.
    fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> impl Future<Output = Result<Committed, StoreError>> + Send;

    /// Deletes the record; whether there was a live one.
    fn delete(&self, id: SessionId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// All live sessions of an owner. Each record tells the [time of this answer](Record::answered_at).
    fn find_by_owner(
        &self,
        owner: &str,
    ) -> impl Future<Output = Result<Vec<(SessionId, Arc<Record>)>, StoreError>> + Send;

    /// Ends all sessions of an owner but one; how many. Also sets the owner's not-before mark,
    /// where the store's index could lose a member.
    fn revoke_owner(
        &self,
        owner: &str,
        keep: Option<SessionId>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes dead records, a bounded number of them; how many. Only hygiene: the dead are invisible anyhow.
    fn delete_expired(
        &self,
        at_most: usize,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// How many live sessions there are.
    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl<S: SessionStore> SessionStore for Arc<S> {
    const ANSWERS_AT_ONCE: bool = S::ANSWERS_AT_ONCE;

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        (**self).load(id).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        (**self).create(id, new).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        (**self).commit(id, guard, patch).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        (**self).delete(id).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        (**self).find_by_owner(owner).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        (**self).revoke_owner(owner, keep).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        (**self).delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        (**self).count().await
    }
}

/// What a session starts with. `Debug` shows neither values nor the owner.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "stores and their tests build it")]
pub struct NewRecord {
    /// The fields.
    pub fields: Fields,
    /// Who the session belongs to.
    pub owner: Option<String>,
    /// How long it may live.
    pub lifetime: Lifetime,
}

impl fmt::Debug for NewRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("fields", &self.fields)
            .field("owned", &self.owner.is_some())
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

/// What must still be true for a commit to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores and their tests build it")]
pub struct Guard {
    /// The generation as loaded: must not be below the record's barrier.
    pub generation: u32,
    /// The version as read: must be the newest. Only `update` asks for it.
    pub version: Option<u64>,
}

/// The answer of [`SessionStore::create`].
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "part of the contract")]
pub enum Created {
    /// The record as stored.
    Created(Arc<Record>),
    /// A live record has this id; nothing was changed.
    IdTaken,
}

/// The answer of [`SessionStore::commit`].
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "part of the contract")]
pub enum Committed {
    /// The record after the patch.
    Applied(Arc<Record>),
    /// Somebody committed since this version; the newest record, so that a retry costs one trip.
    Conflict(Arc<Record>),
    /// The guard's generation is below the barrier; nothing was changed.
    Superseded(Arc<Record>),
    /// There is no live record; nothing was changed or created.
    Gone,
}

/// A store could not do its work. The client never sees more than a status; the cause is the
/// [`source`](StdError::source).
///
/// ```
/// use session_core::StoreError;
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = StoreError::unavailable(refused);
/// assert!(error.is_unavailable());
/// assert!(std::error::Error::source(&error).is_some());
/// ```
#[derive(Clone)]
pub struct StoreError {
    kind: Kind,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    TimedOut,
    Undecodable,
    Pending,
    Internal,
}

impl StoreError {
    /// The store can't be reached or does not answer: worth trying again later (503).
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Unavailable, source)
    }

    /// The record is there but can't be read: it is never overwritten.
    pub fn undecodable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Undecodable, source)
    }

    /// Anything else that went wrong in the store (500).
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::with_source(Kind::Internal, source)
    }

    pub(crate) const fn timed_out() -> Self {
        Self {
            kind: Kind::TimedOut,
            source: None,
        }
    }

    pub(crate) const fn pending() -> Self {
        Self {
            kind: Kind::Pending,
            source: None,
        }
    }

    fn with_source(kind: Kind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            kind,
            source: Some(Arc::from(source.into())),
        }
    }

    /// The store can't be reached or did not answer in time.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::TimedOut)
    }

    /// The record is there but can't be read.
    #[must_use]
    pub fn is_undecodable(&self) -> bool {
        self.kind == Kind::Undecodable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Unavailable => "the session store can't be reached",
            Kind::TimedOut => "the session store did not answer in time: see `store_timeout`",
            Kind::Undecodable => "the stored session can't be read: it is kept as it is",
            Kind::Pending => {
                "the session store waits although it says `ANSWERS_AT_ONCE`: leave that constant at `false`"
            }
            Kind::Internal => "the session store failed",
        })
    }
}

/// The source as it says itself, for its `Debug` may quote a row; none of what can't be read, which may quote it anyhow.
impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.as_ref().filter(|_| !self.is_undecodable());
        f.debug_struct("StoreError")
            .field("kind", &self.kind)
            .field("source", &source.map(ToString::to_string))
            .finish()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_what_its_source_says_and_not_what_it_holds() {
        let source = String::from_utf8(b"4938\xff".to_vec()).expect_err("no text");
        assert!(format!("{source:?}").contains("52, 57, 51, 56"));
        let error = StoreError::internal(source);
        let shown = format!("{error:?}");
        assert!(
            shown.contains("invalid utf-8") && !shown.contains("52, 57"),
            "{shown}"
        );
    }
}
