//! What browsers see of a Redis Cluster of which one master fails.

use std::time::Duration;

use futures_util::future::join_all;
use redis::cluster::ClusterClient;
use session_core::SessionStore as _;
use session_tests::faults::{Fault, Lasts, one_of_several_strikes, until};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{
    cluster::{Cluster, cluster_store},
    common::create,
    server::is_installed,
};

enum What {
    Frozen,
    Killed,
}

struct Fails {
    what: What,
    cluster: Cluster,
}

impl Fault for Fails {
    async fn strike(&self) {
        let master = &self.cluster.servers[1];
        match self.what {
            What::Frozen => master.signal("-STOP"),
            What::Killed => master.kill(),
        }
    }

    async fn mend(&self) {
        let master = &self.cluster.servers[1];
        match self.what {
            What::Frozen => master.signal("-CONT"),
            What::Killed => master.start_again().await,
        }
    }

    fn lasts(&self) -> Lasts {
        Lasts::Everything
    }
}

/// The masters have no replicas: what one has is out of reach until it is back.
async fn strikes(what: What) {
    let directory = TempDir::new().expect("a directory");
    let options = [
        "--cluster-require-full-coverage",
        "no",
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
    ];
    let cluster = Cluster::start_with(directory.path(), &options).await;
    let store = cluster.store().await;
    one_of_several_strikes(store, Fails { what, cluster }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_master_of_a_cluster_takes_along_its_own_sessions_alone() {
    if is_installed() {
        strikes(What::Frozen).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_of_a_cluster_loses_nothing_that_was_answered() {
    if is_installed() {
        strikes(What::Killed).await;
    }
}

/// Among so many commands at once the client of the `redis` crate is nearly sure to wait for itself for ever.
const MANY: usize = 200;

/// With a client that gives up by itself, or not before those who ask.
async fn a_master_fails_among_many(response_timeout: Duration) {
    let directory = TempDir::new().expect("a directory");
    let cluster =
        Cluster::start_with(directory.path(), &["--cluster-require-full-coverage", "no"]).await;
    let client = ClusterClient::builder(cluster.urls()).response_timeout(response_timeout);
    let store = cluster_store(&client.build().expect("URLs")).await;
    let created = (0..MANY).map(|_| create(&store, None));
    let ids = join_all(created).await;
    cluster.servers[1].kill();

    // As a layer asks: not for ever.
    let are_answered = async || {
        let is_answered = async |id| {
            let load = timeout(Duration::from_secs(1), store.load(id));
            load.await.is_ok_and(|answer| answer.is_ok())
        };
        join_all(ids.iter().map(|id| is_answered(*id))).await
    };
    let mut answered = vec![0; MANY];
    until("those on the other masters are answered", async || {
        for (times, now) in answered.iter_mut().zip(are_answered().await) {
            *times += usize::from(now);
        }
        answered.iter().filter(|times| **times > 1).count() > MANY / 3
    })
    .await;
    cluster.servers[1].start_again().await;
    until("all are answered", async || {
        are_answered().await.iter().all(|it| *it)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_a_cluster_that_answers_nothing_is_made_anew() {
    if is_installed() {
        a_master_fails_among_many(Duration::from_secs(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_nothing_was_answered_is_no_answer() {
    if is_installed() {
        a_master_fails_among_many(Duration::from_millis(500)).await;
    }
}
