use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use session_core::{
    Clock, Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError, SystemClock, Timestamp,
};

type Records = HashMap<SessionId, Arc<Record>>;

/// One lock around all records.
#[derive(Debug, Clone, Default)]
pub(crate) struct ToyStore<C = SystemClock> {
    records: Arc<Mutex<Records>>,
    pub(crate) clock: C,
}

impl<C: Clock> ToyStore<C> {
    /// One atomic step, at one moment.
    fn step<T>(&self, work: impl FnOnce(&mut Records, Timestamp) -> T) -> Result<T, StoreError> {
        let poisoned = |_| StoreError::internal("somebody panicked with the lock");
        let mut records = self.records.lock().map_err(poisoned)?;
        Ok(work(&mut records, self.clock.now()))
    }
}

/// The record as an answer, unless it is dead.
fn live(record: &Arc<Record>, now: Timestamp) -> Option<Arc<Record>> {
    record.answered_at(now);
    (!record.is_expired(now)).then(|| Arc::clone(record))
}

impl<C: Clock> SessionStore for ToyStore<C> {
    const ANSWERS_AT_ONCE: bool = true;

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.step(|records, now| live(records.get(&id)?, now))
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.step(|records, now| {
            if records.get(&id).is_some_and(|old| !old.is_expired(now)) {
                return Created::IdTaken;
            }
            let record = Arc::new(Record::create(new, now));
            records.insert(id, Arc::clone(&record));
            Created::Created(record)
        })
    }

    #[rustfmt::skip]
    async fn commit(&self, id: SessionId, guard: Guard, patch: &Patch) -> Result<Committed, StoreError> {
        self.step(|records, now| {
            let Some(record) = records.get_mut(&id) else {
                return Committed::Gone;
            };
            let answer = record.commit(guard, patch, now);
            if let Committed::Applied(next) = &answer {
                *record = Arc::clone(next);
            }
            answer
        })
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.step(|records, now| records.remove(&id).is_some_and(|old| !old.is_expired(now)))
    }

    #[rustfmt::skip]
    async fn find_by_owner(&self, owner: &str) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.step(|records, now| {
            let found = records.iter().filter(|(_, record)| record.owner() == Some(owner));
            found.filter_map(|(id, record)| Some((*id, live(record, now)?))).collect()
        })
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.step(|records, now| {
            let revoked = records.extract_if(|id, record| {
                record.owner() == Some(owner) && Some(*id) != keep && !record.is_expired(now)
            });
            revoked.count() as u64
        })
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.step(|records, now| {
            let dead = records.extract_if(|_, record| record.is_expired(now));
            dead.take(at_most).count() as u64
        })
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.step(|records, now| {
            let live = records.values().filter(|record| !record.is_expired(now));
            live.count() as u64
        })
    }
}
