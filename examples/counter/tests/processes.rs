//! Several counters on one store count as one: 4 processes, 500 increments each, many at once, are exactly 2,000.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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

#[test]
fn without_a_key_it_says_at_the_start_that_no_other_process_opens_its_cookies() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("sessions.db");
    let mut process = Command::new(env!("CARGO_BIN_EXE_counter"))
        .args(["--store", &format!("sqlite:{}", file.display())])
        .env("PORT", "0")
        .env_remove("SESSION_KEY")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(process.stdout.take().unwrap());
    let lines = stdout.lines().map(Result::unwrap);
    let said: Vec<_> = lines.take_while(|line| !line.contains("http://")).collect();
    process.kill().unwrap();
    process.wait().unwrap();
    let said = said.join(" ");
    assert!(
        said.contains("neither another process nor this one after a restart opens these cookies"),
        "{said}"
    );
    assert!(said.contains("export SESSION_KEY="), "{said}");
}

#[tokio::test]
async fn four_processes_on_one_sqlite_file_count_as_one() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("sessions.db");
    count_together(&format!("sqlite:{}", file.display())).await;
}

/// Says what could not be tested, unless it had to be.
fn not_tested(store: &str, why: &str) {
    let required = env::var("SESSION_TEST_STORES").is_ok_and(|it| it == "required");
    assert!(!required, "{why}, and SESSION_TEST_STORES=required");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let line = format!("The counter on {store} was not tested: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
async fn four_processes_on_one_postgresql_count_as_one() {
    match env::var("SESSION_TEST_POSTGRES") {
        Ok(server) => count_together(&server).await,
        Err(_) => not_tested("PostgreSQL", "SESSION_TEST_POSTGRES is not set"),
    }
}

/// A server of this test alone, which ends with it: when its input is closed.
struct Redis {
    _guard: Child,
    port: u16,
}

impl Redis {
    /// `None` where there is none to start.
    async fn start() -> Option<Self> {
        let program = env::var("SESSION_TEST_REDIS_SERVER");
        let program = program.unwrap_or_else(|_| "redis-server".to_owned());
        let version = Command::new(&program).arg("--version").output();
        version.ok().filter(|output| output.status.success())?;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let guard = Command::new("sh")
            .args([
                "-c",
                "\"$@\" & pid=$!; read -r _; kill -KILL $pid; wait",
                "sh",
            ])
            .args([&program, "--port", &port.to_string()])
            .args(["--bind", "127.0.0.1", "--save", ""])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let redis = Self {
            _guard: guard.unwrap(),
            port,
        };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(redis);
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{program} does not answer");
    }
}

#[tokio::test]
async fn four_processes_on_one_redis_count_as_one() {
    match Redis::start().await {
        Some(redis) => count_together(&format!("redis://127.0.0.1:{}", redis.port)).await,
        None => not_tested("Redis", "there is no redis-server"),
    }
}
