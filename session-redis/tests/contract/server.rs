//! Private servers on loopback, which end with the test.

use std::{
    env,
    io::{Write as _, stderr},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::Stdio,
    sync::Once,
    time::Duration,
};

use redis::{
    ErrorKind, aio::ConnectionManager, aio::ConnectionManagerConfig, cluster::ClusterClient,
    cluster_async::ClusterConnection, cmd,
};
use tokio::process::{Child, Command};

/// A server of this test, or of whoever runs the tests.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) pid: Option<u32>,
    _process: Option<Child>,
}

/// Three masters.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

fn free_port() -> u16 {
    // The cluster's own port is below 65536 as well: each gets one of its own.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// Whether there is a `redis-server` to start. Where there is none, says once what is not tested.
pub(crate) fn is_installed() -> bool {
    static SAY: Once = Once::new();
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).any(|path| path.join("redis-server").exists());
    if !found {
        assert!(
            env::var("SESSION_TEST_STORES").as_deref() != Ok("required"),
            "redis-server is missing, and SESSION_TEST_STORES=required"
        );
        SAY.call_once(|| {
            // Straight to the stream, for what a passing test prints is not shown.
            let _ = writeln!(
                stderr(),
                "No redis-server: Redis and Redis Cluster are NOT tested"
            );
        });
    }
    found
}

impl Server {
    /// Starts one with more options, in memory only unless they say otherwise.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_at(free_port(), options).await
    }

    pub(crate) async fn start_at(port: u16, options: &[&str]) -> Self {
        // Ends when this process does, for then the pipe is closed.
        let guard = "redis-server \"$@\" & pid=$!; read -r _; kill -KILL $pid";
        let mut command = Command::new("sh");
        command.args(["-c", guard, "sh", "--port", &port.to_string()]);
        command.args(["--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.args(options).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("sh");
        let mut server = Self {
            port,
            pid: None,
            _process: Some(process),
        };
        server.pid = Some(server.wait_until_up().await);
        server
    }

    async fn wait_until_up(&self) -> u32 {
        for _ in 0..400 {
            if let Ok(mut connection) = self.try_connect().await {
                let info: redis::RedisResult<redis::InfoDict> =
                    cmd("INFO").arg("server").query_async(&mut connection).await;
                if let Some(pid) = info.ok().and_then(|info| info.get("process_id")) {
                    return pid;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("redis-server does not answer on port {}", self.port);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    async fn try_connect(&self) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        client.get_multiplexed_async_connection().await
    }

    /// As an application connects.
    pub(crate) async fn connect(&self) -> ConnectionManager {
        let client = redis::Client::open(self.url()).expect("a URL");
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(Duration::from_secs(2)))
            .set_max_delay(Duration::from_millis(100));
        ConnectionManager::new_with_config(client, config)
            .await
            .expect("it is up")
    }

    /// Sends a signal to the server's process.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid.expect("a server of ours").to_string();
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.expect("kill").success());
    }
}

impl Cluster {
    pub(crate) async fn start(directory: &Path) -> Self {
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
            let info: redis::RedisResult<String> =
                info.arg("INFO").query_async(&mut connection).await;
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

    pub(crate) async fn connect(&self) -> ClusterConnection {
        let urls: Vec<_> = self.servers.iter().map(Server::url).collect();
        let client = ClusterClient::new(urls).expect("URLs");
        let mut tries = 0;
        loop {
            match client.get_async_connection().await {
                Ok(connection) => return connection,
                Err(error) if tries < 20 && error.kind() != ErrorKind::InvalidClientConfig => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}
