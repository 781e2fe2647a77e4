//! What the memory store tells of those that it lets go.

use std::{iter::repeat_with, time::Duration};

use axum::Router;
use session_axum::{
    Created, FieldChange, Fields, Guard, Lifetime, ManualClock, MemoryStore, NewRecord, Patch,
    SessionId, SessionStore as _,
};
use session_tests::Log;

use crate::common::{DAY, HOUR, SECOND, browse};

fn living(idle: Duration) -> NewRecord {
    NewRecord {
        fields: Fields::default(),
        owner: None,
        lifetime: Lifetime {
            idle,
            absolute: DAY,
        },
    }
}

fn of(max_sessions: usize) -> (ManualClock, MemoryStore) {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().max_sessions(max_sessions);
    (clock.clone(), store.clock(clock).build())
}

async fn create(store: &MemoryStore, id: SessionId, new: NewRecord) {
    let created = store.create(id, new).await;
    assert!(matches!(created, Ok(Created::Created(_))));
}

#[tokio::test]
async fn each_eviction_is_told_with_its_number_and_each_doubling_as_a_warning() {
    let (_, store) = of(1);
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let log = Log::start();
    for (number, level) in [
        (1, "WARN"),
        (2, "WARN"),
        (3, "DEBUG"),
        (4, "WARN"),
        (5, "DEBUG"),
    ] {
        browser.stranger().get("/count/1").await;
        let lines = log.lines();
        let told: Vec<_> = lines
            .lines()
            .filter(|line| line.contains("was evicted"))
            .collect();
        assert_eq!(told.len(), 1, "{lines}");
        let told = told[0].trim_start();
        assert!(told.starts_with(level), "{told}");
        assert!(told.contains(&format!("evicted={number} ")), "{told}");
    }
}

#[tokio::test]
async fn each_write_tells_of_the_dead_that_it_removed() {
    for write in ["create", "commit", "delete"] {
        let (clock, store) = of(100);
        let log = Log::start();
        for _ in 0..40 {
            create(&store, SessionId::generate(), living(HOUR)).await;
        }
        let id = SessionId::generate();
        create(&store, id, living(2 * HOUR)).await;
        assert_eq!(told(&log), 0);
        clock.advance(HOUR);
        match write {
            "create" => create(&store, SessionId::generate(), living(HOUR)).await,
            "commit" => {
                let guard = Guard {
                    generation: 0,
                    version: None,
                };
                let patch = Patch {
                    fields: vec![FieldChange::set("a", "1")],
                    ..Patch::default()
                };
                store.commit(id, guard, &patch).await.expect("never fails");
            }
            _ => assert!(store.delete(id).await.expect("never fails")),
        }
        let removed = told(&log);
        assert!((1..40).contains(&removed), "{write}: {removed}");
        // The rest is told, and no more than that.
        let left = store.delete_expired(40).await.expect("never fails");
        assert_eq!((removed + left, told(&log)), (40, left), "{write}");
    }
}

/// How many expired ones were told of since the last time somebody asked.
fn told(log: &Log) -> u64 {
    let lines = log.lines();
    let lines = lines.lines();
    let numbers = lines.filter_map(|line| line.split_once("expired sessions removed sessions="));
    numbers
        .map(|(_, number)| number.parse::<u64>().expect("a number"))
        .sum()
}

/// So large a store has two parts, each with a lock of its own.
const TWO_PARTS: usize = 8_192;

/// The last bits of an id say to which part it belongs.
fn of_part(part: u8) -> SessionId {
    let ids = repeat_with(SessionId::generate);
    let mut ids = ids.filter(|id| id.as_bytes()[15] % 2 == part);
    ids.next().expect("every other")
}

/// A full store, in whose first part one session is the first to expire, so long from now.
async fn full(idle: Duration) -> (ManualClock, MemoryStore) {
    let (clock, store) = of(TWO_PARTS);
    create(&store, of_part(0), living(idle)).await;
    for _ in 1..TWO_PARTS {
        create(&store, SessionId::generate(), living(DAY)).await;
    }
    (clock, store)
}

#[tokio::test]
async fn in_a_flood_the_expired_of_other_parts_are_looked_for_once_a_second() {
    let (clock, store) = full(SECOND / 2).await;
    for evicted in [1, 2] {
        create(&store, of_part(1), living(DAY)).await;
        assert_eq!(store.evicted(), evicted);
        clock.advance(SECOND / 2);
    }
    let (clock, store) = full(SECOND).await;
    create(&store, of_part(1), living(DAY)).await;
    clock.advance(SECOND);
    create(&store, of_part(1), living(DAY)).await;
    assert_eq!(store.evicted(), 1);
}

#[tokio::test]
async fn an_expired_one_that_made_room_in_another_part_is_told_like_those_that_were_swept() {
    let (clock, store) = full(HOUR).await;
    clock.advance(HOUR);
    let log = Log::start();
    create(&store, of_part(1), living(HOUR)).await;
    assert_eq!((told(&log), store.evicted()), (1, 0));
}
