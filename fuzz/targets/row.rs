//! What stands in a row of SQL (session-sqlx): a record that can be read, or an undecodable one; never a panic, and such
//! a record can be destroyed (R19).
#![no_main]

use std::{sync::LazyLock, time::Duration};

use libfuzzer_sys::fuzz_target;
use session_core::{
    Committed, FieldChange, Guard, Lifetime, Patch, Renewal, Rotation, SessionId, SessionStore as _,
};
use session_sqlx::SqliteStore;
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqlitePoolOptions};
use tokio::runtime::{Builder, Runtime};

struct Site {
    runtime: Runtime,
    pool: SqlitePool,
    store: SqliteStore,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (pool, store) = runtime.block_on(async {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await;
        let pool = pool.expect("SQLite");
        let store = SqliteStore::new(pool.clone());
        store.migrate().await.expect("migrated");
        (pool, store)
    });
    Site {
        runtime,
        pool,
        store,
    }
});

/// Times, versions and generations at the edges of what they may be; `None` is NULL.
const NUMBERS: [Option<i64>; 12] = [
    Some(0),
    None,
    Some(1),
    Some(-1),
    Some(i64::MAX),
    Some(i64::MIN),
    Some(u32::MAX as i64),
    Some(u32::MAX as i64 + 1),
    Some(1 << 60),
    // About the years 2026 and 2100.
    Some(1_780_000_000_000_000),
    Some(4_100_000_000_000_000),
    Some((1 << 53) + 1),
];

const COLUMNS: [&str; 10] = [
    "expires_at",
    "created_at",
    "started_at",
    "touched_at",
    "rotated_at",
    "generation",
    "barrier",
    "version",
    "owner_since",
    "confirmed_at",
];

/// Writes the row, if SQLite takes it: one byte for each number, and the texts between line feeds.
async fn write(pool: &SqlitePool, id: SessionId, bytes: &[u8]) -> bool {
    let Some((numbers, texts)) = bytes.split_at_checked(COLUMNS.len()) else {
        return false;
    };
    let mut texts = texts.splitn(3, |byte| *byte == b'\n');
    let [fields, kept] = [(); 2].map(|()| texts.next().unwrap_or(b"{}"));
    let sql = format!(
        "INSERT OR REPLACE INTO sessions (id, fields, kept, owner, {}) \
         VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT){})",
        COLUMNS.join(", "),
        ", ?".repeat(COLUMNS.len()),
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql))
        .bind(id.as_bytes().to_vec())
        .bind(fields)
        .bind(kept)
        .bind(texts.next());
    for number in numbers {
        insert = insert.bind(NUMBERS[usize::from(*number) % NUMBERS.len()]);
    }
    insert.execute(pool).await.is_ok()
}

/// One that touches everything.
fn patch() -> Patch {
    let lifetime = Lifetime {
        idle: Duration::from_hours(1),
        absolute: Duration::MAX,
    };
    Patch {
        fields: vec![FieldChange::set("a", "1"), FieldChange::removed("b")],
        rotation: Some(Rotation::Periodic),
        renewal: Some(Renewal {
            lifetime,
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Site {
        runtime,
        pool,
        store,
    } = &*SITE;
    runtime.block_on(async {
        let id = SessionId::try_from(&[7; 16][..]).expect("16 bytes");
        if !write(pool, id, bytes).await {
            return;
        }
        match store.load(id).await {
            Ok(None) => {}
            Ok(Some(record)) => {
                let _ = format!("{record:?}");
                for field in record.fields() {
                    assert!(record.fields().find(field.name) == Some(field));
                }
                let guard = Guard {
                    generation: record.generation(),
                    version: None,
                };
                // A number beyond its range is an error.
                if let Ok(Committed::Applied(next)) = store.commit(id, guard, &patch()).await {
                    assert_eq!(next.fields().get("a"), Some("1"));
                    assert!(next.expires_at() >= record.expires_at());
                    assert!(next.version() > record.version());
                }
            }
            Err(error) => {
                assert!(error.is_undecodable(), "{error:?}");
                // Nothing is written over it.
                let guard = Guard {
                    generation: u32::MAX,
                    version: None,
                };
                assert!(!matches!(
                    store.commit(id, guard, &patch()).await,
                    Ok(Committed::Gone)
                ));
            }
        }
        store
            .find_by_owner("ada")
            .await
            .expect("the others can be read");
        store.delete(id).await.expect("anything can be destroyed");
        assert!(store.load(id).await.is_ok_and(|none| none.is_none()));
    });
});
