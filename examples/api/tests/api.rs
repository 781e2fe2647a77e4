//! The API without a server: a client that keeps its token as any program can.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use api::TOKEN_HEADER;
use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use session_axum::Key;
use tokio::task::JoinSet;
use tower::ServiceExt;

#[derive(Clone)]
struct Client {
    api: Router,
    token: Option<String>,
}

impl Client {
    fn new() -> Self {
        Self {
            api: api::app(Key::generate()),
            token: None,
        }
    }

    async fn logged_in() -> Self {
        let mut client = Self::new();
        client.log_in("ada").await;
        client
    }

    async fn log_in(&mut self, name: &str) {
        let form = format!("{{\"name\":\"{name}\"}}");
        let answer = self.send("POST", "/session", &form).await;
        assert_eq!(answer.0, StatusCode::NO_CONTENT);
    }

    async fn send(&mut self, method: &str, path: &str, json: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(json.to_owned())).unwrap();
        let response = self.api.clone().oneshot(request).await.unwrap();
        assert!(!response.headers().contains_key(SET_COOKIE));
        if let Some(token) = response.headers().get(TOKEN_HEADER) {
            let token = token.to_str().unwrap();
            self.token = (!token.is_empty()).then(|| token.to_owned());
        }
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn is_logged_out(&mut self) {
        for path in ["/session", "/tasks"] {
            let (status, _) = self.send("GET", path, "").await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn the_token_of_the_log_in_is_all_that_a_client_keeps() {
    let mut client = Client::logged_in().await;
    let token = client.token.clone();
    assert!(token.is_some());
    assert_eq!(client.send("GET", "/session", "").await.1, r#""ada""#);
    let (status, tasks) = client.send("POST", "/tasks", r#""oil the engine""#).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(tasks, r#"["oil the engine"]"#);
    assert_eq!(client.send("GET", "/tasks", "").await.1, tasks);
    assert_eq!(client.token, token, "no other response brings one");
}

#[tokio::test]
async fn without_a_token_there_is_a_401_and_no_session() {
    let mut client = Client::new();
    client.is_logged_out().await;
    let (status, _) = client.send("POST", "/tasks", r#""x""#).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.token, None);
}

#[tokio::test]
async fn a_log_in_brings_a_new_token_and_the_one_before_opens_nothing() {
    let mut client = Client::logged_in().await;
    client.send("POST", "/tasks", r#""ada's""#).await;
    let mut before = client.clone();
    client.log_in("ada").await;
    assert_ne!(client.token, before.token);
    before.is_logged_out().await;
    assert_eq!(client.send("GET", "/tasks", "").await.1, r#"["ada's"]"#);

    client.log_in("grace").await;
    assert_eq!(client.send("GET", "/tasks", "").await.1, "[]");
}

#[tokio::test]
async fn the_log_out_takes_the_token_away_and_it_opens_nothing() {
    let mut client = Client::logged_in().await;
    let mut copy = client.clone();
    let (status, _) = client.send("DELETE", "/session", "").await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(client.token, None, "the header was there, and empty");
    client.is_logged_out().await;
    copy.is_logged_out().await;
}

#[tokio::test]
async fn a_genuine_token_in_a_cookie_or_in_the_other_header_opens_nothing() {
    let client = Client::logged_in().await;
    let token = client.token.unwrap();
    for (header, value) in [
        (COOKIE.as_str(), format!("sid={token}")),
        (TOKEN_HEADER, token.clone()),
        (AUTHORIZATION.as_str(), format!("Basic {token}")),
    ] {
        let request = Request::builder().uri("/session").header(header, value);
        let request = request.body(Body::empty()).unwrap();
        let response = client.api.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{header}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tasks_at_once_none_is_lost_and_none_is_over_the_limit() {
    let mut client = Client::logged_in().await;
    let mut requests = JoinSet::new();
    for task in 0..120 {
        let mut client = client.clone();
        let task = format!("\"task {task}.\"");
        requests.spawn(async move { (client.send("POST", "/tasks", &task).await.0, task) });
    }
    let mut added = Vec::new();
    while let Some(answer) = requests.join_next().await {
        match answer.unwrap() {
            (StatusCode::CREATED, task) => added.push(task),
            (status, _) => assert_eq!(status, StatusCode::CONFLICT),
        }
    }
    assert_eq!(added.len(), 100);
    let (_, tasks) = client.send("GET", "/tasks", "").await;
    for task in added {
        assert!(tasks.contains(&task), "{task} is lost");
    }
}

#[tokio::test]
async fn as_many_of_the_longest_tasks_as_there_may_be_fit_whatever_their_characters() {
    for (name, task) in [
        // As JSON, what is four bytes long stays as it is, and this control character takes six.
        ("\u{1f6b2}".repeat(40), "\u{1f6b2}".repeat(100)),
        ("\\u0001".repeat(40), "\\u0001".repeat(100)),
    ] {
        let mut client = Client::new();
        client.log_in(&name).await;
        let task = format!("\"{task}\"");
        for _ in 0..100 {
            let (status, _) = client.send("POST", "/tasks", &task).await;
            assert_eq!(status, StatusCode::CREATED);
        }
        let (status, _) = client.send("POST", "/tasks", &task).await;
        assert_eq!(status, StatusCode::CONFLICT);
    }
}

#[tokio::test]
async fn names_and_tasks_have_bounds() {
    let mut client = Client::logged_in().await;
    let long = "a".repeat(101);
    for (path, json) in [
        ("/tasks", "\"\"".to_owned()),
        ("/tasks", format!("\"{long}\"")),
        ("/session", r#"{"name":""}"#.to_owned()),
        ("/session", format!("{{\"name\":\"{long}\"}}")),
    ] {
        let (status, _) = client.send("POST", path, &json).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {json}");
    }
    assert_eq!(client.send("GET", "/tasks", "").await.1, "[]");
    assert_eq!(client.send("GET", "/session", "").await.1, r#""ada""#);
}
