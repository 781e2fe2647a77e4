//! Timers and tasks for sessions: tokio's, as axum's are.

use std::time::Duration;

use session_core::{BoxFuture, Runtime};

pub(crate) struct Tokio;

impl Runtime for Tokio {
    fn sleep(&self, span: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(span))
    }

    fn spawn(&self, task: BoxFuture<()>) {
        tokio::spawn(task);
    }
}
