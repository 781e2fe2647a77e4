//! A browser: keeps cookies, and takes the answers in the order in which they come.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

#[derive(Clone, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

pub struct Answer {
    pub status: StatusCode,
    pub text: String,
    pub cookies: Vec<String>,
}

impl Browser {
    /// Sends a request now, with the cookies of now; the answer is not taken yet.
    pub fn send(&self, router: &Router, path: &str) -> JoinHandle<Answer> {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let mut request = Request::builder().uri(path);
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let request = request.body(Body::empty()).expect("a request");
        tokio::spawn(answer(router.clone(), request))
    }

    /// Takes an answer: its cookies replace those that are kept.
    pub async fn take(&mut self, answer: JoinHandle<Answer>) -> Answer {
        let answer = answer.await.expect("no handler panics");
        for cookie in &answer.cookies {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a pair");
            let attributes = attributes.to_ascii_lowercase();
            if value.is_empty() || attributes.contains("max-age=0") || attributes.contains("1970") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, router: &Router, path: &str) -> Answer {
        let answer = self.send(router, path);
        self.take(answer).await
    }
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let Ok(response) = router.oneshot(request).await;
    let set = response.headers().get_all(header::SET_COOKIE).iter();
    let cookies = set.filter_map(|cookie| cookie.to_str().ok().map(str::to_owned));
    let cookies = cookies.collect();
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body");
    Answer {
        status,
        text: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        cookies,
    }
}
