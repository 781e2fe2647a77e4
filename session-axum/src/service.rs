//! Request in: a place for its session. The [response](crate::future) fills in the rest.

use std::{
    fmt,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
};

use axum::response::{IntoResponse, Response};
use http::{Extensions, Request};
use tower_service::Service;

use crate::{
    config::Config,
    future::ResponseFuture,
    slot::{Place, Slot},
};

/// The service that [`SessionLayer`](crate::SessionLayer) makes.
pub struct SessionService<S, L = ()> {
    inner: S,
    config: Arc<Config>,
    marker: PhantomData<fn() -> L>,
}

impl<S, L> SessionService<S, L> {
    pub(crate) fn new(inner: S, config: Arc<Config>) -> Self {
        Self {
            inner,
            config,
            marker: PhantomData,
        }
    }
}

impl<S, L, B> Service<Request<B>> for SessionService<S, L>
where
    S: Service<Request<B>>,
    S::Response: IntoResponse,
    L: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let place = if self.config.skips(request.headers()) {
            request.extensions_mut().insert(Slot::<L>::Skipped);
            None
        } else {
            self.place(request.extensions_mut())
        };
        ResponseFuture::new(self.inner.call(request), place)
    }
}

impl<S, L: 'static> SessionService<S, L> {
    /// The request's place; `None` where it has one: the same layer put on twice, on an app and on a router nested in it,
    /// works as once.
    fn place(&self, extensions: &mut Extensions) -> Option<Arc<Place>> {
        let outer = match extensions.get::<Slot<L>>() {
            Some(Slot::Open(outer, _)) if Arc::ptr_eq(&outer.config, &self.config) => return None,
            Some(Slot::Open(outer, _)) => Some(Arc::clone(outer)),
            Some(Slot::Skipped) | None => None,
        };
        let place = Arc::new(Place::new(Arc::clone(&self.config), outer));
        Slot::<L>::put(extensions, Arc::clone(&place));
        Some(place)
    }
}

impl<S: Clone, L> Clone for SessionService<S, L> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), Arc::clone(&self.config))
    }
}

impl<S: fmt::Debug, L> fmt::Debug for SessionService<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
