//! What only a cluster can do wrong: replicas that lag behind.

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
