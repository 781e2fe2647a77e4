use std::time::Duration;

use session_core::{ManualClock, conformance::Harness};

use crate::toy_store::ToyStore;

#[derive(Default)]
struct Toy {
    store: ToyStore<ManualClock>,
}

impl Harness for Toy {
    type Store = ToyStore<ManualClock>;
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        Some(Self::default())
    }

    async fn store(&self) -> Self::Store {
        self.store.clone()
    }

    async fn pass(&self, span: Duration) {
        self.store.clock.advance(span);
    }
}

session_core::conformance!(Toy);
