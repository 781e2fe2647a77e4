//! The suite of the store contract, on files. All that a store of yours needs is such a page.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::fs;
use std::time::Duration;

use custom_store::FileStore;
use session_core::conformance::Harness;
use session_core::{ManualClock, SessionId};
use tempfile::TempDir;

struct Directory {
    directory: TempDir,
    clock: ManualClock,
}

impl Harness for Directory {
    type Store = FileStore<ManualClock>;
    // Time passes when we say so.
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        Some(Self {
            directory: TempDir::new().unwrap(),
            clock: ManualClock::new(),
        })
    }

    /// As another process would open it.
    async fn store(&self) -> Self::Store {
        FileStore::with_clock(self.directory.path(), self.clock.clone()).unwrap()
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    /// The fields can't be read any more; whose they are can.
    async fn damage(&self, id: SessionId) -> bool {
        let name: String = id.as_bytes().map(|byte| format!("{byte:02x}")).concat();
        let file = self.directory.path().join(name);
        let text = fs::read_to_string(&file).unwrap();
        let (head, _) = text.split_once('\n').unwrap();
        fs::write(file, format!("{head}\nno fields\n")).unwrap();
        true
    }
}

session_core::conformance!(Directory);
