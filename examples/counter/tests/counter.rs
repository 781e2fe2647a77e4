//! The counter without a server: requests go straight into the router, by a client that keeps cookies.

use axum::http::StatusCode;
use session_axum::test_util::TestClient;
use session_axum::{Key, MemoryStore, SessionData, SessionLayer};
use tokio::task::JoinSet;

fn visitor() -> TestClient {
    TestClient::new(counter::app(Key::generate()))
}

/// Posts a form, checks that it leads back to the page, and follows.
async fn submit(visitor: &TestClient, path: &str, form: &str) -> String {
    let answer = visitor.post(path).form(form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.header("location"), "/");
    visitor.get("/").await.body
}

fn shows_count(page: &str, count: u64) -> bool {
    page.contains(&format!(r#"<output id="count">{count}</output>"#))
}

fn shows_notice(page: &str) -> bool {
    page.contains(r#"id="notice""#)
}

#[tokio::test]
async fn the_api_counts_and_sets_one_cookie_in_all() {
    let visitor = visitor();
    let first = visitor.get("/api/counter").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.body, r#"{"test_counter":1}"#);
    let [cookie] = &first.set_cookies()[..] else {
        panic!("{first:?}")
    };
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax"]);

    for expected in [r#"{"test_counter":2}"#, r#"{"test_counter":3}"#] {
        let answer = visitor.get("/api/counter").await;
        assert_eq!(answer.body, expected);
        answer.assert_no_set_cookie();
    }
}

#[tokio::test]
async fn somebody_with_a_session_goes_on_counting() {
    // The application's own view is private to it: this one names the field that the test is about.
    #[derive(SessionData)]
    struct Counted {
        count: u64,
    }
    let (store, key) = (MemoryStore::new(), Key::generate());
    let layer = SessionLayer::new(store.clone(), key.clone());
    let visitor = TestClient::new(counter::app_on(store, key));
    let visitor = visitor.as_session(&layer, Counted { count: 41 }).await;
    let answer = visitor.get("/api/counter").await;
    assert_eq!(answer.body, r#"{"test_counter":42}"#);
    answer.assert_no_set_cookie();
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_requests_each_count_once() {
    let visitor = visitor();
    visitor.get("/api/counter").await;
    let mut requests = JoinSet::new();
    for _ in 0..200 {
        requests.spawn(visitor.get("/api/counter"));
    }
    while let Some(answer) = requests.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.assert_no_set_cookie();
    }
    assert_eq!(
        visitor.get("/api/counter").await.body,
        r#"{"test_counter":202}"#
    );
}

#[tokio::test]
async fn a_changed_cookie_is_a_newcomer() {
    let visitor = visitor();
    visitor.get("/api/counter").await;
    let mut cookie = visitor.cookie("sid").unwrap().into_bytes();
    let middle = cookie.len() / 2;
    cookie[middle] = if cookie[middle] == b'A' { b'B' } else { b'A' };
    visitor.set_cookie("sid", str::from_utf8(&cookie).unwrap());

    let answer = visitor.get("/api/counter").await;
    assert_eq!(answer.body, r#"{"test_counter":1}"#);
    assert_eq!(answer.set_cookies().len(), 1);
}

#[tokio::test]
async fn looking_at_the_page_starts_no_session() {
    let visitor = visitor();
    let answer = visitor.get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(shows_count(&answer.body, 0));
    assert!(answer.body.contains("You have no session"));
    answer.assert_no_set_cookie();
}

#[tokio::test]
async fn the_button_counts_and_looking_does_not() {
    let visitor = visitor();
    assert!(shows_count(&submit(&visitor, "/increment", "").await, 1));
    assert!(shows_count(&submit(&visitor, "/increment", "").await, 2));
    let again = visitor.get("/").await;
    assert!(shows_count(&again.body, 2));
    assert!(again.body.contains("You have a session"));
}

#[tokio::test]
async fn saving_a_name_is_said_once() {
    let visitor = visitor();
    let page = submit(&visitor, "/name", "name=Ada").await;
    assert!(page.contains("Your name is saved, Ada."));
    let page = visitor.get("/").await.body;
    assert!(!shows_notice(&page));
    assert!(page.contains(r#"<span id="greeting">Ada</span>"#));
}

#[tokio::test]
async fn an_empty_name_is_forgotten() {
    let visitor = visitor();
    submit(&visitor, "/name", "name=Ada").await;
    let page = submit(&visitor, "/name", "name=+").await;
    assert!(page.contains(r#"<span id="greeting">stranger</span>"#));
}

#[tokio::test]
async fn a_name_is_escaped_everywhere() {
    let visitor = visitor();
    let page = submit(&visitor, "/name", "name=%22%3E%3Cscript%3E%27%26").await;
    assert!(!page.contains("<script>"));
    assert_eq!(
        page.matches("&quot;&gt;&lt;script&gt;&#39;&amp;").count(),
        3
    );
}

#[tokio::test]
async fn a_name_of_more_than_forty_characters_is_refused() {
    let visitor = visitor();
    let longest = "é".repeat(40);
    let page = submit(&visitor, "/name", &format!("name={}", "%C3%A9".repeat(40))).await;
    assert!(page.contains(&longest));
    let page = submit(&visitor, "/name", &format!("name={}", "a".repeat(41))).await;
    assert!(page.contains("at most 40 characters"));
    assert!(page.contains(&longest), "the name before it stays");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_and_changes_nothing() {
    let visitor = visitor();
    submit(&visitor, "/increment", "").await;
    for path in ["/increment", "/name", "/clear", "/end"] {
        let request = visitor.post(path).form("name=Mallory");
        let answer = request.header("sec-fetch-site", "cross-site").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        answer.assert_no_set_cookie();
    }
    let page = visitor.get("/").await.body;
    assert!(shows_count(&page, 1) && page.contains("stranger"), "{page}");
}

#[tokio::test]
async fn a_fresh_start_keeps_the_session() {
    let visitor = visitor();
    submit(&visitor, "/increment", "").await;
    submit(&visitor, "/name", "name=Ada").await;
    let cookie = visitor.cookie("sid");
    let page = submit(&visitor, "/clear", "").await;
    assert!(shows_count(&page, 0));
    assert!(page.contains("stranger"));
    assert!(page.contains("A fresh start."));
    assert_eq!(visitor.cookie("sid"), cookie);
}

#[tokio::test]
async fn the_end_removes_the_cookie_and_the_old_one_opens_nothing() {
    let visitor = visitor();
    submit(&visitor, "/increment", "").await;
    let thief = visitor.copy();

    let answer = visitor.post("/end").await;
    let [removal] = &answer.set_cookies()[..] else {
        panic!("{answer:?}")
    };
    assert!(removal.contains("Max-Age=0"));
    assert_eq!(visitor.cookie("sid"), None);

    let page = thief.get("/").await.body;
    assert!(shows_count(&page, 0));
    assert!(page.contains("You have no session"));
}
