//! [`TestResponse`]: what came back.

use std::{collections::BTreeMap, fmt};

use axum::{body::to_bytes, response::Response};
use cookie::{Cookie, time::OffsetDateTime};
use http::{HeaderMap, StatusCode, header};

/// A response, read to its end. `Debug` shows no values of cookies, and no tokens in headers.
#[derive(Clone)]
#[non_exhaustive]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as text; what is none is replaced by `U+FFFD`.
    pub body: String,
}

impl TestResponse {
    pub(super) async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await;
        let body = body.expect("the response's body ends well");
        Self {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// All `Set-Cookie` headers.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        self.values(header::SET_COOKIE.as_str()).collect()
    }

    /// The values of a header, joined by commas; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        self.values(name).collect::<Vec<_>>().join(", ")
    }

    /// Fails the test unless cookies stay as they are.
    ///
    /// # Panics
    ///
    /// If the response sets or removes a cookie, of the session or another one.
    #[track_caller]
    pub fn assert_no_set_cookie(&self) {
        let seen: Vec<_> = self.set_cookies().into_iter().map(without_value).collect();
        assert!(
            seen.is_empty(),
            "the response ({}) says `Set-Cookie`: {}",
            self.status,
            seen.join(", ")
        );
    }

    /// As a browser does, places and ages aside.
    pub(super) fn keep_cookies(&self, cookies: &mut BTreeMap<String, String>) {
        let set = self.set_cookies().into_iter();
        for cookie in set.filter_map(|text| Cookie::parse(text).ok()) {
            if is_removal(&cookie) {
                cookies.remove(cookie.name());
            } else {
                cookies.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap_or("not text"))
    }
}

/// `Max-Age` outranks `Expires` (RFC 6265, 5.3).
fn is_removal(cookie: &Cookie<'_>) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(age), _) => !age.is_positive(),
        (None, Some(end)) => end <= OffsetDateTime::now_utc(),
        (None, None) => false,
    }
}

/// A `Set-Cookie` header as people may see it: the value of a cookie can be a credential.
fn without_value(text: &str) -> String {
    let (pair, attributes) = text.split_at(text.find(';').unwrap_or(text.len()));
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    match value.len() {
        0 => format!("{name}={attributes}"),
        len => format!("{name}=({len} bytes){attributes}"),
    }
}

impl fmt::Debug for TestResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|(name, value)| {
            let text = value.to_str().unwrap_or("not text");
            let shown = match name {
                &header::SET_COOKIE => without_value(text),
                _ if value.is_sensitive() => format!("({} bytes)", value.len()),
                _ => text.to_owned(),
            };
            (name, shown)
        });
        let headers: Vec<_> = headers.collect();
        f.debug_struct("TestResponse")
            .field("status", &self.status)
            .field("headers", &headers)
            .field("body", &self.body)
            .finish()
    }
}
