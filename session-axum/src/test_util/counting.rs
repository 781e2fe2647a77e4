//! [`CountingStore`]: what the store is asked to do.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{
    Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore, StoreError,
};

/// A method of a [`SessionStore`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "named as the methods")]
#[expect(clippy::exhaustive_enums, reason = "the contract's methods")]
pub enum StoreCall {
    Load,
    Create,
    Commit,
    Delete,
    FindByOwner,
    RevokeOwner,
    DeleteExpired,
    Count,
}

/// A store around another one, which notes each call when it comes. Its clones share the notes.
#[derive(Debug, Clone)]
pub struct CountingStore<S> {
    inner: S,
    calls: Arc<Mutex<Vec<StoreCall>>>,
}

impl<S> CountingStore<S> {
    /// Around this store.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            calls: Arc::default(),
        }
    }

    /// The store itself, for looking into it without a note.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The calls in their order, since the last time somebody took them.
    #[must_use]
    pub fn take_calls(&self) -> Vec<StoreCall> {
        std::mem::take(&mut self.calls.lock())
    }

    /// How many calls of this method there were since then. They stay noted.
    #[must_use]
    pub fn count_of(&self, call: StoreCall) -> usize {
        let calls = self.calls.lock();
        calls.iter().filter(|other| **other == call).count()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.calls.lock().clear();
    }

    /// Fails the test unless nobody called the store.
    ///
    /// # Panics
    ///
    /// If there was any call since the last time somebody took them.
    #[track_caller]
    pub fn assert_store_untouched(&self) {
        let calls = self.calls.lock().clone();
        assert!(calls.is_empty(), "the store was called: {calls:?}");
    }

    fn note(&self, call: StoreCall) -> &S {
        self.calls.lock().push(call);
        &self.inner
    }
}

impl<S: SessionStore> SessionStore for CountingStore<S> {
    const ANSWERS_AT_ONCE: bool = S::ANSWERS_AT_ONCE;

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.note(StoreCall::Load).load(id).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.note(StoreCall::Create).create(id, new).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        self.note(StoreCall::Commit).commit(id, guard, patch).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.note(StoreCall::Delete).delete(id).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.note(StoreCall::FindByOwner).find_by_owner(owner).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let inner = self.note(StoreCall::RevokeOwner);
        inner.revoke_owner(owner, keep).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        let inner = self.note(StoreCall::DeleteExpired);
        inner.delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.note(StoreCall::Count).count().await
    }
}
