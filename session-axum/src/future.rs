//! Response out: the one commit before the head leaves, then the headers (R9, R10).

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use pin_project_lite::pin_project;
use session_core::{BoxFuture, CookieChange, Finished, TARGET};

use crate::{SessionError, caching, config::Config, cookie, slot::Place};

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
        if this.commit.is_none() {
            let mut response = ready!(this.inner.poll(cx))?.into_response();
            match this.place.as_deref().and_then(Place::used) {
                // The handler took no session: its response is none of our business (R2).
                None => return Poll::Ready(Ok(response)),
                Some(Err(_)) => {
                    caching::mark(response.headers_mut(), false);
                    return Poll::Ready(Ok(response));
                }
                Some(Ok(session)) => {
                    let (session, failed) = (session.clone(), response.status().is_server_error());
                    *this.commit = Some(Commit {
                        response,
                        finished: Box::pin(async move { Finished::of(&session, failed).await }),
                    });
                }
            }
        }
        let Some((commit, place)) = this.commit.as_mut().zip(this.place.as_deref()) else {
            return Poll::Pending;
        };
        let finished = ready!(commit.finished.as_mut().poll(cx));
        let mut response = std::mem::take(&mut commit.response);
        if let Some(error) = finished.error {
            response = SessionError::from(error).into_response();
        }
        tell_client(response.headers_mut(), &place.config, finished.cookie);
        Poll::Ready(Ok(response))
    }
}

/// The cookie, and what caches must know.
fn tell_client(headers: &mut HeaderMap, config: &Config, change: CookieChange) {
    let name = &config.sealer.name;
    let header = match change {
        CookieChange::Keep => None,
        CookieChange::Set { token, max_age } => {
            config
                .template
                .set(name, &config.sealer.seal(token), max_age)
        }
        CookieChange::Remove => config.template.remove(name),
    };
    caching::mark(headers, header.is_some());
    if let Some(header) = header {
        tracing::trace!(target: TARGET, ?change, "cookie sent");
        cookie::set_only(headers, name, header);
    }
}

impl<F> std::fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
