//! A private cluster on loopback.

use std::{path::Path, time::Duration};

use redis::{RedisResult, Value, cluster::ClusterClient, cluster_async::ClusterConnection, cmd};
use session_redis::{ClusterLinks, RedisStore};

use session_tests::{Proxy, free_port};

use crate::server::Server;

/// Its masters.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

/// A node of its own, and its port for the others.
async fn node(directory: &Path, more: &[&str]) -> (Server, String) {
    let bus = free_port().to_string();
    std::fs::create_dir_all(directory).expect("a directory");
    let directory = directory.to_str().expect("text");
    let options = ["--cluster-enabled", "yes", "--cluster-port", &bus];
    let options = [&options, &["--dir", directory][..], more].concat();
    let server = Server::start(&[&options, &["--cluster-node-timeout", "5000"][..]].concat()).await;
    (server, bus)
}

async fn ask(server: &Server, words: &[&str]) -> RedisResult<Value> {
    let mut connection = server.try_connect().await.expect("it is up");
    let mut command = cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await
}

/// Until all of these are in the answer.
async fn ask_until(server: &Server, words: &[&str], says: &[&str]) {
    for _ in 0..600 {
        let answer = format!("{:?}", ask(server, words).await);
        if says.iter().all(|word| answer.contains(word)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{words:?} never says {says:?}");
}

async fn meet(server: &Server, other: &Server, bus: &str) {
    let port = other.port.to_string();
    let words = ["CLUSTER", "MEET", "127.0.0.1", &port, bus];
    ask(server, &words).await.expect("met");
}

impl Cluster {
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[]).await
    }

    /// With more options.
    pub(crate) async fn start_with(directory: &Path, more: &[&str]) -> Self {
        Self::of(3, directory, more).await
    }

    pub(crate) async fn of(masters: usize, directory: &Path, more: &[&str]) -> Self {
        let mut servers = Vec::new();
        for number in 0..masters {
            servers.push(node(&directory.join(number.to_string()), more).await);
        }
        for (number, (server, _)) in servers.iter().enumerate() {
            let [first, end] = [number, number + 1].map(|it| it * 16_384 / masters);
            let [first, last] = [first, end - 1].map(|slot| slot.to_string());
            let slots = ["CLUSTER", "ADDSLOTSRANGE", &first, &last];
            ask(server, &slots).await.expect("slots");
            for (other, bus) in &servers {
                meet(server, other, bus).await;
            }
        }
        let cluster = Self {
            servers: servers.into_iter().map(|(server, _)| server).collect(),
        };
        for server in &cluster.servers {
            let known = format!("cluster_known_nodes:{masters}");
            ask_until(server, &["CLUSTER", "INFO"], &["cluster_state:ok", &known]).await;
        }
        cluster
    }

    /// One more, of the first master.
    pub(crate) async fn replica(&self, directory: &Path) -> Server {
        let master = &self.servers[0];
        let (replica, bus) = node(&directory.join("replica"), &[]).await;
        meet(master, &replica, &bus).await;
        let name = ask(master, &["CLUSTER", "MYID"]).await.expect("a name");
        let name: String = redis::from_redis_value(name).expect("text");
        ask_until(&replica, &["CLUSTER", "REPLICATE", &name], &["Ok("]).await;
        self.knows(replica.port).await;
        replica
    }

    /// All that is said to the only master passes it.
    pub(crate) async fn proxy(&self) -> Proxy {
        let master = &self.servers[0];
        let proxy = Proxy::start(master.port, b"").await;
        let port = proxy.port.to_string();
        for (name, value) in [("port", &*port), ("ip", "127.0.0.1")] {
            let name = format!("cluster-announce-{name}");
            ask(master, &["CONFIG", "SET", &name, value])
                .await
                .expect("set");
        }
        self.knows(proxy.port).await;
        proxy
    }

    async fn knows(&self, port: u16) {
        let port = format!("int({port})");
        ask_until(&self.servers[0], &["CLUSTER", "SLOTS"], &[&port]).await;
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
