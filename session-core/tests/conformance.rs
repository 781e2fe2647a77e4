//! The memory store keeps the contract, and so does the smallest store that there can be. One that breaks it is told.

#![cfg(feature = "conformance")]

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use session_core::{
    Committed, Created, Guard, ManualClock, MemoryStore, NewRecord, Patch, Record, SessionId,
    SessionStore, StoreError, conformance::Harness,
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

/// The code that the page `writing_a_store` shows.
#[path = "../src/toy_store.rs"]
mod toy_store;

/// The test of it that the page shows.
#[path = "../src/toy_harness.rs"]
mod toy_harness;

/// A store that answers every commit by a conflict. It never waits, so that no runtime could end what goes on for ever.
#[derive(Default, Clone)]
struct Conflicting(MemoryStore);

/// So that its test leaves no thread behind that is busy.
static SEEN_ENOUGH: AtomicBool = AtomicBool::new(false);

impl Harness for Conflicting {
    type Store = Self;
    const LIMIT: Duration = Duration::from_millis(200);

    async fn start() -> Option<Self> {
        Some(Self::default())
    }

    async fn store(&self) -> Self {
        self.clone()
    }

    async fn pass(&self, _: Duration) {}
}

impl SessionStore for Conflicting {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.0.load(id).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.0.create(id, new).await
    }

    async fn commit(&self, id: SessionId, _: Guard, _: &Patch) -> Result<Committed, StoreError> {
        assert!(!SEEN_ENOUGH.load(Ordering::Relaxed), "the test is over");
        let newest = self.0.load(id).await?;
        Ok(newest.map_or(Committed::Gone, Committed::Conflict))
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

#[test]
fn a_rule_that_would_not_end_is_told() {
    let outcome = panic::catch_unwind(|| {
        session_core::conformance_rule!(Conflicting, parallel_increments_each_count_once);
    });
    SEEN_ENOUGH.store(true, Ordering::Relaxed);
    let failure = outcome.expect_err("it fails").downcast::<String>();
    let told = failure.expect("with a text");
    let start = "the rule `parallel_increments_each_count_once` did not finish within 200ms";
    assert!(told.starts_with(start), "{told}");
}
