//! Private servers on loopback, which end with the test.

use std::{
    env,
    io::{Write as _, stderr},
    net::{Ipv4Addr, TcpListener},
    process::{self, Child, Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use redis::{
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};

/// A server of this test, or of whoever runs the tests.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) pid: Option<u32>,
    _process: Option<Child>,
}

/// Each time another one. Below those that the system gives to outgoing connections, one of which could take it before
/// the server does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = (process::id() % 1_000_000) * 131 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(number % 22_000).expect("small");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// The server's program: Redis's, or of `SESSION_TEST_REDIS_SERVER`, such as `valkey-server`.
fn program() -> String {
    env::var("SESSION_TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// Whether there is a server to start. Where there is none, says once what is not tested.
pub(crate) fn is_installed() -> bool {
    static SAY: Once = Once::new();
    let paths = env::var_os("PATH").unwrap_or_default();
    let program = program();
    let found = env::split_paths(&paths).any(|path| path.join(&program).exists());
    if !found {
        assert!(
            env::var("SESSION_TEST_STORES").as_deref() != Ok("required"),
            "{program} is missing, and SESSION_TEST_STORES=required"
        );
        SAY.call_once(|| {
            // Straight to the stream, for what a passing test prints is not shown.
            let _ = writeln!(
                stderr(),
                "No {program}: Redis and Redis Cluster are NOT tested"
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
        let guard = "\"$@\" & pid=$!; read -r _; kill -KILL $pid; wait";
        let mut command = Command::new("sh");
        command.args(["-c", guard, "sh", &program()]);
        command.args(["--port", &port.to_string()]);
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
        panic!("{} does not answer on port {}", program(), self.port);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn try_connect(
        &self,
    ) -> redis::RedisResult<redis::aio::MultiplexedConnection> {
        let client = redis::Client::open(self.url())?;
        client.get_multiplexed_async_connection().await
    }

    /// As an application connects.
    pub(crate) async fn connect(&self) -> ConnectionManager {
        manager(redis::Client::open(self.url()).expect("a URL")).await
    }

    /// Sends a signal to the server's process.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid.expect("a server of ours").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill").success());
    }
}

pub(crate) async fn manager(client: redis::Client) -> ConnectionManager {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(Duration::from_secs(2)))
        .set_max_delay(Duration::from_millis(100));
    let manager = ConnectionManager::new_with_config(client, config);
    manager.await.expect("it is up")
}
