//! Several counters on one store count as one: 4 processes, 500 increments each, many at once, are exactly 2,000.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const PROCESSES: usize = 4;
const TABS: usize = 10;
const EACH: usize = 50;

/// A counter in a process of its own, which ends with it.
struct Counter {
    process: Child,
    address: String,
}

impl Counter {
    fn start(store: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_counter"))
            .args(["--store", store])
            .env("PORT", "0")
            .env(
                "SESSION_KEY",
                "a secret that all of them share, for this test alone",
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let line = stdout.lines().next().expect("it tells where it serves");
        let address = line.unwrap().split_once("http://").unwrap().1.to_owned();
        Self { process, address }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// One request: the answer, head and all.
async fn get(address: &str, cookie: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/counter HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

async fn count_together(store: &str) {
    let counters: Vec<_> = (0..PROCESSES).map(|_| Counter::start(store)).collect();
    let first = get(&counters[0].address, "none=1").await;
    let cookie = first.split("set-cookie: ").nth(1).expect("a cookie");
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let mut tabs = JoinSet::new();
    for counter in &counters {
        for tab in 0..TABS {
            let (address, cookie) = (counter.address.clone(), cookie.clone());
            // The first request has counted one already.
            let first = counter.address == counters[0].address && tab == 0;
            tabs.spawn(async move {
                for _ in usize::from(first)..EACH {
                    get(&address, &cookie).await;
                }
            });
        }
    }
    while let Some(tab) = tabs.join_next().await {
        tab.unwrap();
    }
    let last = get(&counters[1].address, &cookie).await;
    let count = format!("{{\"test_counter\":{}}}", PROCESSES * TABS * EACH + 1);
    assert!(last.ends_with(&count), "{last}");
}

#[tokio::test]
async fn four_processes_on_one_sqlite_file_count_as_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("sessions.db");
    count_together(&format!("sqlite:{}", file.display())).await;
}

#[tokio::test]
async fn four_processes_on_one_postgresql_count_as_one() {
    let Ok(server) = env::var("SESSION_TEST_POSTGRES") else {
        let required = env::var("SESSION_TEST_STORES").is_ok_and(|it| it == "required");
        assert!(!required, "SESSION_TEST_POSTGRES is not set");
        // Not `eprintln!`, which the test harness keeps to itself when a test passes.
        let line = "The counter on PostgreSQL was not tested: SESSION_TEST_POSTGRES is not set";
        writeln!(std::io::stderr(), "{line}").unwrap();
        return;
    };
    count_together(&server).await;
}
