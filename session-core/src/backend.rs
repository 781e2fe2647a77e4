//! A store with its time limits: the one place from which sessions call it.

use std::{fmt, sync::Arc};

use tracing::Instrument as _;

use crate::{
    Committed, Created, Error, Guard, NewRecord, Patch, Policy, Record, Runtime, SessionId,
    SessionStore, StoreError,
    erased::{Answer, ErasedStore},
    observe::{self, Destroyed, Operation, StoreCall},
    runtime::within,
    turns::Turns,
};

/// What all sessions of one layer share: the store, the policy, and who updates what just now.
#[derive(Clone)]
pub struct Backend {
    store: Arc<dyn ErasedStore>,
    /// The rules that these sessions follow.
    pub policy: Policy,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) turns: Turns,
}

impl Backend {
    /// Sessions in `store`, by the rules of `policy`.
    #[must_use]
    pub fn new(store: impl SessionStore, policy: Policy, runtime: impl Runtime) -> Self {
        Self {
            store: Arc::new(store),
            policy,
            runtime: Arc::new(runtime),
            turns: Turns::default(),
        }
    }

    /// The store [never waits](SessionStore::ANSWERS_AT_ONCE).
    #[must_use]
    pub fn answers_at_once(&self) -> bool {
        self.store.answers_at_once()
    }

    /// Who changes a session waits for nothing but a turn, before anything has changed: so where that has to wait, it can
    /// begin anew.
    pub(crate) fn waits_for_turns_alone(&self) -> bool {
        self.answers_at_once() && self.policy.max_sessions_per_owner.is_none()
    }

    pub(crate) async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.in_time(StoreCall::begin(Operation::Load), self.store.load(id))
            .await
    }

    pub(crate) async fn create(
        &self,
        id: SessionId,
        new: NewRecord,
    ) -> Result<Created, StoreError> {
        let call = StoreCall::begin(Operation::Create);
        let answer = self.in_time(call, self.store.create(id, new)).await;
        match answer {
            Ok(Created::Created(_)) => observe::created(id),
            Ok(Created::IdTaken) => observe::id_taken(),
            Err(_) => {}
        }
        answer
    }

    /// Ends a session from outside of its requests; whether there was a live one.
    pub async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.destroy(id, Destroyed::Revoked).await
    }

    pub(crate) async fn destroy(
        &self,
        id: SessionId,
        reason: Destroyed,
    ) -> Result<bool, StoreError> {
        let call = StoreCall::begin(Operation::Delete);
        let lived = self.in_time(call, self.store.delete(id)).await?;
        if lived {
            observe::destroyed(id, reason);
        }
        Ok(lived)
    }

    /// All live sessions of an owner.
    pub async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        let call = StoreCall::begin(Operation::FindByOwner);
        self.in_time(call, self.store.find_by_owner(owner)).await
    }

    /// Ends all sessions of an owner but one; how many.
    pub async fn revoke_owner(
        &self,
        owner: &str,
        keep: Option<SessionId>,
    ) -> Result<u64, StoreError> {
        let call = StoreCall::begin(Operation::RevokeOwner);
        let call = self.in_time(call, self.store.revoke_owner(owner, keep));
        let revoked = call.await?;
        observe::owner_revoked(revoked);
        Ok(revoked)
    }

    pub(crate) async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, Error> {
        if !patch.rotates() {
            let call = StoreCall::begin(Operation::Commit);
            let answer = self
                .in_time(call, self.store.commit(id, guard, patch))
                .await;
            observe::committed(&answer);
            return Ok(answer?);
        }
        // Boxed, for it is rare: else every request would have room for it.
        Box::pin(self.commit_admitted(id, guard, patch)).await
    }

    /// With the limit of the owner's sessions around it, if there is one.
    async fn commit_admitted(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, Error> {
        let admission = self.admit(patch.owner.owner(), Some(id)).await?;
        let call = StoreCall::begin(Operation::Commit);
        let answer = self
            .in_time(call, self.store.commit(id, guard, patch))
            .await;
        observe::committed(&answer);
        let answer = answer?;
        if let Committed::Applied(record) = &answer {
            observe::rotated(id, patch, record);
            self.make_room(admission).await;
        }
        Ok(answer)
    }

    async fn in_time<T>(&self, call: StoreCall, answer: Answer<'_, T>) -> Result<T, StoreError> {
        let answer = match answer {
            Answer::Ready(answer) => answer,
            Answer::Later(answer) => {
                let mut limit = self.runtime.sleep(self.policy.store_timeout);
                Box::pin(within(answer.instrument(call.span()), &mut limit))
                    .await
                    .unwrap_or(Err(StoreError::timed_out()))
            }
        };
        call.end(&answer);
        answer
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
