//! What sessions need of an async runtime; the layer brings it, so that this crate needs none.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::StoreError;

/// A boxed future, as a [`Runtime`] makes and takes it.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Timers and tasks.
pub trait Runtime: Send + Sync + 'static {
    /// Completes after this time.
    fn sleep(&self, span: Duration) -> BoxFuture<()>;
    /// Runs the task to its end, whoever waits for it or not.
    fn spawn(&self, task: BoxFuture<()>);
}

/// `work`, unless `limit` completes first.
pub(crate) async fn within<F: Future + Unpin>(
    mut work: F,
    limit: &mut BoxFuture<()>,
) -> Option<F::Output> {
    poll_fn(|cx| {
        if let Poll::Ready(done) = Pin::new(&mut work).poll(cx) {
            return Poll::Ready(Some(done));
        }
        limit.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// `work` in a task of its own, which goes to its end although nobody waits for it any more. An error where the task was
/// ended before: the runtime shuts down, or the work panicked.
pub(crate) async fn in_task<T: Send + 'static>(
    runtime: &dyn Runtime,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    let (tell, told) = oneshot::channel();
    let task = async move {
        // Nobody listens any more when the caller has gone.
        let _ = tell.send(work.await);
    };
    runtime.spawn(Box::pin(task.in_current_span()));
    told.await.map_err(StoreError::unavailable)
}

/// What comes of `work` at its first poll; `None` where it would wait.
pub(crate) fn at_once<F: Future>(work: F) -> Option<F::Output> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}
