//! Sealed texts of any contents (DESIGN 6): what was sealed with our key, but by another app or another version, is a
//! token only if it is one, character by character.
#![no_main]

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    routing::get,
};
use axum_extra::extract::cookie::{Cookie, PrivateCookieJar};
use libfuzzer_sys::fuzz_target;
use session_axum::{Key, MemoryStore, Session, SessionLayer, Status};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

struct Site {
    runtime: Runtime,
    key: Key,
    app: Router,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let look = async |session: Session| match session.status() {
        // It opened, and no such session is there.
        Status::Unknown => StatusCode::NOT_FOUND,
        Status::Unsealed => StatusCode::OK,
        _ => StatusCode::IM_A_TEAPOT,
    };
    let key = Key::generate();
    let layer = SessionLayer::new(MemoryStore::new(), key.clone());
    Site {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
        key,
        app: Router::new().route("/", get(look)).layer(layer),
    }
});

/// The rule again, written in another way.
fn is_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 34
        && bytes[0] == b'1'
        && bytes[1..33]
            .iter()
            .all(|byte| b"0123456789abcdef".contains(byte))
        && text.get(33..).is_some_and(|generation| {
            let number: Option<u32> = generation.parse().ok();
            number.is_some_and(|number| number.to_string() == generation)
        })
}

fuzz_target!(|text: &str| {
    let jar = PrivateCookieJar::from_headers(&HeaderMap::new(), SITE.key.clone().into());
    let jar = jar.add(Cookie::new("sid", text.to_owned()));
    // The jar seals it when it becomes a header.
    let response = axum::response::IntoResponse::into_response(jar);
    let sealed = response.headers()[header::SET_COOKIE]
        .to_str()
        .expect("text");
    let pair = sealed.split(';').next().expect("a pair");
    // That jar writes its base64 as in a URL; ours does not.
    let pair = pair
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    // A longer one is none of ours, whatever it says.
    let is_short = pair.len() <= "sid=".len() + 512;
    let request = Request::get("/")
        .header(header::COOKIE, pair)
        .body(Body::empty());
    let request = request.expect("a request");
    let answer = SITE
        .runtime
        .block_on(SITE.app.clone().oneshot(request))
        .expect("an answer");
    let expected = if is_token(text) && is_short {
        StatusCode::NOT_FOUND
    } else {
        StatusCode::OK
    };
    assert_eq!(answer.status(), expected);
    assert!(!answer.headers().contains_key(header::SET_COOKIE));
});
