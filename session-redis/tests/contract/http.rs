//! What a browser sees of a server that fails, through the layer.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    routing::get,
};
use session_axum::{Key, Session, SessionError, SessionLayer};
use session_redis::RedisStore;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

use crate::server::{Server, is_installed};

async fn count(session: Session) -> Result<String, SessionError> {
    let count = session.get::<u64>("count").unwrap_or_default() + 1;
    session.insert("count", count);
    session.commit().await?;
    Ok(count.to_string())
}

struct Client {
    app: Router,
    cookie: Option<String>,
}

impl Client {
    async fn get(&mut self) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::get("/");
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = self.app.clone().oneshot(request).await.expect("it answers");
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1_000).await.expect("a body");
        if let Some(set) = head.headers.get(header::SET_COOKIE) {
            let set = set.to_str().expect("text").split(';').next();
            self.cookie = set.map(str::to_owned);
        }
        (
            head.status,
            head.headers,
            String::from_utf8(body.to_vec()).expect("text"),
        )
    }

    async fn gets(&mut self, text: &str) {
        let (status, _, body) = self.get().await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, text));
    }

    /// In time, opaque, and without a word of the cookie.
    async fn is_told_to_come_again(&mut self) {
        let begin = Instant::now();
        let (status, headers, body) = self.get().await;
        assert!(begin.elapsed() < Duration::from_millis(1_500));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body, "Service Unavailable");
        assert!(headers.contains_key(header::RETRY_AFTER));
        assert!(!headers.contains_key(header::SET_COOKIE));
    }

    async fn gets_soon(&mut self, text: &str) {
        let begin = Instant::now();
        loop {
            let (status, _, body) = self.get().await;
            if status == StatusCode::OK {
                assert_eq!(body, text);
                return;
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(
                begin.elapsed() < Duration::from_secs(5),
                "it does not recover"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn each_fault_is_a_503_in_time_and_the_same_cookie_works_again() {
    if !is_installed() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_str().expect("text");
    let options = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--dir",
        path,
    ];
    let server = Server::start(&options).await;
    let mut connection = server.connect().await;
    let store = RedisStore::new(connection.clone());
    let layer = SessionLayer::new(store, Key::generate()).store_timeout(Duration::from_secs(1));
    let app = Router::new().route("/", get(count)).layer(layer);
    let newcomer = || Client {
        app: app.clone(),
        cookie: None,
    };
    let mut client = newcomer();
    client.gets("1").await;
    client.gets("2").await;

    let mut config = async |value: &str| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(value);
        set.exec_async(&mut connection).await.expect("it answers");
    };
    config("1").await;
    client.is_told_to_come_again().await;
    newcomer().is_told_to_come_again().await;
    config("0").await;
    client.gets("3").await;

    server.signal("-STOP");
    client.is_told_to_come_again().await;
    newcomer().is_told_to_come_again().await;
    server.signal("-CONT");
    client.gets_soon("4").await;

    server.signal("-KILL");
    sleep(Duration::from_millis(100)).await;
    client.is_told_to_come_again().await;
    newcomer().is_told_to_come_again().await;
    let _again = Server::start_at(server.port, &options).await;
    client.gets_soon("5").await;
    newcomer().gets("1").await;
}
