//! R17: no client input is an error.

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
};
use session_axum::{Key, SessionLayer};
use session_tests::{Answer, Browser, Call, Log, SpyStore};

use crate::common::{browse, key, layer, with};

/// Sends these `Cookie` headers.
async fn send(browser: &Browser, path: &str, cookies: &[&[u8]]) -> Answer {
    let mut request = Request::builder().uri(path);
    for cookie in cookies {
        let value = HeaderValue::from_bytes(cookie).expect("a header");
        request = request.header(header::COOKIE, value);
    }
    browser
        .send(request.body(Body::empty()).expect("a request"))
        .await
}

/// A new session's sealed token.
async fn token(browser: &Browser) -> String {
    let browser = browser.copy();
    browser.set_cookie("sid", "");
    browser.get("/count/1").await;
    browser.cookie("sid").expect("it got one")
}

#[tokio::test]
async fn a_cookie_that_opens_nothing_is_no_session_and_no_error() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let good = token(&browser).await;
    let flipped = |at: usize| {
        let mut text = good.clone().into_bytes();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(text).expect("ascii")
    };
    let foreign = token(&with(
        SessionLayer::new(store.clone(), Key::generate()),
        Router::new(),
    ))
    .await;
    let other_name = {
        let admin = with(layer(&store).cookie_name("admin"), Router::new());
        admin.get("/count/1").await;
        admin.cookie("admin").expect("it got one")
    };
    store.forget_calls();
    let bad: Vec<Vec<u8>> = [
        String::new(),
        "sid".to_owned(),
        "sid=".to_owned(),
        "sid=forged".to_owned(),
        format!("sid={}", &good[..good.len() - 1]),
        format!("sid={}", &good[1..]),
        format!("sid={}", flipped(0)),
        format!("sid={}", flipped(good.len() / 2)),
        format!("sid={}", flipped(good.len() - 3)),
        format!("sid={good}{good}"),
        format!("sid={good}{}", "A".repeat(513)),
        format!("sid={}", "A".repeat(100_000)),
        format!("SID={good}"),
        format!("xsid={good}; sidx={good}"),
        format!("sid%3D{good}"),
        format!("sid={foreign}"),
        format!("sid={other_name}"),
        format!("admin={good}"),
        ";;;===;;;".to_owned(),
        "sid=x; ".repeat(20_000),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([
        b"sid=\xff\xfe\x80".to_vec(),
        b"\xf0\x9f\x8d\xaa=\xf0; sid=\xc3\x28".to_vec(),
    ])
    .collect();
    for cookie in &bad {
        let shown = String::from_utf8_lossy(&cookie[..cookie.len().min(60)]).into_owned();
        let answer = send(&browser, "/read", &[cookie]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "0 nobody"),
            "{shown}"
        );
        answer.assert_no_set_cookie();
        store.assert_untouched();
        let answer = send(&browser, "/count/2", &[cookie]).await;
        assert_eq!(answer.status, StatusCode::OK, "{shown}");
        assert_eq!(answer.set_cookies().len(), 1, "{shown}");
        assert_eq!(store.calls(), [Call::Create], "{shown}");
    }
    let answer = send(&browser, "/read", &[format!("sid={good}").as_bytes()]).await;
    assert_eq!(answer.body, "1 nobody", "the good one still works");
}

#[tokio::test]
async fn copies_of_one_token_are_one_session_and_the_newest_counts() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let old = browser.cookie("sid").expect("it has one");
    browser.get("/rotate").await;
    let new = browser.cookie("sid").expect("it has one");
    store.forget_calls();
    for pair in [
        format!("sid={new}; sid={new}"),
        format!("sid={old}; sid={new}"),
        format!("sid={new}; sid={old}"),
        format!("sid=forged; theirs=1; sid={new}"),
        format!("sid={}; sid={new}", "A".repeat(5_000)),
        format!("sid=\u{fe}; sid={new}"),
    ] {
        let answer = send(&browser, "/read", &[pair.as_bytes()]).await;
        assert_eq!(answer.body, "1 nobody", "{pair}");
        assert_eq!(store.calls(), [Call::Load], "{pair}");
    }
    // In several headers, as HTTP/2 sends them.
    let answer = send(
        &browser,
        "/read",
        &[b"a=1", b"sid=x", format!("sid={new}").as_bytes()],
    )
    .await;
    assert_eq!(answer.body, "1 nobody");
}

