//! The cookie: its attributes, one `Set-Cookie` in a response, and everybody else's (R20).

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderName, StatusCode, header},
    response::AppendHeaders,
    routing::get,
};
use session_axum::{Key, SameSite, Session, SessionError, SessionLayer};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{Configure, DAY, Visits, browse, key, layer, timed, with};

/// The attributes of a cookie, in their order.
fn attributes(set_cookie: &str) -> &str {
    set_cookie
        .split_once("; ")
        .map_or("", |(_, attributes)| attributes)
}

#[tokio::test]
async fn the_default_cookie_is_safe_and_ends_with_the_browser_session() {
    let store = SpyStore::new();
    let answer = browse(&store, Router::new()).get("/count/1").await;
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].starts_with("sid="));
    assert_eq!(
        attributes(cookies[0]),
        "HttpOnly; SameSite=Lax; Secure; Path=/"
    );
}

#[tokio::test]
async fn every_option_shows_in_the_cookie_and_in_its_removal() {
    let cases: [(Configure, &str, &str); 9] = [
        (
            |layer| layer.http_only(false),
            "sid",
            "SameSite=Lax; Secure; Path=/",
        ),
        (
            |layer| layer.secure(false),
            "sid",
            "HttpOnly; SameSite=Lax; Path=/",
        ),
        (
            |layer| layer.same_site(SameSite::Strict),
            "sid",
            "HttpOnly; SameSite=Strict; Secure; Path=/",
        ),
        (
            |layer| layer.same_site(SameSite::None),
            "sid",
            "HttpOnly; SameSite=None; Secure; Path=/",
        ),
        (
            |layer| layer.path("/app"),
            "sid",
            "HttpOnly; SameSite=Lax; Secure; Path=/app",
        ),
        (
            |layer| layer.domain("example.com"),
            "sid",
            "HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com",
        ),
        (
            |layer| layer.partitioned(true),
            "sid",
            "HttpOnly; SameSite=Lax; Partitioned; Secure; Path=/",
        ),
        (
            |layer| layer.cookie_name("__Host-app"),
            "__Host-app",
            "HttpOnly; SameSite=Lax; Secure; Path=/",
        ),
        (
            |layer| layer.max_age(DAY * 7),
            "sid",
            "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800",
        ),
    ];
    for (configure, name, expected) in cases {
        let store = SpyStore::new();
        let browser = with(configure(layer(&store)), Router::new());
        let answer = browser.get("/count/1").await;
        let cookies = answer.set_cookies();
        assert_eq!(cookies.len(), 1);
        assert!(cookies[0].starts_with(&format!("{name}=")), "{cookies:?}");
        assert_eq!(attributes(cookies[0]), expected);
        assert_eq!(browser.get("/read").await.body, "1 nobody");

        let answer = browser.get("/destroy").await;
        let removals = answer.set_cookies();
        assert_eq!(removals.len(), 1);
        let lasting = expected.split("; Max-Age").next().expect("a part");
        let (same, end) = removals[0]
            .split_once("; Max-Age=0; Expires=")
            .expect("a removal");
        assert_eq!(same, format!("{name}=; {lasting}"));
        assert!(
            end.ends_with("1970 00:00:00 GMT") || end.contains("GMT"),
            "{end}"
        );
    }
}

#[tokio::test]
async fn a_persistent_cookie_lasts_at_most_400_days() {
    for max_age in [DAY * 1_000, Duration::MAX] {
        let store = SpyStore::new();
        let browser = with(layer(&store).max_age(max_age), Router::new());
        let answer = browser.get("/count/1").await;
        assert!(answer.set_cookies()[0].ends_with("; Max-Age=34560000"));
        assert_eq!(browser.get("/read").await.body, "1 nobody");
    }
}

#[tokio::test]
async fn a_session_that_is_remembered_has_a_persistent_cookie_of_its_own() {
    let (clock, store) = timed();
    let handler = async |session: Session| {
        session.insert("count", 1);
        session.remember(DAY * 60);
    };
    let browser = browse(&store, Router::new().route("/remember", get(handler)));
    let answer = browser.get("/remember").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=5184000"));
    clock.advance(DAY * 59);
    let renewed = browser.get("/read").await;
    assert_eq!(renewed.body, "1 nobody");
    clock.advance(DAY);
    assert_eq!(
        browser.get("/read").await.body,
        "0 nobody",
        "the absolute limit follows, but ends"
    );
}

#[tokio::test]
async fn an_unchanged_session_sends_no_cookie() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    for path in ["/read", "/count/2", "/increment", "/plain", "/status"] {
        browser.get(path).await.assert_no_set_cookie();
    }
}

#[tokio::test]
async fn the_handler_s_own_headers_and_cookies_survive() {
    const THEIRS: [(HeaderName, &str); 4] = [
        (header::SET_COOKIE, "theirs=1; Path=/x"),
        (header::SET_COOKIE, "sidecar=2"),
        (header::CONTENT_LANGUAGE, "de"),
        (header::VARY, "Accept-Encoding"),
    ];
    let theirs = || AppendHeaders(THEIRS);
    let store = SpyStore::new();
    let set = async move |visit: Visits| {
        visit.set_count(1);
        theirs()
    };
    let read = async move |_: Visits| theirs();
    let end = async move |session: Session| {
        session.destroy();
        (StatusCode::CREATED, theirs())
    };
    let routes = Router::new()
        .route("/set", get(set))
        .route("/look", get(read))
        .route("/end", get(end));
    let browser = browse(&store, routes);
    for (path, ours) in [("/set", 1), ("/look", 0), ("/end", 1)] {
        let answer = browser.get(path).await;
        let cookies = answer.set_cookies();
        assert_eq!(cookies[..2], ["theirs=1; Path=/x", "sidecar=2"], "{path}");
        assert_eq!(cookies[2..].len(), ours, "{path}");
        assert!(cookies[2..].iter().all(|cookie| cookie.starts_with("sid=")));
        assert_eq!(answer.header("content-language"), "de");
        assert_eq!(answer.header("vary"), "Accept-Encoding, Cookie");
    }
}

