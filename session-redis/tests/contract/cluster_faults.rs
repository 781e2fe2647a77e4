//! What browsers see of a Redis Cluster of which one master fails.

use session_redis::RedisStore;
use session_tests::faults::{Fault, Lasts, one_of_several_strikes};
use tempfile::TempDir;

use crate::{cluster::Cluster, server::is_installed};

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
    let store = RedisStore::cluster(cluster.connect().await);
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
