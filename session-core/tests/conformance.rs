//! The memory store keeps the contract, and so does the smallest store that there can be.

#![cfg(feature = "conformance")]

use std::time::Duration;

use session_core::{ManualClock, MemoryStore, conformance::Harness};

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
