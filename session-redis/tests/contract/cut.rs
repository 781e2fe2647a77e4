//! A connection that is cut in the middle of a reply.

use redis::{aio::ConnectionManager, cmd};
use session_core::{SessionId, SessionStore};
use session_redis::RedisStore;
use session_tests::Proxy;

use crate::{
    common::{ANYTIME, commit, create, hex, load, set},
    server::{Server, is_installed, manager},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_in_a_reply_is_tried_again_for_a_load_and_poisons_nothing() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let proxy = Proxy::start(server.port, b"").await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", proxy.port)).expect("a URL");
    let store = RedisStore::new(manager(client).await);
    let id = create(&store, Some("ada")).await;
    commit(&store, id, &set("count", "0")).await;
    for round in 0..10_u32 {
        proxy.at_the_next_reply(async {});
        // What the commit before did stands, though its answer was lost.
        let record = load(&store, id).await.expect("alive");
        let text = round.to_string();
        assert_eq!(record.fields().get("count"), Some(text.as_str()));

        proxy.at_the_next_reply(async {});
        let next = set("count", &(round + 1).to_string());
        let answer = store.commit(id, ANYTIME, &next).await;
        assert!(answer.expect_err("cut").is_unavailable());
        // Each answer is the answer to its own question.
        let tasks = (0..20).map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let id = create(&store, None).await;
                let text = task.to_string();
                let record = commit(&store, id, &set("count", &text)).await;
                assert_eq!(record.fields().get("count"), Some(text.as_str()));
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("no panic");
        }
    }
}

const COMMIT: &str = concat!(
    include_str!("../../src/scripts/numbers.lua"),
    include_str!("../../src/scripts/common.lua"),
    include_str!("../../src/scripts/hash.lua"),
    include_str!("../../src/scripts/commit.lua"),
);

/// Sends a commit as the store does to a cluster; what became of it.
async fn send(mut connection: ConnectionManager, id: SessionId, words: [&[&str]; 4]) -> String {
    let [nonce, guard, changes, fields] = words;
    let mut eval = cmd("EVAL");
    eval.arg(COMMIT).arg(1);
    eval.arg(format!("session:{}", hex(id.as_bytes())));
    eval.arg(hex(id.as_bytes()));
    eval.arg(nonce).arg(guard).arg(changes).arg(fields);
    let answer: Vec<redis::Value> = eval.query_async(&mut connection).await.expect("it answers");
    let status = answer.into_iter().next().expect("a status");
    redis::from_redis_value(status).expect("text")
}

/// As the client of a cluster does it, which repeats what a cut connection left open.
#[tokio::test]
async fn a_repeated_commit_counts_once() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let connection = server.connect().await;
    let store = RedisStore::new(connection.clone());
    let id = create(&store, None).await;
    let send = async |nonce: &str, version: &str, value: &str| {
        let guard = ["0", version, "0", "1"];
        let nothing_else = ["", "", "", "", "", "", "", "0", "", ""];
        let fields = ["f:count", value, "k:count"];
        let words = [&[nonce], &guard[..], &nothing_else, &fields];
        send(connection.clone(), id, words).await
    };
    let (one, other) = ("1111111111111111", "2222222222222222");
    assert_eq!(send(one, "0", "2").await, "applied");
    assert_eq!(send(one, "0", "2").await, "repeated");
    assert_eq!(send(other, "0", "3").await, "conflict");
    assert_eq!(send(other, "1", "3").await, "applied");
    assert_eq!(
        send(one, "0", "2").await,
        "repeated",
        "somebody else was in between"
    );
    let record = load(&store, id).await.expect("alive");
    assert_eq!(
        (record.version(), record.fields().get("count")),
        (2, Some("3"))
    );
}

#[tokio::test]
async fn a_repeated_rotation_hands_out_no_token_of_a_log_in_meanwhile() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let connection = server.connect().await;
    let store = RedisStore::new(connection.clone());
    let id = create(&store, None).await;
    let rotate = async |nonce: &str, rotation: &str| {
        let guard = ["0", "", "0", "0"];
        let change = ["", "", rotation, "", "", "", "", "0", "", ""];
        send(connection.clone(), id, [&[nonce], &guard, &change, &[]]).await
    };
    let (periodic, explicit) = ("1111111111111111", "2222222222222222");
    assert_eq!(rotate(periodic, "periodic").await, "applied");
    assert_eq!(rotate(periodic, "periodic").await, "repeated");
    // Of its own barrier, whoever asked for it is to learn.
    assert_eq!(rotate(explicit, "explicit").await, "applied");
    assert_eq!(rotate(explicit, "explicit").await, "repeated");
    assert_eq!(rotate(periodic, "periodic").await, "superseded");
}
