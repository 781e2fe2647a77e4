//! Three real processes behind the balancer, on a Redis of this test's own; and the balancer by itself.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const VISITORS: usize = 8;
const CLICKS: usize = 15;

/// The whole cluster, which ends with it: the counters when their input is closed.
struct Cluster {
    process: Child,
    address: String,
    counters: Vec<Killable>,
}

/// A counter's address, and how it is killed.
struct Killable {
    address: SocketAddr,
    process: String,
}

impl Cluster {
    fn start(redis: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cluster"))
            .arg(redis)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut line = || lines.next().expect("it tells where it serves").unwrap();
        let counters = (1..=3).map(|_| Killable::of(&line())).collect();
        let address = line().split_once("http://").unwrap().1.to_owned();
        Self {
            process,
            address,
            counters,
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Killable {
    fn of(line: &str) -> Self {
        let (address, kill) = line
            .split_once(" is on ")
            .unwrap()
            .1
            .split_once(": ")
            .unwrap();
        Self {
            address: address.parse().unwrap(),
            process: kill.strip_prefix("kill -KILL ").unwrap().to_owned(),
        }
    }

    async fn kill(&self) {
        let killed = Command::new("kill").args(["-KILL", &self.process]).status();
        assert!(killed.unwrap().success());
        for _ in 0..400 {
            if TcpStream::connect(self.address).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it still listens");
    }
}

/// Somebody who clicks, on a new connection each time.
struct Visitor {
    address: String,
    cookie: String,
    count: usize,
}

impl Visitor {
    fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            cookie: "none=1".to_owned(),
            count: 0,
        }
    }

    /// Each click is answered, and counts once.
    async fn click(&mut self) {
        let (cookie, address) = (&self.cookie, &self.address);
        let request = format!(
            "GET /api/counter HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        let answer = ask(address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:?}");
        self.count += 1;
        let count = format!("{{\"test_counter\":{}}}", self.count);
        assert!(answer.ends_with(&count), "{answer:?}, not {count}");
        let set = answer.split("set-cookie: ").nth(1);
        assert_eq!(set.is_some(), self.count == 1, "one cookie in all");
        if let Some(set) = set {
            set.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
    }
}

async fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Many visitors click at once.
async fn all_click(visitors: Vec<Visitor>) -> Vec<Visitor> {
    let mut clicking = JoinSet::new();
    for mut visitor in visitors {
        clicking.spawn(async move {
            for _ in 0..CLICKS {
                visitor.click().await;
            }
            visitor
        });
    }
    clicking.join_all().await
}

#[tokio::test]
async fn counters_are_killed_and_no_visitor_notices() {
    let Some(redis) = Redis::start().await else {
        return not_tested("there is no redis-server");
    };
    let cluster = Cluster::start(&format!("redis://127.0.0.1:{}", redis.port));
    let mut visitors = (0..VISITORS)
        .map(|_| Visitor::new(&cluster.address))
        .collect();
    visitors = all_click(visitors).await;
    for counter in &cluster.counters[..2] {
        counter.kill().await;
        visitors = all_click(visitors).await;
    }
    for visitor in visitors {
        assert_eq!(visitor.count, 3 * CLICKS);
    }
}

/// A counter that only says which one it is.
async fn fake(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(name.as_bytes()).await.unwrap();
        }
    });
    address
}

/// Where nobody listens.
async fn dead() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

async fn balanced(counters: Vec<SocketAddr>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(cluster::balance(listener, counters));
    address
}

#[tokio::test]
async fn each_counter_has_its_turn_and_a_dead_one_is_passed_over() {
    let counters = vec![fake("a").await, dead().await, fake("b").await];
    let address = balanced(counters).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(ask(&address, "").await);
    }
    // The turns of the dead one are those of the next.
    assert_eq!(answers.concat(), "abbabb");
}

#[tokio::test]
async fn without_any_counter_the_connection_is_closed() {
    let address = balanced(vec![dead().await, dead().await]).await;
    assert_eq!(ask(&address, "").await, "");
}

/// Says what could not be tested, unless it had to be.
fn not_tested(why: &str) {
    let required = env::var("SESSION_TEST_STORES").is_ok_and(|it| it == "required");
    assert!(!required, "{why}, and SESSION_TEST_STORES=required");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    let line = format!("The cluster was not tested: {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
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
