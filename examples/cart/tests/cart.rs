//! The shop without a server: requests go straight into the router.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{Request, StatusCode};
use cart::GOODS;
use http_body_util::BodyExt;
use session_axum::{Key, MemoryStore};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// As much of a browser as these tests need: it keeps the one cookie that it was given.
#[derive(Clone)]
struct Browser {
    shop: Router,
    cookie: Option<String>,
}

impl Browser {
    fn new() -> Self {
        Self {
            shop: cart::app(Key::generate(), MemoryStore::new()),
            cookie: None,
        }
    }

    async fn send(&mut self, method: &str, path: &str) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.shop.clone().oneshot(request).await.unwrap();
        if let Some(set) = response.headers().get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn basket(&mut self) -> BTreeMap<String, u32> {
        serde_json::from_str(&self.send("GET", "/basket").await.1).unwrap()
    }

    async fn history(&mut self) -> Vec<String> {
        serde_json::from_str(&self.send("GET", "/history").await.1).unwrap()
    }
}

/// As often the button is pressed, or in as many tabs at once.
const TABS: u32 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_every_item_and_every_page_is_there() {
    let mut browser = Browser::new();
    // As the script does it: the first one brings the cookie.
    browser.send("POST", "/basket/bell").await;
    let cookie = browser.cookie.clone();
    assert!(cookie.is_some());

    let mut requests = JoinSet::new();
    for tab in 0..TABS {
        for (item, _) in GOODS {
            for (method, library) in [("POST", "basket"), ("GET", "goods")] {
                if (tab, item, library) == (0, "bell", "basket") {
                    continue;
                }
                let mut browser = browser.clone();
                requests.spawn(async move {
                    let path = format!("/{library}/{item}");
                    let (status, _) = browser.send(method, &path).await;
                    assert_eq!(status, StatusCode::OK, "{method} {path}");
                    browser.cookie
                });
            }
        }
    }
    while let Some(kept) = requests.join_next().await {
        assert_eq!(kept.unwrap(), cookie, "no other session was started");
    }

    let all = GOODS.iter().map(|(item, _)| ((*item).to_owned(), TABS));
    assert_eq!(browser.basket().await, all.collect());
    let mut history = browser.history().await;
    history.sort_unstable();
    let all = GOODS.iter().map(|(item, _)| format!("/goods/{item}"));
    assert_eq!(history, all.collect::<Vec<_>>());
}

#[tokio::test]
async fn the_two_libraries_do_not_touch_each_others_fields() {
    let mut browser = Browser::new();
    browser.send("POST", "/basket/lamp").await;
    browser.send("POST", "/basket/lamp").await;
    browser.send("GET", "/goods/lamp").await;
    browser.send("GET", "/goods/lock").await;
    browser.send("GET", "/goods/lamp").await;

    let (_, page) = browser.send("GET", "/").await;
    assert!(page.contains(r#"<td id="lamp">2</td>"#), "{page}");
    assert!(page.contains("<li>/goods/lamp</li>\n<li>/goods/lock</li>\n</ol>"));

    browser.send("DELETE", "/basket").await;
    assert!(browser.basket().await.is_empty());
    assert_eq!(browser.history().await, ["/goods/lamp", "/goods/lock"]);
}

#[tokio::test]
async fn what_is_not_sold_is_neither_kept_nor_noted() {
    let mut browser = Browser::new();
    for (method, path) in [("POST", "/basket/moon"), ("GET", "/goods/moon")] {
        let (status, _) = browser.send(method, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(browser.cookie, None, "no session was started");
}

#[tokio::test]
async fn a_page_is_noted_as_it_was_asked_for() {
    let mut browser = Browser::new();
    let (status, _) = browser.send("GET", "/goods/%62ell").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(browser.history().await, ["/goods/%62ell"]);
    let (_, page) = browser.send("GET", "/").await;
    assert!(page.contains("<li>/goods/%62ell</li>"), "{page}");
}

#[tokio::test]
async fn what_another_site_sends_is_refused_and_changes_nothing() {
    let mut browser = Browser::new();
    browser.send("POST", "/basket/lamp").await;
    for (method, path) in [("POST", "/basket/lamp"), ("DELETE", "/basket")] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(COOKIE, browser.cookie.as_deref().unwrap());
        let request = request.header("sec-fetch-site", "cross-site");
        let request = request.body(Body::empty()).unwrap();
        let response = browser.shop.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method}");
    }
    assert_eq!(browser.basket().await, [("lamp".to_owned(), 1)].into());
}

#[tokio::test]
async fn who_only_looks_gets_no_session() {
    let mut browser = Browser::new();
    let (_, page) = browser.send("GET", "/").await;
    assert!(page.contains(r#"<td id="lamp">0</td>"#), "{page}");
    assert!(page.contains("Promise.all("));
    assert_eq!(browser.cookie, None);
}
