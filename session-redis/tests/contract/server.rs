//! Private servers on loopback, which end with the test.

use std::{
    env,
    sync::{Mutex, Once},
    time::Duration,
};

use redis::{
    aio::{ConnectionManager, ConnectionManagerConfig},
    cmd,
};
use session_tests::{Process, free_port, not_tested};

/// A server of this test's own.
pub(crate) struct Server {
    pub(crate) port: u16,
    process: Mutex<Option<Process>>,
    /// How it is started, for another time.
    prefix: Vec<String>,
    words: Vec<String>,
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
        let line = format!("No {program}: Redis and Redis Cluster are NOT tested");
        not_tested(&SAY, &line);
    }
    found
}

impl Server {
    /// Starts one with more options, in memory only unless they say otherwise.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::start_behind(&[], options).await
    }

    /// Starts one behind a command that becomes it.
    pub(crate) async fn start_behind(prefix: &[String], options: &[&str]) -> Self {
        let port = free_port();
        let port_word = port.to_string();
        let program = program();
        let mut words = vec![&*program, "--port", &port_word, "--bind", "127.0.0.1"];
        words.extend(["--save", "", "--daemonize", "no"]);
        words.extend(options);
        let server = Self {
            port,
            process: Mutex::default(),
            prefix: prefix.to_vec(),
            words: words.into_iter().map(str::to_owned).collect(),
        };
        server.start_again().await;
        server
    }

    /// At the same port, when it is dead.
    pub(crate) async fn start_again(&self) {
        let words: Vec<_> = self.words.iter().map(String::as_str).collect();
        let start = || Some(Process::start(&self.prefix, &words));
        drop(self.process.lock().expect("not poisoned").take());
        *self.process.lock().expect("not poisoned") = start();
        for _ in 0..400 {
            if let Ok(mut connection) = self.try_connect().await {
                let pong: redis::RedisResult<String> =
                    cmd("PING").query_async(&mut connection).await;
                if pong.is_ok() {
                    return;
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

    pub(crate) fn signal(&self, signal: &str) {
        self.with_process(|process| process.signal(signal));
    }

    pub(crate) fn kill(&self) {
        self.with_process(Process::kill);
    }

    fn with_process(&self, act: impl Fn(&Process)) {
        let process = self.process.lock().expect("not poisoned");
        act(process.as_ref().expect("started"));
    }
}

pub(crate) async fn manager(client: redis::Client) -> ConnectionManager {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(Duration::from_secs(2)))
        .set_max_delay(Duration::from_millis(100));
    let manager = ConnectionManager::new_with_config(client, config);
    manager.await.expect("it is up")
}
