//! A browser over a `Router`: it keeps cookies, and sends what it is told to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header, request::Builder},
};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// Keeps the cookies that it was given. Its clones are tabs of the same browser.
#[derive(Debug, Clone)]
pub struct Browser {
    app: Router,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// All `Set-Cookie` headers.
    #[must_use]
    pub fn set_cookies(&self) -> Vec<&str> {
        let headers = self.headers.get_all(header::SET_COOKIE).iter();
        headers
            .map(|header| header.to_str().unwrap_or("not text"))
            .collect()
    }

    /// A header's values, joined with commas.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        let values: Vec<_> = values
            .map(|value| value.to_str().unwrap_or("not text"))
            .collect();
        values.join(", ")
    }

    /// Fails unless the response says nothing of cookies.
    pub fn assert_no_set_cookie(&self) {
        assert_eq!(self.set_cookies(), Vec::<&str>::new());
    }
}

impl Browser {
    /// A browser without cookies, in front of this app.
    #[must_use]
    pub fn new(app: Router) -> Self {
        Self {
            app,
            cookies: Arc::default(),
        }
    }

    /// The same app, with a copy of the cookies: what somebody has who stole them just now.
    #[must_use]
    pub fn copy(&self) -> Self {
        let cookies = self.jar().clone();
        Self {
            app: self.app.clone(),
            cookies: Arc::new(Mutex::new(cookies)),
        }
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().get(name).cloned()
    }

    /// Puts a cookie in, as an attacker or another app may.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut cookies = self.jar();
        cookies.insert(name.to_owned(), value.to_owned());
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).await
    }

    /// `POST path`, without a body.
    pub async fn post(&self, path: &str) -> Answer {
        self.request(Method::POST, path).await
    }

    /// `GET path` with one more header.
    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        let request = self.prepare(Method::GET, path).header(name, value);
        self.send(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// Starts `GET path` in a task of its own: a slow request, or one that is cancelled.
    #[must_use]
    pub fn start(&self, path: &str) -> JoinHandle<Answer> {
        let (browser, path) = (self.clone(), path.to_owned());
        tokio::spawn(async move { browser.get(&path).await })
    }

    /// Any request; with this browser's cookies in one header.
    pub async fn request(&self, method: Method, path: &str) -> Answer {
        let request = self.prepare(method, path);
        self.send(request.body(Body::empty()).expect("a request"))
            .await
    }

    fn prepare(&self, method: Method, path: &str) -> Builder {
        let mut request = Request::builder().method(method).uri(path);
        let cookies = self.jar().clone();
        if !cookies.is_empty() {
            let pairs: Vec<_> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        request
    }

    /// Sends this request as it is, and keeps the cookies of the response.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self
            .app
            .clone()
            .oneshot(request)
            .await
            .expect("axum never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        };
        self.keep_cookies(&answer);
        answer
    }

    fn jar(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.cookies.lock().expect("not poisoned")
    }

    fn keep_cookies(&self, answer: &Answer) {
        let mut cookies = self.jar();
        for header in answer.set_cookies() {
            let pair = header.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if header.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
