//! A store that is slow, fails, and loses answers, by a seed; and its time.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use session_axum::{
    Clock, Committed, Created, Guard, MemoryStore, NewRecord, Patch, Record, SessionId,
    SessionStore, StoreError, Timestamp,
};
use tokio::time::{Instant, sleep};

/// Beyond the layer's timeout of a store call.
const HANG: Duration = Duration::from_secs(6);
/// By then, whatever a call in trouble may still do is done.
pub(crate) const SETTLED: Duration = Duration::from_secs(20);

/// The time of a paused runtime.
#[derive(Debug)]
pub(crate) struct VirtualClock(Instant);

impl VirtualClock {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        // Some day in 2001.
        Timestamp::from_micros(1_000_000_000_000_000).after(self.0.elapsed())
    }
}

/// Which calls are in trouble, is a matter of its seed.
#[derive(Debug, Clone)]
pub(crate) struct Unreliable {
    inner: MemoryStore,
    dice: Arc<Mutex<SmallRng>>,
    troubled: Arc<Mutex<HashSet<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Fail,
    LoseAnswer,
    HangBefore,
    HangAfter,
}

/// Marks a session unless its call was answered well.
struct Watch<'a> {
    store: &'a Unreliable,
    id: Option<SessionId>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let mut troubled = self.store.troubled.lock().expect("not poisoned");
            troubled.insert(id.fingerprint().to_string());
        }
    }
}

impl Unreliable {
    pub(crate) fn new(inner: MemoryStore, seed: u64) -> Self {
        Self {
            inner,
            dice: Arc::new(Mutex::new(SmallRng::seed_from_u64(seed))),
            troubled: Arc::default(),
        }
    }

    /// Whether a call for this session failed, or was given up, since the last time that somebody asked.
    pub(crate) fn took_trouble(&self, session: &str) -> bool {
        self.troubled.lock().expect("not poisoned").remove(session)
    }

    fn roll(&self) -> (Fault, [Duration; 2]) {
        let mut dice = self.dice.lock().expect("not poisoned");
        let fault = match dice.gen_range(0..1_000) {
            0..10 => Fault::Fail,
            10..20 => Fault::LoseAnswer,
            20..23 => Fault::HangBefore,
            23..26 => Fault::HangAfter,
            _ => Fault::None,
        };
        let mut pause = || match dice.gen_range(0..4) {
            0 => Duration::ZERO,
            _ => Duration::from_millis(dice.gen_range(1..9)),
        };
        (fault, [pause(), pause()])
    }

    /// `id`: of a session that its browser knows.
    async fn play<T>(
        &self,
        id: Option<SessionId>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut watch = Watch { store: self, id };
        let (fault, [before, after]) = self.roll();
        let broken = || StoreError::unavailable(std::io::Error::other("no route"));
        sleep(before).await;
        match fault {
            Fault::Fail => return Err(broken()),
            Fault::HangBefore => sleep(HANG).await,
            _ => {}
        }
        let answer = work.await;
        sleep(after).await;
        match fault {
            Fault::LoseAnswer => return Err(broken()),
            Fault::HangAfter => sleep(HANG).await,
            _ => {}
        }
        if fault == Fault::None {
            watch.id = None;
        }
        answer
    }
}

impl SessionStore for Unreliable {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        self.play(Some(id), self.inner.load(id)).await
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        self.play(None, self.inner.create(id, new)).await
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        self.play(Some(id), self.inner.commit(id, guard, patch))
            .await
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        self.play(Some(id), self.inner.delete(id)).await
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        self.play(None, self.inner.find_by_owner(owner)).await
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        self.play(None, self.inner.revoke_owner(owner, keep)).await
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        self.inner.delete_expired(at_most).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.inner.count().await
    }
}
