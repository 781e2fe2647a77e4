//! Requests as a connection sends them, but without the connection.

use axum::{
    Router,
    body::Body,
    http::{self, HeaderValue, StatusCode, Uri, header},
    response::Response,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// A request that is sent many times: parsed once, as it costs the same for everybody.
#[derive(Clone)]
pub struct Request {
    uri: Uri,
    cookie: Option<HeaderValue>,
}

impl Request {
    #[must_use]
    pub fn new(path: &'static str) -> Self {
        Self {
            uri: Uri::from_static(path),
            cookie: None,
        }
    }

    /// # Panics
    /// If that is no header value.
    #[must_use]
    pub fn cookie(self, cookie: &str) -> Self {
        Self {
            cookie: Some(HeaderValue::from_str(cookie).expect("a cookie")),
            ..self
        }
    }

    fn build(&self) -> http::Request<Body> {
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = self.uri.clone();
        if let Some(cookie) = &self.cookie {
            request.headers_mut().insert(header::COOKIE, cookie.clone());
        }
        request
    }
}

/// A clone of the router for each request, as `axum::serve` makes one.
async fn call(router: &Router, request: &Request) -> Response {
    let Ok(response) = router.clone().oneshot(request.build()).await;
    assert_eq!(response.status(), StatusCode::OK, "to {}", request.uri);
    response
}

/// Sends a request and drops what it answers, frame by frame.
///
/// # Panics
/// If it is refused.
pub async fn send(router: &Router, request: &Request) {
    let mut body = call(router, request).await.into_body();
    while let Some(frame) = body.frame().await {
        drop(frame);
    }
}

/// What came back.
pub struct Answer {
    pub text: String,
    /// `name=value` of each cookie that was set.
    pub cookies: Vec<String>,
}

impl Answer {
    /// The number it answered.
    ///
    /// # Panics
    /// If that is none.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.text.parse().expect("a count")
    }
}

/// Sends a request and reads the answer.
///
/// # Panics
/// If it is refused, or is no text.
pub async fn answer(router: &Router, request: &Request) -> Answer {
    let response = call(router, request).await;
    let set = response.headers().get_all(header::SET_COOKIE).iter();
    let cookies = set
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .map(str::to_owned)
        .collect();
    let body = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(body.to_bytes().into()).expect("a text");
    Answer { text, cookies }
}

/// Starts a session by a request to this path, and gives its cookies as they are sent back.
///
/// # Panics
/// If no session was started.
pub async fn new_session(router: &Router, path: &'static str) -> String {
    let cookies = answer(router, &Request::new(path)).await.cookies;
    assert!(!cookies.is_empty(), "no session was started");
    cookies.join("; ")
}
