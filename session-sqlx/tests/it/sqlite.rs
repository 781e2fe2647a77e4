//! SQLite: in a file that several pools have open, as several processes would, and in memory.

use std::time::Duration;

use session_core::{ManualClock, SessionId, conformance::Harness};
use session_sqlx::SqliteStore;
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tempfile::TempDir;

async fn store(pool: SqlitePool, clock: &ManualClock) -> SqliteStore {
    let store = SqliteStore::builder(pool).clock(clock.clone()).build();
    store.migrate().await.expect("migrate");
    store
}

async fn damage(pool: &SqlitePool, id: SessionId) {
    let done = sqlx::query("UPDATE sessions SET fields = '[1]' WHERE id = $1")
        .bind(id.as_bytes().to_vec())
        .execute(pool)
        .await;
    assert_eq!(done.expect("damage").rows_affected(), 1);
}

struct File {
    directory: TempDir,
    clock: ManualClock,
}

impl File {
    async fn pool(&self) -> SqlitePool {
        let options = SqliteStore::options(self.directory.path().join("sessions.db"));
        SqlitePool::connect_with(options).await.expect("open")
    }
}

impl Harness for File {
    type Store = SqliteStore;
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        Some(Self {
            directory: TempDir::new().expect("a directory"),
            clock: ManualClock::new(),
        })
    }

    async fn store(&self) -> SqliteStore {
        store(self.pool().await, &self.clock).await
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn damage(&self, id: SessionId) -> bool {
        damage(&self.pool().await, id).await;
        true
    }
}

mod file {
    session_core::conformance!(super::File);
}

struct Memory {
    pool: SqlitePool,
    clock: ManualClock,
}

impl Harness for Memory {
    type Store = SqliteStore;
    const STANDS_STILL: bool = true;

    async fn start() -> Option<Self> {
        // One connection, for each has a memory of its own.
        let options = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        let pool = options.connect_with(SqliteStore::options(":memory:"));
        Some(Self {
            pool: pool.await.expect("open"),
            clock: ManualClock::new(),
        })
    }

    async fn store(&self) -> SqliteStore {
        store(self.pool.clone(), &self.clock).await
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn damage(&self, id: SessionId) -> bool {
        damage(&self.pool, id).await;
        true
    }
}

mod memory {
    session_core::conformance!(super::Memory);
}
