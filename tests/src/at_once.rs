//! The same store as one that answers at once.

use std::{env, sync::Arc};

use session_axum::{
    Committed, Created, Guard, Key, NewRecord, Patch, Record, SessionId, SessionLayer,
    SessionStore, StoreError,
};

const AT_ONCE: &str = "SESSION_TEST_AT_ONCE";

/// A layer over this store; with `SESSION_TEST_AT_ONCE` in the environment, over it as one that answers at once.
#[must_use]
pub fn layer(store: &(impl SessionStore + Clone), key: Key) -> SessionLayer {
    if env::var_os(AT_ONCE).is_some() {
        SessionLayer::new(AtOnce(store.clone()), key)
    } else {
        SessionLayer::new(store.clone(), key)
    }
}

/// Says of a store that it never waits: sessions then take their shorter way, without a future that is kept.
#[derive(Debug, Clone)]
struct AtOnce<S>(S);

impl<S: SessionStore> SessionStore for AtOnce<S> {
    const ANSWERS_AT_ONCE: bool = true;

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.0.load(id).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.0.create(id, new).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        self.0.commit(id, guard, patch).await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.0.delete(id).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.0.find_by_owner(owner).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.0.revoke_owner(owner, keep).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.0.delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.0.count().await
    }
}
