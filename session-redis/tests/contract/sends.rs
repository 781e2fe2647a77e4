//! What each operation sends, as the table in the documentation says: read from the servers' MONITOR.

use std::time::Duration;

use futures_util::{
    StreamExt as _,
    stream::{BoxStream, SelectAll},
};
use redis::cmd;
use session_core::{OwnerChange, SessionStore};
use session_redis::{Connection, RedisStore};
use tokio::time::timeout;

use crate::{
    common::{commit, create, hex, load, owned_by, set},
    server::{Server, is_installed},
};

/// An operation, and the commands of the client that reached a server, in alphabetical order.
type Table = Vec<(&'static str, String)>;

struct Spy(SelectAll<BoxStream<'static, String>>);

impl Spy {
    async fn on(servers: &[Server]) -> Self {
        let mut all = SelectAll::new();
        for server in servers {
            let client = redis::Client::open(server.url()).expect("a URL");
            let monitor = client.get_async_monitor().await.expect("it is up");
            all.push(monitor.into_on_message::<String>().boxed());
        }
        Self(all)
    }

    /// What was sent since the last time, until it is quiet.
    async fn sent(&mut self) -> String {
        let mut words = Vec::new();
        while let Ok(Some(line)) = timeout(Duration::from_millis(150), self.0.next()).await {
            // What the scripts do inside has `lua` for an address.
            if !line.contains(" lua]") {
                words.push(line.split('"').nth(1).unwrap_or_default().to_owned());
            }
        }
        words.sort();
        words.join(" ")
    }
}

/// Teaches every server every script.
async fn warm_up<C: Connection>(store: &RedisStore<C>) {
    for number in 0..40 {
        let owner = format!("nobody {number}");
        let id = create(store, Some(&owner)).await;
        load(store, id).await;
        commit(store, id, &set("count", "2")).await;
        store.find_by_owner(&owner).await.expect("it answers");
        commit(store, id, &owned_by(OwnerChange::Cleared)).await;
        create(store, Some(&owner)).await;
        let nobodys = create(store, None).await;
        store.delete(nobodys).await.expect("it answers");
        store.revoke_owner(&owner, None).await.expect("it answers");
        store.delete(id).await.expect("it answers");
    }
}

async fn table<C: Connection, D: Connection>(
    store: RedisStore<C>,
    mut connection: D,
    mut spy: Spy,
) -> Table {
    let log_in = owned_by(OwnerChange::Set("ada".to_owned()));
    let (touch, log_out) = (
        owned_by(OwnerChange::Unchanged),
        owned_by(OwnerChange::Cleared),
    );
    warm_up(&store).await;
    spy.sent().await;
    store.delete_expired(10_000).await.expect("it answers");
    spy.sent().await;

    let mut table = Table::new();
    let mut note = async |what| table.push((what, spy.sent().await));
    let id = create(&store, None).await;
    note("create").await;
    load(&store, id).await;
    note("load").await;
    commit(&store, id, &set("count", "2")).await;
    note("commit").await;
    commit(&store, id, &touch).await;
    note("touch").await;
    commit(&store, id, &log_in).await;
    note("set an owner").await;
    load(&store, id).await;
    note("load of a session with an owner").await;
    commit(&store, id, &set("count", "3")).await;
    note("commit of a session with an owner").await;
    commit(&store, id, &touch).await;
    note("touch of a session with an owner").await;
    commit(&store, id, &log_out).await;
    note("take the owner away").await;
    store.delete(id).await.expect("it answers");
    note("delete").await;

    let mut ids = Vec::new();
    for what in ["create with an owner", "a second one", "a third one"] {
        ids.push(create(&store, Some("ada")).await);
        note(what).await;
    }
    store.find_by_owner("ada").await.expect("it answers");
    note("find three").await;
    let mut forget = cmd("DEL");
    forget.arg(format!("session:{}", hex(ids[0].as_bytes())));
    forget.exec_async(&mut connection).await.expect("forgotten");
    note("(one vanishes)").await;
    store.find_by_owner("ada").await.expect("it answers");
    note("find two, and one that is no more").await;
    let revoke = store.revoke_owner("ada", Some(ids[1])).await;
    assert_eq!(revoke.expect("it answers"), 1);
    note("revoke one of two").await;
    assert_eq!(store.count().await.expect("it answers"), 1);
    note("count").await;
    store.delete_expired(100).await.expect("it answers");
    note("sweep one owner's index").await;
    store.delete(ids[1]).await.expect("it answers");
    note("delete of a session with an owner").await;
    table
}

fn expected(table: &[(&'static str, &[(&str, usize)])]) -> Table {
    let row = |(what, commands): &(&'static str, &[(&str, usize)])| {
        let words: Vec<_> = commands
            .iter()
            .flat_map(|(command, times)| vec![*command; *times])
            .collect();
        (*what, words.join(" "))
    };
    table.iter().map(row).collect()
}

#[tokio::test]
async fn each_operation_sends_what_the_table_says() {
    if !is_installed() {
        return;
    }
    let servers = [Server::start(&[]).await];
    let connection = servers[0].connect().await;
    let spy = Spy::on(&servers).await;
    let sent = table(RedisStore::new(connection.clone()), connection, spy).await;
    let expected = expected(&[
        ("create", &[("EVALSHA", 1)]),
        // In one pipeline.
        ("load", &[("HGETALL", 1), ("TIME", 1)]),
        ("commit", &[("EVALSHA", 1)]),
        ("touch", &[("EVALSHA", 1)]),
        ("set an owner", &[("EVALSHA", 1)]),
        (
            "load of a session with an owner",
            &[("HGETALL", 1), ("HMGET", 1), ("TIME", 1)],
        ),
        ("commit of a session with an owner", &[("EVALSHA", 1)]),
        ("touch of a session with an owner", &[("EVALSHA", 1)]),
        // The index in the background.
        ("take the owner away", &[("EVALSHA", 1 + 1)]),
        ("delete", &[("EVALSHA", 1)]),
        ("create with an owner", &[("EVALSHA", 1)]),
        ("a second one", &[("EVALSHA", 1)]),
        ("a third one", &[("EVALSHA", 1)]),
        // The index, then the records.
        ("find three", &[("EVALSHA", 1), ("HGETALL", 3), ("TIME", 3)]),
        ("(one vanishes)", &[("DEL", 1)]),
        // And in the background the index.
        (
            "find two, and one that is no more",
            &[("EVALSHA", 1 + 1), ("HGETALL", 3), ("TIME", 3)],
        ),
        ("revoke one of two", &[("EVALSHA", 1 + 1 + 1)]),
        ("count", &[("SCAN", 1)]),
        (
            "sweep one owner's index",
            &[("EXISTS", 1), ("SCAN", 1), ("ZRANGE", 1)],
        ),
        ("delete of a session with an owner", &[("EVALSHA", 1 + 1)]),
    ]);
    assert_eq!(sent, expected);
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn each_operation_sends_to_a_cluster_what_the_table_says() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let cluster = crate::cluster::Cluster::start(directory.path()).await;
    let connection = cluster.connect().await;
    let store = cluster.store().await;
    let spy = Spy::on(&cluster.servers).await;
    let sent = table(store, connection, spy).await;
    let expected = expected(&[
        ("create", &[("EVALSHA", 1)]),
        ("load", &[("EVALSHA", 1)]),
        ("commit", &[("EVALSHA", 1)]),
        ("touch", &[("EVALSHA", 1)]),
        // The index, the record, and in the background the index.
        ("set an owner", &[("EVALSHA", 2 + 1)]),
        (
            "load of a session with an owner",
            &[("EVALSHA", 1), ("HMGET", 1)],
        ),
        ("commit of a session with an owner", &[("EVALSHA", 1)]),
        ("touch of a session with an owner", &[("EVALSHA", 1)]),
        ("take the owner away", &[("EVALSHA", 1 + 1)]),
        ("delete", &[("EVALSHA", 1)]),
        ("create with an owner", &[("EVALSHA", 2 + 1)]),
        ("a second one", &[("EVALSHA", 2 + 1)]),
        ("a third one", &[("EVALSHA", 2 + 1)]),
        ("find three", &[("EVALSHA", 1 + 3)]),
        ("(one vanishes)", &[("DEL", 1)]),
        (
            "find two, and one that is no more",
            &[("EVALSHA", 1 + 3 + 1)],
        ),
        ("revoke one of two", &[("EVALSHA", 1 + 1 + 1)]),
        ("count", &[("CLUSTER", 1), ("SCAN", 3)]),
        (
            "sweep one owner's index",
            &[("CLUSTER", 1), ("EXISTS", 1), ("SCAN", 3), ("ZRANGE", 1)],
        ),
        ("delete of a session with an owner", &[("EVALSHA", 1 + 1)]),
    ]);
    assert_eq!(sent, expected);
}
