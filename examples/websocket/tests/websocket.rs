//! Real sockets, through a real WebSocket client; and a second process on the same store.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use session_axum::{Key, ManualClock, MemoryStore, SessionStore};
use session_sqlx::SqliteStore;
use sqlx::SqlitePool;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use websocket::SESSION_ENDED;

const SECRET: &str = "a secret that both processes share, for this test alone";
/// Shorter than anybody would take it in production, so that the tests are quick.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(30);

async fn serve(store: impl SessionStore) -> String {
    let app = websocket::app(
        store,
        Key::derive_from(SECRET.as_bytes()).unwrap(),
        ASK_EVERY,
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// Posts a form of our own page, which succeeds.
async fn post(address: &str, path: &str, cookie: &str, form: &str) -> String {
    let answer = post_from("same-origin", address, path, cookie, form).await;
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    answer
}

/// The answer, head and all, to a form of a page of this site.
async fn post_from(site: &str, address: &str, path: &str, cookie: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\nConnection: close\r\nSec-Fetch-Site: {site}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The cookie.
async fn log_in(address: &str, cookie: &str) -> String {
    let answer = post(address, "/log-in", cookie, "name=ada").await;
    let set = answer.split("set-cookie: ").nth(1).expect("a cookie");
    set.split(';').next().unwrap().to_owned()
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(address: &str, cookie: &str) -> Self {
        Self::try_open(address, cookie, None).await.unwrap()
    }

    /// The status, where there is no socket.
    async fn try_open(address: &str, cookie: &str, origin: Option<&str>) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/socket")
            .into_client_request()
            .unwrap();
        let headers = request.headers_mut();
        headers.insert("cookie", cookie.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, text: &'static str) -> String {
        self.0.send(Message::text(text)).await.unwrap();
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until it is told that the session has ended; why.
    async fn is_closed(&mut self) -> String {
        match self.next().await {
            Message::Close(Some(frame)) => {
                assert_eq!(u16::from(frame.code), SESSION_ENDED);
                frame.reason.to_string()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn next(&mut self) -> Message {
        let next = timeout(LIMIT, self.0.next()).await;
        next.expect("in time").expect("not cut off").unwrap()
    }
}

#[tokio::test]
async fn two_sockets_count_as_one_and_each_sees_the_others_clicks() {
    let address = serve(MemoryStore::new()).await;
    let cookie = log_in(&address, "").await;
    let mut one = Socket::open(&address, &cookie).await;
    let mut other = Socket::open(&address, &cookie).await;
    assert_eq!(one.say("click").await, "1");
    assert_eq!(other.say("look").await, "1");
    assert_eq!(other.say("click").await, "2");
    assert_eq!(one.say("look").await, "2");
    assert_eq!(one.say("what?").await, "say click or look");
}

#[tokio::test]
async fn a_log_out_closes_the_sockets_of_all_tabs() {
    let address = serve(MemoryStore::new()).await;
    let cookie = log_in(&address, "").await;
    let mut one = Socket::open(&address, &cookie).await;
    let mut other = Socket::open(&address, &cookie).await;
    one.say("click").await;
    post(&address, "/log-out", &cookie, "").await;
    assert_eq!(one.is_closed().await, "Gone");
    assert_eq!(other.is_closed().await, "Gone");
    assert!(matches!(
        Socket::try_open(&address, &cookie, None).await,
        Err(401)
    ));
}

#[tokio::test]
async fn a_new_log_in_closes_the_sockets_of_the_one_before() {
    let address = serve(MemoryStore::new()).await;
    let cookie = log_in(&address, "").await;
    let mut before = Socket::open(&address, &cookie).await;
    let newer = log_in(&address, &cookie).await;
    assert_eq!(before.is_closed().await, "Superseded");
    assert_eq!(Socket::open(&address, &newer).await.say("look").await, "0");
}

#[tokio::test]
async fn clicks_keep_the_session_alive_and_looks_do_not() {
    let clock = ManualClock::new();
    let address = serve(MemoryStore::builder().clock(clock.clone()).build()).await;
    let cookie = log_in(&address, "").await;
    let mut socket = Socket::open(&address, &cookie).await;
    // The idle timeout is a day.
    let hours = |hours| clock.advance(Duration::from_hours(hours));
    for clicks in ["1", "2", "3"] {
        hours(20);
        assert_eq!(socket.say("click").await, clicks);
    }
    hours(20);
    assert_eq!(socket.say("look").await, "3");
    hours(20);
    assert_eq!(socket.is_closed().await, "Gone");
}

#[tokio::test]
async fn strangers_and_pages_from_elsewhere_get_no_socket() {
    let address = serve(MemoryStore::new()).await;
    let cookie = log_in(&address, "").await;
    let own = format!("http://{address}");
    for (cookie, origin, expected) in [
        ("none=1", Some(&*own), 401),
        (&*cookie, Some("http://127.0.0.1"), 403),
        (&*cookie, Some("https://elsewhere.example"), 403),
        (&*cookie, Some("null"), 403),
    ] {
        let refused = Socket::try_open(&address, cookie, origin).await;
        assert_eq!(refused.err(), Some(expected), "{origin:?}");
    }
    let socket = Socket::try_open(&address, &cookie, Some(&own)).await;
    assert_eq!(socket.ok().unwrap().say("click").await, "1");
}

#[tokio::test]
async fn a_form_of_another_site_logs_nobody_in_or_out() {
    let address = serve(MemoryStore::new()).await;
    let cookie = log_in(&address, "").await;
    for (path, form) in [("/log-in", "name=mallory"), ("/log-out", "")] {
        let answer = post_from("cross-site", &address, path, &cookie, form).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        assert!(!answer.contains("set-cookie"), "{answer}");
    }
    assert_eq!(Socket::open(&address, &cookie).await.say("look").await, "0");
}

/// The example in a process of its own, which ends with it.
struct Other {
    process: Child,
    address: String,
}

impl Other {
    fn start(file: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_websocket"))
            .arg(file)
            .env("PORT", "0")
            .env("SESSION_KEY", SECRET)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = lines.next().expect("it tells where it serves").unwrap();
        let address = line.split_once("http://").unwrap().1.to_owned();
        Self { process, address }
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_log_out_in_another_process_closes_the_socket_in_this_one() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("sessions.db");
    let pool = SqlitePool::connect_with(SqliteStore::options(&file)).await;
    let store = SqliteStore::new(pool.unwrap());
    store.migrate().await.unwrap();
    let address = serve(store).await;
    let other = Other::start(&file);

    let cookie = log_in(&address, "").await;
    let mut here = Socket::open(&address, &cookie).await;
    let mut there = Socket::open(&other.address, &cookie).await;
    assert_eq!(here.say("click").await, "1");
    assert_eq!(there.say("click").await, "2");
    assert_eq!(here.say("look").await, "2");
    post(&other.address, "/log-out", &cookie, "").await;
    assert_eq!(here.is_closed().await, "Gone");
}
