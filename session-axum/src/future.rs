//! Response out: the one commit before the head leaves, then the headers (R9, R10).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use pin_project_lite::pin_project;
use session_core::{BoxFuture, CookieChange, Finished};

use crate::{
    SessionError,
    config::Config,
    slot::Place,
    transport::{self, Heard},
};

pin_project! {
    /// The response of a [`SessionService`](crate::service::SessionService).
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        place: Option<Arc<Place>>,
        // The response, while it waits for its commit.
        commit: Option<BoxFuture<Response>>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            // Nobody waits for the response any more.
            if let Some(place) = this.project().place.take() {
                place.close();
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, place: Option<Arc<Place>>) -> Self {
        Self {
            inner,
            place,
            commit: None,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(commit) = this.commit {
            return commit.as_mut().poll(cx).map(Ok);
        }
        let mut response = ready!(this.inner.poll(cx))?.into_response();
        let Some(place) = this.place.as_ref() else {
            return Poll::Ready(Ok(response));
        };
        let Some(opened) = place.opened_or_closed() else {
            // The handler took no session: its response is none of our business (R2).
            *this.place = None;
            return Poll::Ready(Ok(response));
        };
        let (heard, failed) = (opened.heard, is_failure(response.status()));
        let Ok(session) = opened.session else {
            place.config.tell(&mut response, heard, CookieChange::Keep);
            return Poll::Ready(Ok(response));
        };
        if let Some(finished) = Finished::at_once(&session, failed) {
            finish(&mut response, &place.config, heard, finished);
            *this.place = None;
            return Poll::Ready(Ok(response));
        }
        let config = Arc::clone(&place.config);
        let commit = this.commit.insert(Box::pin(async move {
            let finished = Finished::of(&session, failed).await;
            finish(&mut response, &config, heard, finished);
            response
        }));
        commit.as_mut().poll(cx).map(Ok)
    }
}

/// A handler that a time limit inside our layer cut off has not ended: what it wished so far is half of it (R9).
fn is_failure(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// Puts in what the client must be told; after a failure an error takes the place of the handler's response.
fn finish(response: &mut Response, config: &Config, heard: Heard, finished: Finished) {
    if let Some(error) = finished.error {
        transport::replace(response, SessionError::from(error).into_response());
    }
    config.tell(response, heard, finished.cookie);
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
