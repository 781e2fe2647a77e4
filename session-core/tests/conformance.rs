//! The memory store keeps the contract, and so does the smallest store that there can be.

#![cfg(feature = "conformance")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use session_core::{
    Clock, Committed, Created, Guard, ManualClock, MemoryStore, NewRecord, Patch, Record,
    SessionId, SessionStore, StoreError, conformance::Harness,
};

struct Memory {
    store: MemoryStore,
    clock: ManualClock,
}

impl Harness for Memory {
    type Store = MemoryStore;
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Some(Self { store, clock })
    }

    async fn store(&self) -> MemoryStore {
        self.store.clone()
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }
}

mod memory_store {
    session_core::conformance!(super::Memory);
}

/// One lock around everything, and [`Record`]'s own rules.
#[derive(Clone, Default)]
struct ToyStore {
    records: Arc<Mutex<HashMap<SessionId, Arc<Record>>>>,
    clock: ManualClock,
}

impl ToyStore {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<SessionId, Arc<Record>>) -> T) -> T {
        work(&mut self.records.lock().expect("no panic"))
    }

    fn live(&self, id: SessionId) -> Option<Arc<Record>> {
        let record = self.with(|records| records.get(&id).cloned())?;
        record.answered_at(self.clock.now());
        (!record.is_expired(record.now())).then_some(record)
    }
}

impl SessionStore for ToyStore {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.live(id))
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|records| {
            if records.get(&id).is_some_and(|old| !old.is_expired(now)) {
                return Created::IdTaken;
            }
            let record = Arc::new(Record::create(new, now));
            records.insert(id, Arc::clone(&record));
            Created::Created(record)
        }))
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|records| {
            let Some(record) = records.get_mut(&id) else {
                return Committed::Gone;
            };
            let answer = record.commit(guard, patch, now);
            if let Committed::Applied(next) = &answer {
                *record = Arc::clone(next);
            }
            answer
        }))
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let removed = self.with(|records| records.remove(&id));
        Ok(removed.is_some_and(|record| !record.is_expired(now)))
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        let ids: Vec<_> = self.with(|records| records.keys().copied().collect());
        let live = ids.into_iter().filter_map(|id| Some((id, self.live(id)?)));
        Ok(live
            .filter(|(_, record)| record.owner() == Some(owner))
            .collect())
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let mut revoked = 0;
        for (id, _) in self.find_by_owner(owner).await? {
            if Some(id) != keep {
                revoked += u64::from(self.delete(id).await?);
            }
        }
        Ok(revoked)
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        let now = self.clock.now();
        Ok(self.with(|records| {
            let dead = records.iter().filter(|(_, record)| record.is_expired(now));
            let dead: Vec<_> = dead.map(|(id, _)| *id).take(at_most).collect();
            dead.iter().filter_map(|id| records.remove(id)).count() as u64
        }))
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let live = |record: &&Arc<Record>| !record.is_expired(now);
        Ok(self.with(|records| records.values().filter(live).count()) as u64)
    }
}

impl Harness for ToyStore {
    type Store = Self;
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        Some(Self::default())
    }

    async fn store(&self) -> Self {
        self.clone()
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }
}

mod toy_store {
    session_core::conformance!(super::ToyStore);
}
