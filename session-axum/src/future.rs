//! Response out: the one commit before the head leaves, then the headers (R9, R10).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use session_core::{BoxFuture, Finished};

use crate::{SessionError, config::Config, slot::Place, transport::Heard};

pin_project! {
    /// The response of a [`SessionService`](crate::service::SessionService).
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        place: Option<Arc<Place>>,
        commit: Option<Commit>,
    }
}

/// A response that waits for its commit.
struct Commit {
    response: Response,
    config: Arc<Config>,
    heard: Heard,
    finished: BoxFuture<Finished>,
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
        let commit = match this.commit {
            Some(commit) => commit,
            none => {
                let response = ready!(this.inner.poll(cx))?.into_response();
                let place = this.place.as_deref();
                let Some((place, opened)) = place.and_then(|place| Some((place, place.opened()?)))
                else {
                    // The handler took no session: its response is none of our business (R2).
                    return Poll::Ready(Ok(response));
                };
                let failed = response.status().is_server_error();
                let finished = match &opened.session {
                    Ok(session) => Finished::at_once(session, failed).ok_or(session),
                    Err(_) => Ok(Finished::nothing()),
                };
                match finished {
                    Ok(finished) => {
                        let response = answer(response, &place.config, opened.heard, finished);
                        return Poll::Ready(Ok(response));
                    }
                    Err(session) => {
                        let session = session.clone();
                        none.insert(Commit {
                            response,
                            config: Arc::clone(&place.config),
                            heard: opened.heard,
                            finished: Box::pin(async move { Finished::of(&session, failed).await }),
                        })
                    }
                }
            }
        };
        let finished = ready!(commit.finished.as_mut().poll(cx));
        let response = std::mem::take(&mut commit.response);
        Poll::Ready(Ok(answer(response, &commit.config, commit.heard, finished)))
    }
}

/// The handler's response, or an error in its place, with what the client must be told.
fn answer(mut response: Response, config: &Config, heard: Heard, finished: Finished) -> Response {
    if let Some(error) = finished.error {
        response = SessionError::from(error).into_response();
    }
    config.tell(response.headers_mut(), heard, finished.cookie);
    response
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
