//! A connection that is cut in the middle of a reply.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis::cmd;
use session_core::SessionStore;
use session_redis::RedisStore;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{
    common::{ANYTIME, commit, create, hex, load, set},
    server::{Server, is_installed, manager},
};

/// Passes everything on, until it is told to cut the next reply in two.
async fn proxy(server: u16, cut: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server))
                .await
                .expect("it is up");
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            let cut = Arc::clone(&cut);
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    let is_cut = cut.swap(false, Ordering::Relaxed);
                    let length = if is_cut { length / 2 } else { length };
                    if to_client.write_all(&buffer[..length]).await.is_err() || is_cut {
                        break;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_cut_in_a_reply_is_tried_again_for_a_load_and_poisons_nothing() {
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let cut = Arc::new(AtomicBool::new(false));
    let port = proxy(server.port, Arc::clone(&cut)).await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
    let store = RedisStore::new(manager(client).await);
    let id = create(&store, Some("ada")).await;
    commit(&store, id, &set("count", "0")).await;
    for round in 0..10_u32 {
        cut.store(true, Ordering::Relaxed);
        // What the commit before did stands, though its answer was lost.
        let record = load(&store, id).await.expect("alive");
        let text = round.to_string();
        assert_eq!(record.fields().get("count"), Some(text.as_str()));

        cut.store(true, Ordering::Relaxed);
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

/// As the client of a cluster does it, which repeats what a cut connection left open.
#[tokio::test]
async fn a_repeated_commit_counts_once() {
    const COMMIT: &str = concat!(
        include_str!("../../src/scripts/common.lua"),
        include_str!("../../src/scripts/commit.lua"),
    );
    if !is_installed() {
        return;
    }
    let server = Server::start(&[]).await;
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone());
    let id = create(&store, None).await;
    let send = async |nonce: &str, version: &str, value: &str| {
        let mut connection = connection.clone();
        let mut eval = cmd("EVAL");
        eval.arg(COMMIT)
            .arg(1)
            .arg(format!("session:{}", hex(id.as_bytes())));
        let guard = ["0", version, "0", "", "", "", "", "", "", "", "0", "", ""];
        eval.arg(hex(id.as_bytes()))
            .arg(nonce)
            .arg(&guard)
            .arg(&["f", "count", value]);
        let answer: Vec<String> = eval.query_async(&mut connection).await.expect("it answers");
        answer[0].clone()
    };
    let (one, other) = ("1111111111111111", "2222222222222222");
    assert_eq!(send(one, "0", "2").await, "applied");
    assert_eq!(send(one, "0", "2").await, "applied");
    assert_eq!(send(other, "0", "3").await, "conflict");
    assert_eq!(send(other, "1", "3").await, "applied");
    assert_eq!(
        send(one, "0", "2").await,
        "applied",
        "somebody else was in between"
    );
    let record = load(&store, id).await.expect("alive");
    assert_eq!(
        (record.version(), record.fields().get("count")),
        (2, Some("3"))
    );
    let _: () = cmd("PING")
        .query_async(&mut connection)
        .await
        .expect("it answers");
}
