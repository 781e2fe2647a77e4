//! Removes the dead in the background.

use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
    time::Duration,
};

use session_core::{SessionStore, StoreError, TARGET};
use tokio::{task::AbortHandle, time::timeout};

/// So long they may take, or the connection is silent, and would be for ever.
const LIMIT: Duration = Duration::from_mins(1);
/// And so long is the pause.
const PAUSE: Duration = Duration::from_millis(10);

/// At most one task, which ends with it.
#[derive(Default)]
pub(crate) struct Sweeper(OnceLock<AbortHandle>);

impl Sweeper {
    /// Starts the task, unless there is one. `store` is `None` when the store is no more; `batch` rows go at a time.
    pub(crate) fn start<S: SessionStore>(
        &self,
        every: Duration,
        batch: u32,
        store: impl Fn() -> Option<S> + Send + 'static,
    ) {
        self.0
            .get_or_init(|| tokio::spawn(run(every, batch, store)).abort_handle());
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(task) = self.0.get() {
            task.abort();
        }
    }
}

async fn run<S: SessionStore>(every: Duration, batch: u32, store: impl Fn() -> Option<S> + Send) {
    loop {
        tokio::time::sleep(jittered(every)).await;
        loop {
            let Some(store) = store() else { return };
            let answer = timeout(LIMIT, store.delete_expired(batch as usize)).await;
            let removed = match answer.unwrap_or_else(|late| Err(StoreError::unavailable(late))) {
                Ok(removed) => removed,
                Err(error) => {
                    tracing::warn!(
                        name: "session.sweep_failed", target: TARGET, error = &error as &dyn std::error::Error,
                        "expired sessions could not be removed: they are invisible all the same"
                    );
                    break;
                }
            };
            drop(store);
            if removed < u64::from(batch) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Between three and five quarters of it, so that many processes don't sweep together.
fn jittered(every: Duration) -> Duration {
    let random = RandomState::new().hash_one(()) % 512;
    (every / 1024).saturating_mul(768 + u32::try_from(random).unwrap_or(256))
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
    };

    use session_core::{Committed, Created, Guard, NewRecord, Patch, Record, SessionId};

    use super::*;

    #[test]
    fn processes_do_not_sweep_together() {
        let hour = Duration::from_hours(1);
        let times: Vec<_> = (0..50).map(|_| jittered(hour)).collect();
        assert!(times.iter().all(|time| *time >= hour * 7 / 10));
        assert!(times.iter().all(|time| *time <= hour * 5 / 4));
        assert!(times.iter().any(|time| *time != times[0]));
    }

    #[test]
    fn a_sweep_that_never_comes_is_no_panic() {
        for _ in 0..50 {
            assert!(jittered(Duration::MAX) > Duration::MAX / 2);
        }
    }

    /// Never answers, and counts the sweeps.
    #[derive(Clone, Default)]
    struct Silent(Arc<AtomicU32>);

    impl SessionStore for Silent {
        async fn load(&self, _: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
            pending().await
        }

        async fn create(&self, _: SessionId, _: NewRecord) -> Result<Created, StoreError> {
            pending().await
        }

        async fn commit(&self, _: SessionId, _: Guard, _: &Patch) -> Result<Committed, StoreError> {
            pending().await
        }

        async fn delete(&self, _: SessionId) -> Result<bool, StoreError> {
            pending().await
        }

        async fn find_by_owner(
            &self,
            _: &str,
        ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
            pending().await
        }

        async fn revoke_owner(&self, _: &str, _: Option<SessionId>) -> Result<u64, StoreError> {
            pending().await
        }

        async fn delete_expired(&self, _: usize) -> Result<u64, StoreError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            pending().await
        }

        async fn count(&self) -> Result<u64, StoreError> {
            pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_went_silent_does_not_end_the_sweeping() {
        let (store, sweeper) = (Silent::default(), Sweeper::default());
        let swept = store.clone();
        sweeper.start(Duration::from_mins(1), 1, move || Some(swept.clone()));
        tokio::time::sleep(Duration::from_mins(30)).await;
        assert!(store.0.load(Ordering::Relaxed) > 5);
    }

    #[tokio::test(start_paused = true)]
    async fn sweeping_starts_once_however_often_it_is_asked_for() {
        let (store, sweeper) = (Silent::default(), Sweeper::default());
        for _ in 0..3 {
            let swept = store.clone();
            sweeper.start(Duration::from_mins(1), 1, move || Some(swept.clone()));
        }
        // The first sweep is still waiting.
        tokio::time::sleep(LIMIT + Duration::from_secs(40)).await;
        assert_eq!(store.0.load(Ordering::Relaxed), 1);
    }
}
