//! SQLite and PostgreSQL by the store contract, and what each of them adds to it.

#![cfg(all(feature = "postgres", feature = "sqlite"))]

mod lending;
mod postgres;
mod postgres_alone;
mod postgres_faults;
mod postgres_server;
mod round_trips;
mod sqlite;
mod sqlite_alone;
mod sqlite_faults;
mod wire;

use std::time::Duration;

use session_core::{
    Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, OwnerChange, Patch,
    Record, Renewal, SessionId, SessionStore,
};

const LIFETIME: Lifetime = Lifetime {
    idle: Duration::from_mins(1),
    absolute: Duration::from_mins(10),
};
const ANYTIME: Guard = Guard {
    generation: u32::MAX,
    version: None,
};

async fn create(store: &impl SessionStore) -> SessionId {
    let id = SessionId::generate();
    let new = NewRecord {
        fields: Fields::default().merge(&[FieldChange::set("count", "0")]),
        owner: Some("ada".to_owned()),
        lifetime: LIFETIME,
    };
    let created = store.create(id, new).await.expect("create");
    assert!(matches!(created, Created::Created(_)));
    id
}

fn touch() -> Patch {
    Patch {
        renewal: Some(Renewal {
            lifetime: LIFETIME,
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

fn set_count(count: u64) -> Patch {
    Patch {
        fields: vec![FieldChange::set("count", count.to_string())],
        ..Patch::default()
    }
}

/// What can be wrong with a row, on either engine; `fields` is all texts otherwise.
const DAMAGES: [&str; 14] = [
    "fields = '[]'",
    "fields = '[\"1\"]'",
    "fields = '{\"count\":7}'",
    "fields = '{\"count\":null}'",
    "fields = '{\"count\":[\"1\"]}'",
    "fields = '{\"count\":{\"a\":null}}'",
    "kept = '{\"count\":\"1\",\"a\":true}'",
    "generation = 4294967296",
    "barrier = -1",
    "version = -1",
    "touched_at = -1",
    "owner_since = -1",
    "confirmed_at = -1",
    "remembered = -1",
];

/// Commits of fields alone and of more, to a session whose row was damaged.
async fn is_refused(store: &impl SessionStore, id: SessionId, damage: &str) {
    let error = store.load(id).await.expect_err(damage);
    assert!(error.is_undecodable(), "{damage}: {error:?}");
    let more = Patch {
        renewal: touch().renewal,
        ..set_count(2)
    };
    let log_out = Patch {
        owner: OwnerChange::Cleared,
        ..touch()
    };
    for patch in [set_count(2), touch(), more, log_out] {
        let error = store.commit(id, ANYTIME, &patch).await.expect_err(damage);
        assert!(error.is_undecodable(), "{damage}: {error:?}");
    }
}

async fn apply(store: &impl SessionStore, id: SessionId, patch: &Patch) {
    let answer = store.commit(id, ANYTIME, patch).await.expect("commit");
    assert!(matches!(answer, Committed::Applied(_)), "{answer:?}");
}

fn count(record: &Record) -> u64 {
    let json = record.fields().get("count").expect("there");
    json.parse().expect("a number")
}

fn hex(id: SessionId) -> String {
    format!("{:032x}", u128::from_be_bytes(*id.as_bytes()))
}
