//! No shared cache gives one visitor's session to another, whatever a handler says of caching.

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use session_axum::{Session, SessionLayer, SessionRejection, StoreError};
use session_tests::{Answer, Browser, Call, SpyStore};

use crate::{
    common::{get_with, layer},
    rfc9111::store,
};

/// What a handler may say.
const SAID: [(&str, &str); 16] = [
    ("x-nothing", "x"),
    ("cache-control", "no-store"),
    ("cache-control", "private"),
    ("cache-control", "private, max-age=60"),
    ("cache-control", "public"),
    ("cache-control", "PUBLIC, Max-Age=60"),
    ("cache-control", "max-age=60"),
    ("cache-control", "s-maxage=60"),
    ("cache-control", "private=\"x-a\", max-age=60"),
    ("cache-control", "private=\"x-a, private, x-b\", max-age=60"),
    ("cache-control", "no-cache=\"set-cookie\", max-age=60"),
    ("cache-control", "no-cache"),
    ("cache-control", "must-understand, no-store, max-age=60"),
    ("cache-control", "max-age=60, stale-while-revalidate=30"),
    ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ("vary", "accept-encoding"),
];

fn app(layer: SessionLayer, said: (&'static str, &'static str), status: StatusCode) -> Browser {
    let answer = move |session: &Session| -> Response {
        let who = session.get::<String>("name").unwrap_or_default();
        let name = HeaderName::from_static(said.0);
        (status, [(name, HeaderValue::from_static(said.1))], who).into_response()
    };
    let write = async move |session: Session| {
        session.insert("name", "ada");
        answer(&session)
    };
    let log_out = async move |session: Session| {
        session.destroy();
        answer(&session)
    };
    let routes = Router::new()
        .route("/page", get(async move |session: Session| answer(&session)))
        .route("/write", get(write))
        .route("/log_out", get(log_out));
    Browser::new(routes.layer(layer))
}

fn all() -> impl Iterator<Item = ((&'static str, &'static str), StatusCode)> {
    let statuses = [
        StatusCode::OK,
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::SEE_OTHER,
        StatusCode::NOT_FOUND,
    ];
    SAID.into_iter()
        .flat_map(move |said| statuses.map(|status| (said, status)))
}

fn ours(answer: &Answer) -> bool {
    !answer.set_cookies().is_empty() || answer.headers.contains_key("x-session")
}

#[tokio::test]
async fn a_response_that_carries_a_token_is_never_stored_by_a_shared_cache() {
    for (said, status) in all() {
        let by_cookie = app(layer(&SpyStore::new()), said, status);
        for path in ["/write", "/log_out"] {
            let answer = by_cookie.get(path).await;
            assert!(ours(&answer));
            let entry = store(&HeaderMap::new(), &answer);
            assert!(
                entry.is_none_or(|entry| !entry.holds_cookies()),
                "{path} {said:?} {status}"
            );
        }
        let by_header = app(
            layer(&SpyStore::new()).token_header("x-session"),
            said,
            status,
        );
        let request = HeaderMap::from_iter([(
            HeaderName::from_static("x-session"),
            HeaderValue::from_static(""),
        )]);
        let answer = get_with(&by_header, "/write", &[("x-session", "")]).await;
        assert!(ours(&answer));
        assert!(store(&request, &answer).is_none(), "{said:?} {status}");
    }
}

#[tokio::test]
async fn what_a_shared_cache_may_store_of_a_session_it_gives_to_nobody_else() {
    for (said, status) in all() {
        let browser = app(layer(&SpyStore::new()), said, status);
        browser.get("/write").await;
        let cookie = format!("sid={}", browser.cookie("sid").expect("set"));
        let answer = browser.get("/page").await;
        assert_eq!(answer.body, "ada");
        let with = |cookie: &str| {
            HeaderMap::from_iter([(
                HeaderName::from_static("cookie"),
                cookie.parse().expect("a value"),
            )])
        };
        if let Some(entry) = store(&with(&cookie), &answer) {
            // Only a handler's own `public` or `s-maxage` goes so far.
            let wished = said.1.to_lowercase();
            assert!(
                wished.contains("public") || wished.contains("s-maxage"),
                "{said:?}"
            );
            assert_eq!(entry.body, "ada");
            assert!(
                !entry.serves(&HeaderMap::new()) && !entry.serves(&with("sid=another")),
                "{said:?}"
            );
            assert!(entry.serves(&with(&cookie)));
        }
    }
}

#[tokio::test]
async fn by_default_a_page_that_used_the_session_is_private_and_one_that_did_not_is_left_alone() {
    let plain = Router::new().route("/plain", get(async || "plain"));
    let page = Router::new().route("/page", get(async |_: Session| "page"));
    let browser = Browser::new(plain.merge(page).layer(layer(&SpyStore::new())));
    let answer = browser.get("/page").await;
    assert_eq!(
        (answer.header("cache-control"), answer.header("vary")),
        ("private".into(), "Cookie".into())
    );
    let answer = browser.get("/plain").await;
    assert_eq!(
        (answer.header("cache-control"), answer.header("vary")),
        (String::new(), String::new())
    );
}

#[tokio::test]
async fn a_failed_load_that_the_handler_answers_for_is_as_private_as_any() {
    let store = SpyStore::new();
    let page = async |session: Result<Session, SessionRejection>| {
        let cache = [(header::CACHE_CONTROL, "max-age=60")];
        (cache, session.is_ok().to_string())
    };
    let write = async |session: Session| session.insert("name", "ada");
    let routes = Router::new()
        .route("/", get(page))
        .route("/write", get(write));
    let browser = Browser::new(routes.layer(layer(&store)));
    browser.get("/write").await;
    store.fail(Call::Load, StoreError::unavailable("down"));
    let answer = browser.get("/").await;
    assert_eq!(answer.body, "false");
    assert_eq!(answer.header("cache-control"), "max-age=60, private");
    assert_eq!(answer.header("vary"), "Cookie");
}

#[tokio::test]
async fn what_is_said_to_single_caches_gives_way_to_our_cookie() {
    for name in [
        "cdn-cache-control",
        "surrogate-control",
        "x-cdn-cache-control",
    ] {
        let browser = app(
            layer(&SpyStore::new()),
            (name, "public, max-age=60"),
            StatusCode::OK,
        );
        assert_eq!(
            browser.get("/page").await.header(name),
            "public, max-age=60"
        );
        let answer = browser.get("/write").await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header(name), "");
    }
    for (name, said) in [
        ("cdn-cache-control", "no-store"),
        ("surrogate-control", "no-store"),
        ("surrogate-control", "content=\"ESI/1.0\""),
    ] {
        let browser = app(layer(&SpyStore::new()), (name, said), StatusCode::OK);
        assert_eq!(browser.get("/write").await.header(name), said);
    }
}

#[tokio::test]
async fn a_page_that_varies_by_everything_is_left_as_it_is() {
    let browser = app(layer(&SpyStore::new()), ("vary", "*"), StatusCode::OK);
    assert_eq!(browser.get("/page").await.header("vary"), "*");
}
