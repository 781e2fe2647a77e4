//! The counter without a server: requests go straight into the router, and a cookie is kept by hand.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use session_axum::Key;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// As much of a browser as these tests need: it keeps the one cookie that it was given.
#[derive(Clone)]
struct Visitor {
    app: Router,
    cookie: Option<String>,
}

struct Answer {
    status: StatusCode,
    location: Option<String>,
    set_cookies: Vec<String>,
    body: String,
}

impl Visitor {
    fn new() -> Self {
        Self {
            app: counter::app(Key::generate()),
            cookie: None,
        }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, String::new()).await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, form.to_owned()).await
    }

    /// Posts a form, checks that it leads back to the page, and follows.
    async fn submit(&mut self, path: &str, form: &str) -> String {
        let answer = self.post(path, form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.location.as_deref(), Some("/"));
        self.get("/").await.body
    }

    async fn send(&mut self, method: Method, path: &str, form: String) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Body::from(form)).unwrap();
        let answer = Answer::read(self.app.clone().oneshot(request).await.unwrap()).await;
        for set_cookie in &answer.set_cookies {
            let pair = set_cookie.split(';').next().unwrap();
            let removal = pair.split_once('=').unwrap().1.is_empty();
            self.cookie = (!removal).then(|| pair.to_owned());
        }
        answer
    }
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let headers = response.headers();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status: response.status(),
            location: headers.get(LOCATION).map(text),
            set_cookies: headers.get_all(SET_COOKIE).iter().map(text).collect(),
            body: {
                let bytes = response.into_body().collect().await.unwrap().to_bytes();
                String::from_utf8(bytes.to_vec()).unwrap()
            },
        }
    }
}

fn shows_count(page: &str, count: u64) -> bool {
    page.contains(&format!(r#"<output id="count">{count}</output>"#))
}

fn shows_notice(page: &str) -> bool {
    page.contains(r#"id="notice""#)
}

#[tokio::test]
async fn the_api_counts_and_sets_one_cookie_in_all() {
    let mut visitor = Visitor::new();
    let first = visitor.get("/api/counter").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.body, r#"{"test_counter":1}"#);
    let [cookie] = &first.set_cookies[..] else {
        panic!("{:?}", first.set_cookies)
    };
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax"]);

    for expected in [r#"{"test_counter":2}"#, r#"{"test_counter":3}"#] {
        let answer = visitor.get("/api/counter").await;
        assert_eq!(answer.body, expected);
        assert!(answer.set_cookies.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_each_count_once() {
    let mut visitor = Visitor::new();
    visitor.get("/api/counter").await;
    let mut requests = JoinSet::new();
    for _ in 0..200 {
        let mut visitor = visitor.clone();
        requests.spawn(async move { visitor.get("/api/counter").await });
    }
    while let Some(answer) = requests.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.set_cookies.is_empty());
    }
    assert_eq!(
        visitor.get("/api/counter").await.body,
        r#"{"test_counter":202}"#
    );
}

#[tokio::test]
async fn a_changed_cookie_is_a_newcomer() {
    let mut visitor = Visitor::new();
    visitor.get("/api/counter").await;
    let mut cookie = visitor.cookie.take().unwrap().into_bytes();
    let middle = cookie.len() / 2;
    cookie[middle] = if cookie[middle] == b'A' { b'B' } else { b'A' };
    visitor.cookie = Some(String::from_utf8(cookie).unwrap());

    let answer = visitor.get("/api/counter").await;
    assert_eq!(answer.body, r#"{"test_counter":1}"#);
    assert_eq!(answer.set_cookies.len(), 1);
}

#[tokio::test]
async fn looking_at_the_page_starts_no_session() {
    let mut visitor = Visitor::new();
    let answer = visitor.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(shows_count(&answer.body, 0));
    assert!(answer.body.contains("You have no session"));
    assert!(answer.set_cookies.is_empty());
}

#[tokio::test]
async fn the_button_counts_and_looking_does_not() {
    let mut visitor = Visitor::new();
    assert!(shows_count(&visitor.submit("/increment", "").await, 1));
    assert!(shows_count(&visitor.submit("/increment", "").await, 2));
    let again = visitor.get("/").await;
    assert!(shows_count(&again.body, 2));
    assert!(again.body.contains("You have a session"));
}

#[tokio::test]
async fn saving_a_name_is_said_once() {
    let mut visitor = Visitor::new();
    let page = visitor.submit("/name", "name=Ada").await;
    assert!(page.contains("Your name is saved, Ada."));
    let page = visitor.get("/").await.body;
    assert!(!shows_notice(&page));
    assert!(page.contains(r#"<span id="greeting">Ada</span>"#));
}

#[tokio::test]
async fn an_empty_name_is_forgotten() {
    let mut visitor = Visitor::new();
    visitor.submit("/name", "name=Ada").await;
    let page = visitor.submit("/name", "name=+").await;
    assert!(page.contains(r#"<span id="greeting">stranger</span>"#));
}

#[tokio::test]
async fn a_name_is_escaped_everywhere() {
    let mut visitor = Visitor::new();
    let page = visitor
        .submit("/name", "name=%22%3E%3Cscript%3E%27%26")
        .await;
    assert!(!page.contains("<script>"));
    assert_eq!(
        page.matches("&quot;&gt;&lt;script&gt;&#39;&amp;").count(),
        3
    );
}

#[tokio::test]
async fn a_name_of_more_than_forty_characters_is_refused() {
    let mut visitor = Visitor::new();
    let longest = "é".repeat(40);
    let page = visitor
        .submit("/name", &format!("name={}", "%C3%A9".repeat(40)))
        .await;
    assert!(page.contains(&longest));
    let page = visitor
        .submit("/name", &format!("name={}", "a".repeat(41)))
        .await;
    assert!(page.contains("at most 40 characters"));
    assert!(page.contains(&longest), "the name before it stays");
}

#[tokio::test]
async fn a_fresh_start_keeps_the_session() {
    let mut visitor = Visitor::new();
    visitor.submit("/increment", "").await;
    visitor.submit("/name", "name=Ada").await;
    let cookie = visitor.cookie.clone();
    let page = visitor.submit("/clear", "").await;
    assert!(shows_count(&page, 0));
    assert!(page.contains("stranger"));
    assert!(page.contains("A fresh start."));
    assert_eq!(visitor.cookie, cookie);
}

#[tokio::test]
async fn the_end_removes_the_cookie_and_the_old_one_opens_nothing() {
    let mut visitor = Visitor::new();
    visitor.submit("/increment", "").await;
    let old = visitor.cookie.clone();

    let answer = visitor.post("/end", "").await;
    let [removal] = &answer.set_cookies[..] else {
        panic!("{:?}", answer.set_cookies)
    };
    assert!(removal.contains("Max-Age=0"));
    assert_eq!(visitor.cookie, None);

    visitor.cookie = old;
    let page = visitor.get("/").await.body;
    assert!(shows_count(&page, 0));
    assert!(page.contains("You have no session"));
}
