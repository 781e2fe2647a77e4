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
    Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, Patch, Record, Renewal,
    SessionId, SessionStore,
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
