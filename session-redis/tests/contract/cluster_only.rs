//! What only a cluster can do wrong: keys in other slots, replicas that lag behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redis::{cluster::ClusterClient, cluster_read_routing::RandomReplicaStrategy, cmd};
use session_core::SessionStore;
use tempfile::TempDir;

use crate::{
    cluster::{Cluster, cluster_store},
    common::{create, load, sessions_of},
    server::is_installed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_from_a_replica() {
    if !is_installed() {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let cluster = Cluster::of(1, directory.path(), &[]).await;
    let replica = cluster.replica(directory.path()).await;
    let client = ClusterClient::builder(cluster.urls());
    let client = client.read_routing_strategy(RandomReplicaStrategy);
    let store = cluster_store(&client.build().expect("URLs")).await;
    let id = create(&store, Some("ada")).await;
    assert!(load(&store, id).await.is_some());
    assert_eq!(sessions_of(&store, "ada").await, [id]);
    assert_eq!(store.delete_expired(10).await.expect("it answers"), 0);
    let mut connection = replica.try_connect().await.expect("it is up");
    let mut done = cmd("INFO");
    done.arg("commandstats");
    let done: String = done.query_async(&mut connection).await.expect("text");
    assert!(
        done.contains("cmdstat_readonly:"),
        "the client is ready to read here"
    );
    for read in ["hmget", "hgetall", "zrange", "exists", "scan"] {
        assert!(!done.contains(&format!("cmdstat_{read}:")), "{done}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prefix_may_have_a_tag_of_its_own_but_no_empty_one() {
    if !is_installed() {
        return;
    }
    let directory = TempDir::new().expect("a directory");
    let cluster = Cluster::start(directory.path()).await;
    let store = cluster.store().await;
    for prefix in ["{tag}:", "a{", "a}", "{a}{}"] {
        let store = store.clone().prefix(prefix);
        let id = create(&store, Some("ada")).await;
        assert_eq!(sessions_of(&store, "ada").await, [id], "{prefix}");
        let revoked = store.revoke_owner("ada", None).await;
        assert_eq!(revoked.expect("it answers"), 1, "{prefix}");
    }
    for prefix in ["{}", "a{}b", "a}{}", "{}{a}"] {
        let refused = catch_unwind(AssertUnwindSafe(|| store.clone().prefix(prefix)));
        assert!(refused.is_err(), "{prefix}");
    }
}
