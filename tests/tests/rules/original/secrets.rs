//! What was wrong with cookies, keys and logs, and is right here.

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::IntoResponse,
};
use axum_extra::extract::cookie::{Cookie, PrivateCookieJar};
use session_axum::{Key, MemoryStore, SameSite, SessionLayer};
use session_tests::{Call, Log, SpyStore};

use crate::common::{browse, key, layer, with};

/// F17
#[tokio::test]
async fn logs_have_fingerprints_and_no_ids() {
    let (log, store) = (Log::start(), SpyStore::new());
    let browser = browse(&store, Router::new());
    for path in [
        "/count/1",
        "/read",
        "/rotate",
        "/increment",
        "/owner/ada",
        "/destroy",
    ] {
        browser.get(path).await;
    }
    let (id, lines) = (store.last_id(), log.lines());
    assert!(lines.contains(&id.fingerprint().to_string()), "{lines}");
    let number = u128::from_be_bytes(*id.as_bytes());
    let hex = format!("{number:032x}");
    assert!(!lines.to_lowercase().contains(&hex), "{lines}");
    assert!(!lines.contains(&number.to_string()), "{lines}");
}

/// F18
#[tokio::test]
async fn a_genuine_seal_around_anything_else_is_no_cookie() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    for text in [
        "",
        "[]",
        "{\"sid\":1}",
        "null",
        "1",
        &"1".repeat(34),
        "\u{1f980}",
    ] {
        let jar = PrivateCookieJar::new(key().into()).add(Cookie::new("sid", text.to_owned()));
        let response = jar.into_response();
        let pair = response.headers()[header::SET_COOKIE]
            .to_str()
            .expect("ascii");
        let sealed = pair.trim_start_matches("sid=").split(';').next();
        // A jar escapes what base64 has besides letters and digits; we need no escapes.
        let sealed = sealed.expect("a value").replace("%2B", "+");
        let sealed = sealed.replace("%2F", "/").replace("%3D", "=");
        browser.set_cookie("sid", &sealed);
        assert_eq!(browser.get("/status").await.body, status(text), "{text}");
    }
    // An id of 32 ones is well formed, and unknown: genuine, so the store was asked.
    assert_eq!(store.calls(), [Call::Load]);

    // And nobody reads the id off the cookie.
    browser.get("/increment").await;
    let cookie = browser.cookie("sid").expect("a session");
    let jar = HeaderMap::from_iter([(
        header::COOKIE,
        HeaderValue::try_from(format!("sid={cookie}")).expect("ascii"),
    )]);
    let foreign = PrivateCookieJar::from_headers(&jar, Key::generate().into());
    assert!(foreign.get("sid").is_none());
}

fn status(sealed: &str) -> &'static str {
    if sealed.len() == 34 {
        "Unknown"
    } else {
        "Unsealed"
    }
}

/// F19
#[tokio::test]
async fn a_key_is_changed_without_losing_a_session() {
    let (store, new) = (SpyStore::new(), Key::generate());
    let old = browse(&store, Router::new());
    old.get("/count/5").await;
    let both = with(
        SessionLayer::new(store.clone(), new.clone()).fallback_keys([key()]),
        Router::new(),
    );
    both.set_cookie("sid", &old.cookie("sid").expect("a session"));
    assert_eq!(both.get("/read").await.body, "5 nobody");
    let alone = with(SessionLayer::new(store, new), Router::new());
    alone.set_cookie("sid", &both.cookie("sid").expect("sealed anew"));
    assert_eq!(alone.get("/read").await.body, "5 nobody");
}

/// F20
#[tokio::test]
async fn the_cookie_s_other_attributes_have_safe_defaults_and_are_checked() {
    let new = || layer(&MemoryStore::new());
    let cookie = async |layer| {
        let answer = with(layer, Router::new()).get("/increment").await;
        answer.set_cookies()[0].to_owned()
    };
    let default = cookie(new()).await;
    assert!(default.contains("; SameSite=Lax") && !default.contains("Domain"));
    let host = new().cookie_name("__Host-sid").same_site(SameSite::Strict);
    assert!(
        cookie(host.partitioned(true))
            .await
            .contains("; Partitioned")
    );
    assert!(
        new()
            .cookie_name("__Host-sid")
            .domain("a.example")
            .check()
            .is_err()
    );
    assert!(
        new()
            .same_site(SameSite::None)
            .secure(false)
            .check()
            .is_err()
    );
}

/// F29
#[tokio::test]
async fn a_new_cookie_name_simply_invalidates() {
    let store = SpyStore::new();
    let old = browse(&store, Router::new());
    old.get("/count/5").await;
    let renamed = with(layer(&store).cookie_name("session"), Router::new());
    for name in ["sid", "session"] {
        renamed.set_cookie(name, &old.cookie("sid").expect("a session"));
        assert_eq!(renamed.get("/read").await.body, "0 nobody");
    }
}
