//! One patch → one store call → what its outcome means for this request and its client (R8, R9, R11).

use std::sync::Arc;

use crate::{
    Committed, Error, Guard, OwnerChange, Patch, Record, Session, Status,
    life::{Live, News},
    runtime::in_task,
    staged::{Snapshot, Staged},
};

/// What an `update` carries, and what it saw: nothing of it is staged any more once it is applied.
type Carried<'a> = Option<(&'a Staged, &'a Snapshot)>;

/// What an `update` carried whose answer nobody learned.
pub(crate) struct Doubt(Option<(Staged, Snapshot)>);

/// A commit under way.
struct Asking<'a> {
    session: &'a Session,
    carried: Carried<'a>,
    is_answered: bool,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            let carried = self.carried;
            let carried = carried.map(|(staged, seen)| (staged.clone(), seen.clone()));
            self.session.lock().doubt = Some(Box::new(Doubt(carried)));
        }
    }
}

impl Session {
    /// One commit, and what its outcome means for this request. `None`: somebody was faster than an `update`, which has
    /// the newest record to try again.
    pub(crate) async fn commit_patch(
        &self,
        live: &Live,
        patch: &Patch,
        carried: Carried<'_>,
    ) -> Result<Option<Arc<Record>>, Error> {
        let guard = Guard {
            generation: live.generation,
            version: carried.map(|_| live.record.version()),
        };
        if patch.rotates() && !self.backend().answers_at_once() {
            // Boxed, for it is rare: else every request would have room for it.
            return Box::pin(self.carry_through(live, guard, patch, carried)).await;
        }
        self.commit_and_learn(live, guard, patch, carried).await
    }

    async fn commit_and_learn(
        &self,
        live: &Live,
        guard: Guard,
        patch: &Patch,
        carried: Carried<'_>,
    ) -> Result<Option<Arc<Record>>, Error> {
        let mut asking = Asking {
            session: self,
            carried,
            is_answered: patch.is_upkeep(),
        };
        let answer = self.backend().commit(live.id, guard, patch).await?;
        asking.is_answered = true;
        self.learn(live, patch, answer, carried)
    }

    /// After an answer was lost, only the store knows what is equal to what it has, and whether an `update` was applied.
    pub(crate) async fn resolve_doubt(&self, for_staged: bool) -> Result<(), Error> {
        {
            let state = self.lock();
            // Whatever it has become, a session that is to end is ended.
            let is_idle = state.staged.destroy || (for_staged && state.staged.is_empty());
            if state.doubt.is_none() || is_idle {
                return Ok(());
            }
        }
        // Boxed, for it is rare.
        match Box::pin(self.reload()).await {
            Ok(()) | Err(Error::Gone) => {}
            unknown => return unknown,
        }
        let mut state = self.lock();
        let doubt = state.doubt.take();
        let carried = doubt.and_then(|doubt| doubt.0);
        // With a change of owner it would have been a barrier to this request.
        if let (Some((staged, seen)), Some(live)) = (carried, state.live())
            && staged.owner == OwnerChange::Unchanged
            && staged.changes(live.record.fields()).fields.is_empty()
        {
            state.staged.unstage(&staged, &seen);
        }
        Ok(())
    }

    /// A rotation is carried through although its handler gave it up, or its client has gone (R9): its new token may be
    /// lost on the way, but the record is never left half way between two wishes. While the request runs, its response
    /// waits for it, and tells the client.
    async fn carry_through(
        &self,
        live: &Live,
        guard: Guard,
        patch: &Patch,
        carried: Carried<'_>,
    ) -> Result<Option<Arc<Record>>, Error> {
        let carried = carried.map(|(staged, seen)| (staged.clone(), seen.clone()));
        let (session, call) = (self.clone(), self.carry_call());
        let (live, patch) = (live.clone(), patch.clone());
        let work = async move {
            let carried = carried.as_ref().map(|(staged, seen)| (staged, seen));
            let commit = session.commit_and_learn(&live, guard, &patch, carried);
            let learned = commit.await;
            drop(call);
            learned
        };
        in_task(&*self.backend().runtime, work).await?
    }

    /// What the store's answer means for this request and its client.
    fn learn(
        &self,
        live: &Live,
        patch: &Patch,
        answer: Committed,
        carried: Carried<'_>,
    ) -> Result<Option<Arc<Record>>, Error> {
        let mut state = self.lock();
        match answer {
            Committed::Applied(record) => {
                if let Some((staged, seen)) = carried {
                    state.staged.unstage(staged, seen);
                }
                let renewed = record.touched_at() > live.record.touched_at();
                let persistent = || self.backend().policy.max_age(&record).is_some();
                if patch.rotates() || live.reissue {
                    state.reissue(Arc::clone(&record));
                } else {
                    // One that was rotated meanwhile is told by the response that rotated it (R11).
                    let current = record.generation() == live.generation;
                    if current && (patch.remember.is_some() || (renewed && persistent())) {
                        state.news = News::Set;
                    }
                    state.adopt(Arc::clone(&record));
                }
                Ok(Some(record))
            }
            Committed::Conflict(record) => {
                state.adopt(record);
                Ok(None)
            }
            Committed::Superseded(_) => {
                drop(state);
                Err(self.over(Status::Superseded))
            }
            Committed::Gone => {
                drop(state);
                Err(self.over(Status::Gone))
            }
        }
    }
}
