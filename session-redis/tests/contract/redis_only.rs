//! What only a Redis can do wrong: time, expiry of keys, forgotten scripts, keys of somebody else, faults.

use std::{collections::BTreeMap, time::Duration};

use redis::{
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use session_core::{
    Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, OwnerChange, SessionId,
    SessionStore, StoreError,
};
use session_redis::RedisStore;
use session_tests::faults::until;
use tokio::time::Instant;

use crate::{
    common::{ANYTIME, commit, create, hex, load, new, owned_by, sessions_of, set},
    server::{Server, is_installed, manager},
};

fn key(id: SessionId) -> String {
    format!("session:{}", hex(id.as_bytes()))
}

async fn start(options: &[&str]) -> Option<(Server, RedisStore, ConnectionManager)> {
    if !is_installed() {
        return None;
    }
    let server = Server::start(options).await;
    let connection = server.connect().await;
    Some((server, RedisStore::new(connection.clone()), connection))
}

async fn ask<T: redis::FromRedisValue>(connection: &mut ConnectionManager, words: &[&str]) -> T {
    let mut command = cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query_async(connection).await.expect("it answers")
}

/// Where they are among the numbers of a hash.
const CREATED_AT: usize = 0;
const EXPIRES_AT: usize = 4;
const GENERATION: usize = 5;
const BARRIER: usize = 6;
const VERSION: usize = 7;

/// A session as the server holds it: it may tell the same in another order.
async fn hash(connection: &mut ConnectionManager, id: SessionId) -> BTreeMap<String, String> {
    ask(connection, &["HGETALL", &key(id)]).await
}

async fn set_number(connection: &mut ConnectionManager, id: SessionId, at: usize, number: &str) {
    let meta: String = ask(connection, &["HGET", &key(id), "meta"]).await;
    let mut numbers: Vec<_> = meta.split(' ').collect();
    numbers[at] = number;
    let _: u64 = ask(connection, &["HSET", &key(id), "meta", &numbers.join(" ")]).await;
}

#[tokio::test]
async fn a_dead_session_vanishes_by_itself_and_is_dead_at_its_deadline() {
    let Some((_server, store, mut connection)) = start(&[]).await else {
        return;
    };
    for owner in [None, Some("ada")] {
        let short = NewRecord {
            lifetime: Lifetime {
                idle: Duration::from_millis(200),
                absolute: Duration::from_secs(9),
            },
            ..new(owner)
        };
        let id = SessionId::generate();
        let created = store.create(id, short).await.expect("it answers");
        let Created::Created(record) = created else {
            panic!("taken")
        };
        assert_eq!(
            record.expires_at(),
            record.now().after(Duration::from_millis(200))
        );
        let deadline: u64 = ask(&mut connection, &["PEXPIRETIME", &key(id)]).await;
        assert_eq!(deadline, record.expires_at().as_micros().div_ceil(1_000));
        assert!(load(&store, id).await.is_some());
        until("it is dead", async || load(&store, id).await.is_none()).await;
        let answer = store
            .commit(id, ANYTIME, &set("count", "2"))
            .await
            .expect("it answers");
        assert!(matches!(answer, Committed::Gone));
        assert!(!store.delete(id).await.expect("it answers"));
        assert_eq!(store.count().await.expect("it answers"), 0);
        let exists: u64 = ask(&mut connection, &["EXISTS", &key(id)]).await;
        assert_eq!(exists, 0);
    }
}

#[tokio::test]
async fn the_deadline_is_the_records_and_not_the_keys() {
    let Some((_server, store, mut connection)) = start(&[]).await else {
        return;
    };
    let id = create(&store, None).await;
    let now: (u64, u64) = ask(&mut connection, &["TIME"]).await;
    let now = (now.0 * 1_000_000 + now.1).to_string();
    set_number(&mut connection, id, EXPIRES_AT, &now).await;
    let before = hash(&mut connection, id).await;
    assert!(load(&store, id).await.is_none());
    let stale = Guard {
        version: Some(99),
        ..ANYTIME
    };
    for guard in [ANYTIME, stale] {
        for patch in [set("count", "2"), owned_by(OwnerChange::Unchanged)] {
            let answer = store.commit(id, guard, &patch).await;
            assert!(matches!(answer, Ok(Committed::Gone)));
        }
    }
    let after = hash(&mut connection, id).await;
    assert_eq!(before, after);
    let again = store.create(id, new(None)).await.expect("it answers");
    assert!(
        matches!(again, Created::Created(_)),
        "an expired id may be used again"
    );
}

#[tokio::test]
async fn the_last_field_goes_and_the_session_stays() {
    let Some((_server, store, _)) = start(&[]).await else {
        return;
    };
    let id = create(&store, None).await;
    let mut patch = set("count", "");
    patch.fields[0].json = None;
    let record = commit(&store, id, &patch).await;
    assert!(record.fields().is_empty());
    assert!(load(&store, id).await.is_some());
}

fn fields(number: usize) -> Vec<FieldChange> {
    let names = (0..number).map(|at| format!("field{at:04}"));
    names.map(|name| FieldChange::set(name, "1")).collect()
}

#[tokio::test]
async fn thousands_of_fields_are_created_and_changed_at_once() {
    let Some((_server, store, _)) = start(&[]).await else {
        return;
    };
    for number in [1_000, 1_001, 9_000] {
        let id = create(&store, None).await;
        let mut patch = set("count", "2");
        patch.fields = fields(number);
        for (json, stand) in [(Some("1"), 1 + number), (None, 1)] {
            for field in &mut patch.fields {
                field.json = json.map(Into::into);
            }
            let record = commit(&store, id, &patch).await;
            assert_eq!(record.fields().iter().count(), stand);
            let record = load(&store, id).await.expect("alive");
            assert_eq!(record.fields().iter().count(), stand);
        }
        let many = NewRecord {
            fields: Fields::default().merge(&fields(number)),
            ..new(None)
        };
        let id = SessionId::generate();
        let created = store.create(id, many.clone()).await.expect("it answers");
        assert!(matches!(created, Created::Created(_)));
        let record = load(&store, id).await.expect("alive");
        assert!(record.fields() == &many.fields);
    }
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let Some((_server, store, mut connection)) = start(&[]).await else {
        return;
    };
    let id = create(&store, Some("ada")).await;
    let _: () = ask(&mut connection, &["SCRIPT", "FLUSH"]).await;
    commit(&store, id, &set("count", "2")).await;
    let _: () = ask(&mut connection, &["SCRIPT", "FLUSH"]).await;
    let record = load(&store, id).await.expect("alive");
    assert_eq!(record.fields().get("count"), Some("2"));
}

async fn is_kept(store: &RedisStore, connection: &mut ConnectionManager, id: SessionId) {
    let before = hash(connection, id).await;
    let is_undecodable =
        |error: StoreError| assert!(error.is_undecodable(), "{before:?}: {error:?}");
    is_undecodable(store.load(id).await.expect_err("not to be read"));
    for patch in [set("count", "2"), owned_by(OwnerChange::Unchanged)] {
        let answer = store.commit(id, ANYTIME, &patch).await;
        is_undecodable(answer.expect_err("not to be read"));
    }
    let again = store.create(id, new(None)).await.expect("it answers");
    assert!(matches!(again, Created::IdTaken));
    let after = hash(connection, id).await;
    assert_eq!(before, after);
    assert!(store.delete(id).await.expect("it answers"));
    assert!(load(store, id).await.is_none());
}

#[tokio::test]
async fn the_session_of_an_owner_that_is_no_text_can_be_deleted() {
    let Some((_server, store, mut connection)) = start(&[]).await else {
        return;
    };
    let id = create(&store, Some("ada")).await;
    let mut write = cmd("HSET");
    write.arg(key(id)).arg("owner").arg(b"\xff\xfe");
    write.exec_async(&mut connection).await.expect("it answers");
    let error = store.load(id).await.expect_err("no text");
    assert!(error.is_undecodable(), "{error:?}");
    assert!(store.delete(id).await.expect("it answers"));
    assert!(load(&store, id).await.is_none());
}

#[tokio::test]
async fn a_connection_may_speak_either_protocol() {
    let Some((server, _, _)) = start(&[]).await else {
        return;
    };
    let url = format!("{}/?protocol=resp3", server.url());
    let mut connection = manager(redis::Client::open(url).expect("a URL")).await;
    let store = RedisStore::new(connection.clone());
    let id = create(&store, Some("ada")).await;
    for patch in [set("count", "2"), owned_by(OwnerChange::Unchanged)] {
        let record = commit(&store, id, &patch).await;
        assert_eq!(record.fields().get("count"), Some("2"));
    }
    assert!(load(&store, id).await.is_some());
    assert_eq!(sessions_of(&store, "ada").await, [id]);
    assert_eq!(store.count().await.expect("it answers"), 1);
    let _: u64 = ask(&mut connection, &["DEL", &key(id)]).await;
    assert_eq!(store.delete_expired(10).await.expect("it answers"), 1);
    let id = create(&store, Some("ada")).await;
    let revoked = store.revoke_owner("ada", None).await;
    assert_eq!(revoked.expect("it answers"), 1);
    assert!(!store.delete(id).await.expect("it answers"));
}

#[tokio::test]
async fn what_can_not_be_read_is_never_written_but_can_be_deleted() {
    let Some((_server, store, mut connection)) = start(&[]).await else {
        return;
    };
    for (name, value) in [
        (VERSION, "many"),
        (VERSION, ""),
        (VERSION, "0 0"),
        (EXPIRES_AT, "1e99"),
        (EXPIRES_AT, "99999999999999999999"),
        (CREATED_AT, "99999999999999999999"),
        (VERSION, "9007199254740992"),
        (GENERATION, "-1"),
        (GENERATION, "4294967296"),
        (BARRIER, "4294967296"),
    ] {
        let id = create(&store, None).await;
        set_number(&mut connection, id, name, value).await;
        is_kept(&store, &mut connection, id).await;
    }
    let long = format!("f:{}", "a".repeat(129));
    for (owner, name, value) in [
        (None, "k:count", "2"),
        (None, &*long, "2"),
        (None, "owner", "ada"),
        (None, "owner_since", "7"),
        (Some("ada"), "owner_since", ""),
        (Some("ada"), "owner_since", "1e9"),
        (Some("ada"), "mark_seen", "-1"),
        (None, "confirmed_at", "9007199254740992"),
        (None, "remembered", "1"),
        (None, "remembered", "1.5"),
        (None, "remembered", "01.000000000"),
        (None, "remembered", "18446744073709551616.000000000"),
    ] {
        let id = create(&store, owner).await;
        let _: u64 = ask(&mut connection, &["HSET", &key(id), name, value]).await;
        is_kept(&store, &mut connection, id).await;
    }
    let id = SessionId::generate();
    let _: () = ask(&mut connection, &["SET", &key(id), "a string"]).await;
    assert!(store.load(id).await.expect_err("no hash").is_undecodable());
    assert!(
        store
            .commit(id, ANYTIME, &set("count", "2"))
            .await
            .expect_err("no hash")
            .is_undecodable()
    );
    assert!(store.delete(id).await.expect("it answers"));
}

#[tokio::test]
async fn two_prefixes_are_two_stores() {
    let Some((_server, store, _)) = start(&[]).await else {
        return;
    };
    let other = store.clone().prefix("a[*]{b}?\\:");
    let (here, there) = (
        create(&store, Some("ada")).await,
        create(&other, Some("ada")).await,
    );
    assert!(load(&store, there).await.is_none() && load(&other, here).await.is_none());
    assert_eq!(store.count().await.expect("it answers"), 1);
    assert_eq!(other.count().await.expect("it answers"), 1);
    assert_eq!(
        store.revoke_owner("ada", None).await.expect("it answers"),
        1
    );
    assert!(load(&other, there).await.is_some());
}

#[tokio::test]
async fn a_full_server_changes_nothing_and_is_unavailable() {
    let Some((_server, store, mut connection)) = start(&["--maxmemory-policy", "noeviction"]).await
    else {
        return;
    };
    let id = create(&store, Some("ada")).await;
    let before = hash(&mut connection, id).await;
    let _: () = ask(&mut connection, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let unavailable = |error: StoreError| assert!(error.is_unavailable(), "{error:?}");
    unavailable(
        store
            .create(SessionId::generate(), new(Some("ada")))
            .await
            .expect_err("full"),
    );
    unavailable(
        store
            .commit(id, ANYTIME, &set("count", "2"))
            .await
            .expect_err("full"),
    );
    unavailable(
        store
            .commit(id, ANYTIME, &owned_by(OwnerChange::Set("bob".into())))
            .await
            .expect_err("full"),
    );
    let _: () = ask(&mut connection, &["CONFIG", "SET", "maxmemory", "0"]).await;
    let after = hash(&mut connection, id).await;
    assert_eq!(before, after);
    commit(&store, id, &set("count", "2")).await;
}

#[tokio::test]
async fn a_read_only_replica_is_unavailable() {
    let Some((server, store, mut connection)) = start(&[]).await else {
        return;
    };
    let id = create(&store, None).await;
    let mut replica = cmd("REPLICAOF");
    replica.arg("127.0.0.1").arg(server.port);
    replica
        .exec_async(&mut connection)
        .await
        .expect("it answers");
    let error = store
        .commit(id, ANYTIME, &set("count", "2"))
        .await
        .expect_err("read-only");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[tokio::test]
async fn a_frozen_server_is_unavailable_in_time_and_well_afterwards() {
    let Some((server, store, _)) = start(&[]).await else {
        return;
    };
    let id = create(&store, None).await;
    server.signal("-STOP");
    let begin = Instant::now();
    let error = store.load(id).await.expect_err("frozen");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    server.signal("-CONT");
    // Answers that come too late are nobody's.
    for round in 0..20 {
        let other = create(&store, None).await;
        let text = round.to_string();
        let record = commit(&store, other, &set("count", &text)).await;
        assert_eq!(record.fields().get("count"), Some(text.as_str()));
    }
    assert!(load(&store, id).await.is_some());
}

/// From now on; who was let in before is thrown out.
async fn let_in(admin: &mut ConnectionManager, password: &str) {
    let _: () = ask(admin, &["CONFIG", "SET", "requirepass", password]).await;
    let _: u64 = ask(admin, &["CLIENT", "KILL", "SKIPME", "yes"]).await;
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_unavailable() {
    let Some((server, _, mut admin)) = start(&[]).await else {
        return;
    };
    for protocol in ["resp2", "resp3"] {
        let_in(&mut admin, "old").await;
        let port = server.port;
        let client = redis::Client::open(format!(
            "redis://:old@127.0.0.1:{port}/?protocol={protocol}"
        ))
        .expect("a URL");
        let store = RedisStore::new(manager(client.clone()).await);
        let patient = ConnectionManagerConfig::new()
            .set_number_of_retries(1_000)
            .set_max_delay(Duration::from_millis(100));
        let patient = ConnectionManager::new_with_config(client, patient).await;
        let patient = RedisStore::new(patient.expect("it is up"));
        let id = create(&store, None).await;
        let_in(&mut admin, "new").await;
        for _ in 0..3 {
            let error = store.load(id).await.expect_err("refused");
            assert!(error.is_unavailable(), "{error:?}");
        }
        let let_in_again = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let_in(&mut admin, "old").await;
        };
        let (record, ()) = tokio::join!(load(&patient, id), let_in_again);
        assert!(record.is_some(), "who tries for long comes back");
    }
}

#[tokio::test]
async fn what_was_answered_survives_the_death_of_the_server() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("text");
    let options = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--dir",
        path,
    ];
    let Some((server, store, _)) = start(&options).await else {
        return;
    };
    let id = create(&store, Some("ada")).await;
    for count in 2..50 {
        commit(&store, id, &set("count", &count.to_string())).await;
    }
    server.kill();
    let error = store.load(id).await.expect_err("dead");
    assert!(error.is_unavailable(), "{error:?}");
    server.start_again().await;
    until("it is back", async || store.load(id).await.is_ok()).await;
    let record = load(&store, id).await.expect("alive");
    assert_eq!(record.fields().get("count"), Some("49"));
    assert_eq!(
        store.find_by_owner("ada").await.expect("it answers").len(),
        1
    );
    commit(&store, id, &set("count", "50")).await;
}
