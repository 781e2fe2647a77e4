//! The object-safe mirror of [`SessionStore`], so that a session need not name its store.

use std::{future::Future, pin::Pin, sync::Arc};

use crate::{
    Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore, StoreError,
    runtime::at_once,
};

/// A store's answer: there already, or a future to wait for.
pub(crate) enum Answer<'a, T> {
    Ready(Result<T, StoreError>),
    Later(Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>),
}

/// No box for a store that answers at once.
fn answer<'a, S: SessionStore, T>(
    call: impl Future<Output = Result<T, StoreError>> + Send + 'a,
) -> Answer<'a, T> {
    if !S::ANSWERS_AT_ONCE {
        return Answer::Later(Box::pin(call));
    }
    Answer::Ready(at_once(call).unwrap_or(Err(StoreError::pending())))
}

pub(crate) trait ErasedStore: Send + Sync {
    fn answers_at_once(&self) -> bool;
    fn load(&self, id: SessionId) -> Answer<'_, Option<Arc<Record>>>;
    fn create(&self, id: SessionId, new: NewRecord) -> Answer<'_, Created>;
    fn commit<'a>(&'a self, id: SessionId, guard: Guard, patch: &'a Patch)
    -> Answer<'a, Committed>;
    fn delete(&self, id: SessionId) -> Answer<'_, bool>;
    fn find_by_owner<'a>(&'a self, owner: &'a str) -> Answer<'a, Vec<(SessionId, Arc<Record>)>>;
    fn revoke_owner<'a>(&'a self, owner: &'a str, keep: Option<SessionId>) -> Answer<'a, u64>;
}

impl<S: SessionStore> ErasedStore for S {
    fn answers_at_once(&self) -> bool {
        S::ANSWERS_AT_ONCE
    }

    fn load(&self, id: SessionId) -> Answer<'_, Option<Arc<Record>>> {
        answer::<S, _>(SessionStore::load(self, id))
    }

    fn create(&self, id: SessionId, new: NewRecord) -> Answer<'_, Created> {
        answer::<S, _>(SessionStore::create(self, id, new))
    }

    fn commit<'a>(
        &'a self,
        id: SessionId,
        guard: Guard,
        patch: &'a Patch,
    ) -> Answer<'a, Committed> {
        answer::<S, _>(SessionStore::commit(self, id, guard, patch))
    }

    fn delete(&self, id: SessionId) -> Answer<'_, bool> {
        answer::<S, _>(SessionStore::delete(self, id))
    }

    fn find_by_owner<'a>(&'a self, owner: &'a str) -> Answer<'a, Vec<(SessionId, Arc<Record>)>> {
        answer::<S, _>(SessionStore::find_by_owner(self, owner))
    }

    fn revoke_owner<'a>(&'a self, owner: &'a str, keep: Option<SessionId>) -> Answer<'a, u64> {
        answer::<S, _>(SessionStore::revoke_owner(self, owner, keep))
    }
}
