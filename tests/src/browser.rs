//! The kit's client, and what these tests ask of it beside.

use std::ops::Deref;

use axum::Router;
use session_axum::test_util::{TestClient, TestResponse};
use tokio::task::JoinHandle;

/// What came back.
pub type Answer = TestResponse;

/// Keeps the cookies that it was given. Its clones are tabs of the same browser.
#[derive(Debug, Clone)]
pub struct Browser(TestClient);

impl Browser {
    /// A browser without cookies, in front of this app.
    #[must_use]
    pub fn new(app: Router) -> Self {
        Self(TestClient::new(app))
    }

    /// The same app, with a copy of the cookies: what somebody has who stole them just now.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(self.0.copy())
    }

    /// `GET path` with one more header.
    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        self.get(path).header(name, value).await
    }

    /// Starts `GET path` in a task of its own: a slow request, or one that is cancelled.
    #[must_use]
    pub fn start(&self, path: &str) -> JoinHandle<Answer> {
        tokio::spawn(self.get(path))
    }
}

impl Deref for Browser {
    type Target = TestClient;

    fn deref(&self) -> &TestClient {
        &self.0
    }
}
