//! Removes the dead in the background.

use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
    time::Duration,
};

use session_core::{SessionStore, TARGET};
use tokio::task::AbortHandle;

/// So many rows go at a time, so that requests get between.
const BATCH: u32 = 500;
/// And so long is the pause.
const PAUSE: Duration = Duration::from_millis(10);

/// At most one task, which ends with it.
#[derive(Default)]
pub(crate) struct Sweeper(OnceLock<AbortHandle>);

impl Sweeper {
    /// Starts the task, unless there is one. `store` is `None` when the store is no more.
    pub(crate) fn start<S: SessionStore>(
        &self,
        every: Duration,
        store: impl Fn() -> Option<S> + Send + 'static,
    ) {
        self.0
            .get_or_init(|| tokio::spawn(run(every, store)).abort_handle());
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

async fn run<S: SessionStore>(every: Duration, store: impl Fn() -> Option<S> + Send) {
    loop {
        tokio::time::sleep(jittered(every)).await;
        loop {
            let Some(store) = store() else { return };
            let removed = match store.delete_expired(BATCH as usize).await {
                Ok(removed) => removed,
                Err(error) => {
                    tracing::warn!(
                        target: TARGET, error = &error as &dyn std::error::Error,
                        "expired sessions could not be removed: they are invisible all the same"
                    );
                    break;
                }
            };
            drop(store);
            if removed < u64::from(BATCH) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Between three and five quarters of it, so that many processes don't sweep together.
fn jittered(every: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 512;
    every / 1024 * (768 + u32::try_from(random).unwrap_or(256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_do_not_sweep_together() {
        let hour = Duration::from_hours(1);
        let times: Vec<_> = (0..50).map(|_| jittered(hour)).collect();
        assert!(times.iter().all(|time| *time >= hour * 7 / 10));
        assert!(times.iter().all(|time| *time <= hour * 5 / 4));
        assert!(times.iter().any(|time| *time != times[0]));
    }
}