#[tokio::test]
async fn a_response_has_one_set_cookie_of_our_name() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<_, SessionError> {
        visit.set_count(1);
        visit.session().commit().await?;
        visit.session().rotate();
        visit.session().commit().await?;
        visit.session().rotate();
        Ok(AppendHeaders([
            (header::SET_COOKIE, "theirs=1"),
            (header::SET_COOKIE, "sid=mine"),
            (header::SET_COOKIE, "sid =mine; Path=/"),
            (header::SET_COOKIE, "SID=theirs"),
            (header::SET_COOKIE, "sidecar=2"),
        ]))
    };
    let browser = browse(&store, Router::new().route("/busy", get(handler)));
    let answer = browser.get("/busy").await;
    let cookies = answer.set_cookies();
    assert_eq!(cookies[..3], ["theirs=1", "SID=theirs", "sidecar=2"]);
    assert!(
        cookies.len() == 4 && cookies[3].starts_with("sid="),
        "{cookies:?}"
    );
    assert_eq!(
        browser.get("/read").await.body,
        "1 nobody",
        "and it is ours"
    );
}

#[tokio::test]
async fn the_path_and_the_name_are_those_of_the_cookie_only() {
    // As the original: the counter goes on below its path.
    let store = SpyStore::new();
    let below = Router::new().nest(
        "/api",
        Router::new().route("/count", get(crate::common::increment)),
    );
    let browser = with(layer(&store).path("/api").cookie_name("api"), below);
    for count in ["1", "2", "3"] {
        assert_eq!(browser.get("/api/count").await.body, count);
    }
}

#[tokio::test]
async fn a_fallback_key_opens_until_it_is_taken_out() {
    let (old, newer) = (Key::generate(), Key::generate());
    let store = SpyStore::new();
    let app = |first: &Key, older: &[&Key]| {
        let layer = SessionLayer::new(store.clone(), first.clone());
        let older = older.iter().map(|key| (*key).clone());
        with(layer.fallback_keys(older), Router::new())
    };
    let with_cookie_of = |browser: Browser, other: &Browser| {
        browser.set_cookie("sid", &other.cookie("sid").expect("it has one"));
        browser
    };
    let first = app(&old, &[]);
    first.get("/count/1").await;
    let second = with_cookie_of(app(&key(), &[&newer, &old]), &first);
    let answer = second.get("/read").await;
    assert_eq!(
        (answer.body.as_str(), answer.set_cookies().len()),
        ("1 nobody", 1)
    );
    let third = with_cookie_of(app(&key(), &[]), &second);
    assert_eq!(
        third.get("/read").await.body,
        "1 nobody",
        "it was sealed anew"
    );
    let late = with_cookie_of(app(&key(), &[]), &first);
    store.forget_calls();
    assert_eq!(late.get("/status").await.body, "Unsealed");
    store.assert_untouched();
}

#[tokio::test]
async fn an_explicit_commit_beside_a_new_seal_costs_no_second_touch() {
    let old = Key::generate();
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit.set_count(2);
        visit.session().commit().await
    };
    let before = with(SessionLayer::new(store.clone(), old.clone()), Router::new());
    before.get("/count/1").await;
    let routes = Router::new().route("/save", get(handler));
    let browser = with(layer(&store).fallback_keys([old]), routes);
    browser.set_cookie("sid", &before.cookie("sid").expect("it has one"));
    store.forget_calls();
    assert_eq!(browser.get("/save").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

#[tokio::test]
async fn where_the_cookie_lived_before_it_is_removed_when_both_are_seen() {
    let store = SpyStore::new();
    let browser = with(
        layer(&store).former_cookie("/app", Some("example.com")),
        Router::new(),
    );
    browser.get("/count/1").await;
    let ours = browser.cookie("sid").expect("it has one");
    browser.get("/read").await.assert_no_set_cookie();
    // A browser sends both under one name; the other is a token of the same session.
    browser.set_cookie("sid", &format!("{ours}; sid={ours}"));
    let answer = browser.get("/read").await;
    assert_eq!(answer.body, "1 nobody");
    let removals = answer.set_cookies();
    assert_eq!(removals.len(), 1);
    assert!(removals[0].starts_with("sid=; "), "{removals:?}");
    assert!(
        removals[0].contains("Path=/app; Domain=example.com; Max-Age=0"),
        "{removals:?}"
    );
}

#[tokio::test]
async fn an_option_named_after_the_layer_was_in_use_shows_in_the_cookie_too() {
    let store = SpyStore::new();
    let used = layer(&store);
    let browser = with(used.clone(), Router::new());
    browser.get("/count/1").await;
    let browser = with(used.http_only(false), Router::new());
    let answer = browser.get("/count/1").await;
    let attributes = attributes(answer.set_cookies()[0]);
    assert_eq!(attributes, "SameSite=Lax; Secure; Path=/");
}

#[tokio::test]
async fn the_log_tells_of_each_answer_that_tells_the_client_of_its_token() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let log = Log::start();
    for (path, told) in [
        ("/plain", 0),
        ("/read", 0),
        ("/count/1", 1),
        ("/count/2", 0),
        ("/rotate", 1),
        ("/destroy", 1),
    ] {
        browser.get(path).await;
        let lines = log.lines();
        let said = lines.matches("client told of its token").count();
        assert_eq!(said, told, "{path}: {lines}");
    }
}
