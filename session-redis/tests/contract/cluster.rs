//! A private cluster on loopback.

use std::{path::Path, time::Duration};

use redis::{RedisResult, cluster::ClusterClient, cluster_async::ClusterConnection, cmd};
use session_redis::{ClusterLinks, RedisStore};

use session_tests::free_port;

use crate::server::Server;

/// Three masters.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

impl Cluster {
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[]).await
    }

    /// With more options.
    pub(crate) async fn start_with(directory: &Path, more: &[&str]) -> Self {
        let mut servers = Vec::new();
        for number in 0..3 {
            let bus = free_port().to_string();
            let directory = directory.join(number.to_string());
            std::fs::create_dir_all(&directory).expect("a directory");
            let directory = directory.to_str().expect("text").to_owned();
            let options = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--dir",
                &directory,
                "--cluster-node-timeout",
                "5000",
            ];
            let options = [&options, more].concat();
            servers.push((Server::start(&options).await, bus));
        }
        for (number, (server, _)) in servers.iter().enumerate() {
            let mut connection = server.try_connect().await.expect("it is up");
            let (first, last) = (number * 5_462, (number * 5_462 + 5_461).min(16_383));
            let mut slots = cmd("CLUSTER");
            slots.arg("ADDSLOTSRANGE").arg(first).arg(last);
            slots.exec_async(&mut connection).await.expect("slots");
            for (other, bus) in &servers {
                let mut meet = cmd("CLUSTER");
                meet.arg("MEET").arg("127.0.0.1").arg(other.port).arg(bus);
                meet.exec_async(&mut connection).await.expect("met");
            }
        }
        let cluster = Self {
            servers: servers.into_iter().map(|(server, _)| server).collect(),
        };
        for server in &cluster.servers {
            cluster.wait_until_ok(server).await;
        }
        cluster
    }

    async fn wait_until_ok(&self, server: &Server) {
        let mut connection = server.try_connect().await.expect("it is up");
        for _ in 0..600 {
            let mut info = cmd("CLUSTER");
            let info: RedisResult<String> = info.arg("INFO").query_async(&mut connection).await;
            let ok = |info: &String| {
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            if info.as_ref().is_ok_and(ok) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the cluster does not come up");
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    pub(crate) fn client(&self) -> ClusterClient {
        cluster_client(self.urls())
    }

    /// A store as an application makes it.
    pub(crate) async fn store(&self) -> RedisStore<ClusterLinks> {
        cluster_store(&self.client()).await
    }

    pub(crate) async fn connect(&self) -> ClusterConnection {
        cluster_connection(&self.client()).await
    }
}

/// Slow machines and many tests at once must not look like a fault.
pub(crate) fn cluster_client(urls: Vec<String>) -> ClusterClient {
    let client = ClusterClient::builder(urls)
        .connection_timeout(Duration::from_secs(5))
        .response_timeout(Duration::from_secs(10));
    client.build().expect("URLs")
}

pub(crate) async fn cluster_connection(client: &ClusterClient) -> ClusterConnection {
    connected(|| client.get_async_connection()).await
}

pub(crate) async fn cluster_store(client: &ClusterClient) -> RedisStore<ClusterLinks> {
    connected(|| RedisStore::cluster(client.clone())).await
}

async fn connected<T, F: Future<Output = RedisResult<T>>>(connect: impl Fn() -> F) -> T {
    let mut tries = 0;
    loop {
        match connect().await {
            Ok(connected) => return connected,
            Err(_) if tries < 20 => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
