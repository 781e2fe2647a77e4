//! `Cookie` headers of any bytes (R17): none is an error, opens a session, or reaches the store.
#![no_main]

use std::sync::LazyLock;

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, StatusCode, header},
    routing::get,
};
use libfuzzer_sys::fuzz_target;
use session_axum::{Key, MemoryStore, Session, SessionLayer, Status};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

struct Site {
    runtime: Runtime,
    app: Router,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let look = async |session: Session| match session.status() {
        Status::New | Status::Unsealed => StatusCode::OK,
        // Nobody but the layer can seal: this would be a forgery.
        _ => StatusCode::IM_A_TEAPOT,
    };
    let layer = SessionLayer::new(MemoryStore::new(), Key::generate());
    Site {
        runtime: Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime"),
        app: Router::new().route("/", get(look)).layer(layer),
    }
});

// Several headers, between line feeds: none may contain one.
fuzz_target!(|headers: &[u8]| {
    let mut request = Request::get("/");
    for value in headers.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request = request.header(header::COOKIE, value);
        }
    }
    let request = request.body(Body::empty()).expect("a request");
    let answer = SITE
        .runtime
        .block_on(SITE.app.clone().oneshot(request))
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!answer.headers().contains_key(header::SET_COOKIE));
});
