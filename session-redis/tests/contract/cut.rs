//! A connection that is cut in the middle of a reply.

use redis::{aio::ConnectionManager, cmd};
use session_core::{SessionId, SessionStore};
use session_redis::RedisStore;
use session_tests::Proxy;

use crate::{
    common::{ANYTIME, commit, create, hex, load, set},
    server::{Server, is_installed, manager},
};

async fn behind_a_proxy(server: &Server) -> (Proxy, RedisStore<ConnectionManager>) {
    let proxy = Proxy::start(server.port, b"").await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", proxy.port)).expect("a URL");
    let store = RedisStore::new(manager(client).await);
    (proxy, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_in_a_reply_is_tried_again_for_a_load_and_poisons_nothing() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let (proxy, store) = behind_a_proxy(&server).await;
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

#[tokio::test]
async fn a_connection_cut_between_a_record_and_its_owner_s_mark_is_tried_again() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let (proxy, store) = behind_a_proxy(&server).await;
    let id = create(&store, Some("ada")).await;
    let mark = proxy.clone();
    proxy.at_the_next_message(async move {
        let cut = mark.clone();
        mark.at_the_next_message(async move { cut.cut() });
    });
    assert!(load(&store, id).await.is_some());
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

async fn send_count(
    connection: ConnectionManager,
    id: SessionId,
    nonce: &str,
    version: &str,
    value: &str,
) -> String {
    let guard = ["0", version, "0", "1"];
    let nothing_else = ["", "", "", "", "", "", "", "0", "", ""];
    let fields = ["f:count", value, "k:count"];
    send(connection, id, [&[nonce], &guard, &nothing_else, &fields]).await
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
        send_count(connection.clone(), id, nonce, version, value).await
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
async fn a_commit_is_known_again_for_half_a_minute_among_sixty_four_and_to_an_older_version() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let connection = server.connect().await;
    let mut admin = connection.clone();
    let store = RedisStore::new(connection.clone());
    let id = create(&store, None).await;
    let nonce = |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let commit = async |number| {
        let status = send_count(connection.clone(), id, &nonce(number), "", "2").await;
        assert_eq!(status, "applied", "{number}");
    };
    let known = async |number| {
        // Of a version that there never is.
        let guard = "999999";
        send_count(connection.clone(), id, &nonce(number), guard, "2").await == "repeated"
    };
    let key = format!("session:{}", hex(id.as_bytes()));
    let mut write = async |commits: &str| {
        let mut write = cmd("HSET");
        write.arg(&key).arg("commits").arg(commits);
        write.exec_async(&mut admin).await.expect("written");
    };

    for number in 1..=100 {
        commit(number).await;
    }
    for number in 1..=100 {
        assert_eq!(known(number).await, number > 100 - 64, "{number}");
    }
    let mut read = cmd("HGET");
    read.arg(&key).arg("commits");
    let text: String = read
        .query_async(&mut connection.clone())
        .await
        .expect("text");
    assert!(text.len() < 64 * 17, "{text}");

    // An older version puts its own before and keeps three times its length; its own have no time.
    let older = &[nonce(101), text].concat()[..48];
    write(older).await;
    commit(102).await;
    for number in 98..=102 {
        assert_eq!(known(number).await, number > 98, "{number}");
    }

    let (seconds, _): (u64, u64) = cmd("TIME")
        .query_async(&mut connection.clone())
        .await
        .expect("time");
    for (age, stays) in [(20, true), (31, false)] {
        let began = seconds - age;
        let times = format!("{}@{began}@{}", nonce(201), nonce(200));
        write(&times).await;
        commit(202).await;
        assert!(known(201).await && known(202).await);
        assert_eq!(known(200).await, stays);
    }
}

#[cfg(feature = "cluster")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_client_of_a_cluster_repeats_counts_once_whoever_commits_meanwhile() {
    use session_core::{Committed, Guard};

    use crate::cluster::{Cluster, cluster_client, cluster_store};

    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let cluster = Cluster::of(1, directory.path(), &[]).await;
    let proxy = cluster.proxy().await;
    let client = cluster_client(vec![format!("redis://127.0.0.1:{}", proxy.port)]);
    let (store, other) = (cluster_store(&client).await, cluster_store(&client).await);
    for version in [None, Some(1)] {
        let id = create(&store, None).await;
        commit(&store, id, &set("count", "1")).await;
        let meanwhile = other.clone();
        proxy.at_the_next_reply(async move {
            for count in 11..=30 {
                commit(&meanwhile, id, &set("count", &count.to_string())).await;
            }
        });
        let guard = Guard { version, ..ANYTIME };
        let answer = store.commit(id, guard, &set("count", "2")).await;
        assert!(matches!(answer, Ok(Committed::Applied(_))), "{answer:?}");
        let record = load(&store, id).await.expect("alive");
        assert_eq!(
            (record.version(), record.fields().get("count")),
            (22, Some("30"))
        );
    }
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