#[tokio::test]
async fn tokens_of_two_sessions_are_none_whatever_their_order() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let (one, two) = (token(&browser).await, token(&browser).await);
    store.forget_calls();
    let log = Log::start();
    for pair in [
        format!("sid={one}; sid={two}"),
        format!("sid={two}; sid={one}"),
        format!("sid={one}; sid={one}; sid={two}"),
        format!("sid={one}; sid={two}; sid={two}"),
        format!("sid={one}; sid={two}; sid={one}"),
    ] {
        let answer = send(&browser, "/status", &[pair.as_bytes()]).await;
        assert_eq!(answer.body, "Ambiguous");
        answer.assert_no_set_cookie();
        assert!(log.lines().contains("Ambiguous"));
        store.assert_untouched();
        assert_eq!(
            send(&browser, "/count/2", &[pair.as_bytes()])
                .await
                .set_cookies()
                .len(),
            1
        );
        assert_eq!(
            store.calls(),
            [Call::Create],
            "a write starts a session as for a newcomer"
        );
    }
}

#[tokio::test]
async fn who_logs_out_with_the_tokens_of_two_sessions_is_logged_out_of_both() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let former = with(layer(&store).former_cookie("/app", None), Router::new());
    for client in [&browser, &former] {
        let (one, two) = (token(&browser).await, token(&browser).await);
        let both = format!("sid={one}; sid={two}");
        let answer = send(client, "/destroy", &[both.as_bytes()]).await;
        assert_eq!(answer.status, StatusCode::OK);
        let cookies = answer.set_cookies();
        assert!(
            cookies.len() == 1 && cookies[0].starts_with("sid=;"),
            "{cookies:?}"
        );
        for token in [one, two] {
            let answer = send(&browser, "/status", &[format!("sid={token}").as_bytes()]).await;
            assert_eq!(answer.body, "Unknown");
        }
    }
}

#[tokio::test]
async fn a_token_that_opens_nothing_ends_nothing_beside_another_one_either() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let (stale, mallorys) = (token(&browser).await, token(&browser).await);
    let ada = browser.copy();
    ada.set_cookie("sid", &stale);
    ada.get("/owner/ada").await;
    let both = format!("sid={stale}; sid={mallorys}");
    send(&browser, "/destroy", &[both.as_bytes()]).await;
    assert_eq!(ada.get("/read").await.body, "1 nobody");
    assert_eq!(ada.get("/status").await.body, "Live");
}

#[tokio::test]
async fn no_more_than_four_cookies_are_tried() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let good = token(&browser).await;
    for (before, read) in [(3, "1 nobody"), (4, "0 nobody")] {
        let cookie = format!("{}sid={good}", "sid=forged; ".repeat(before));
        let answer = send(&browser, "/read", &[cookie.as_bytes()]).await;
        assert_eq!(answer.body, read);
        // In however many headers.
        let cookies: Vec<_> = cookie.split("; ").map(str::as_bytes).collect();
        assert_eq!(send(&browser, "/read", &cookies).await.body, read);
    }
}

#[tokio::test]
async fn a_token_of_another_app_with_the_same_key_is_an_unknown_id() {
    let (ours, theirs) = (SpyStore::new(), SpyStore::new());
    let other = SessionLayer::new(theirs.clone(), key());
    let stolen = token(&with(other, Router::new())).await;
    let browser = browse(&ours, Router::new());
    browser.set_cookie("sid", &stolen);
    assert_eq!(browser.get("/count/2").await.set_cookies().len(), 1);
    assert_eq!(ours.calls(), [Call::Load, Call::Create]);
    assert_ne!(ours.last_id(), theirs.last_id(), "no client chooses its id");
}
