//! A hash of a Redis server (session-redis): a record that can be read, or an error; never a panic, and never a value
//! in the error.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "files of another crate")]

// The store's own files: how it reads an answer is not public.
#[path = "../../session-redis/src/error.rs"]
mod error;
#[path = "../../session-redis/src/reply.rs"]
mod reply;
#[path = "../../session-redis/src/request.rs"]
mod request;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use redis::Value;
use session_core::{FieldChange, Guard, MAX_NAME_LEN, Patch, Timestamp};

// Names and values between line feeds.
fuzz_target!(|bytes: &[u8]| {
    let entries = bytes.split(|byte| *byte == b'\n');
    let entries = entries.map(|entry| Value::BulkString(entry.to_vec()));
    let now = Timestamp::from_micros(1_780_000_000_000_000);
    let Ok(Some(stored)) = reply::stored(Value::Array(entries.collect()), now) else {
        return;
    };
    let record = stored.record;
    let names: Vec<_> = record.fields().iter().map(|field| field.name).collect();
    assert!(names.is_sorted() && names.iter().all(|name| name.len() <= MAX_NAME_LEN));
    for name in names {
        assert!(record.fields().get(name).is_some());
    }
    // What is in it can be asked, and changed.
    let _ = format!("{record:?}");
    assert!(record.parts() == session_core::Record::new(record.parts(), record.now()).parts());
    let guard = Guard {
        generation: record.generation(),
        version: None,
    };
    let patch = Patch {
        fields: vec![FieldChange::set("a", "1")],
        ..Patch::default()
    };
    let _ = Arc::clone(&record).commit(guard, &patch, record.now());
});
