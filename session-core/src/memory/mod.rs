//! [`MemoryStore`]: sessions in this process.

mod owners;
mod shard;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::RwLock;

use crate::{
    Clock, Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError, SystemClock, TARGET,
};

use owners::Owners;
use shard::{Shard, Victim};

/// How many dead records a write that takes the shard's lock removes on its way. More than one, so that
/// the dead go faster than new ones come.
const SWEEP_PER_WRITE: usize = 4;
/// A store this small per shard would evict by chance of the shard, not by idleness.
const MIN_SESSIONS_PER_SHARD: usize = 4_096;
const MAX_SHARDS: usize = 256;

/// Sessions in the memory of this process: for one machine, as long as the process lives.
///
/// Built for production: many locks instead of one, expiry on every read, and no background task: each write
/// removes a few dead records, so that no request ever pauses for a sweep. An idle process can be swept with
/// [`delete_expired`](SessionStore::delete_expired).
///
/// It holds at most [`max_sessions`](MemoryStoreBuilder::max_sessions). When it is full, a new session takes the
/// place of an expired one; else of the longest idle one that has no owner; else of the longest idle one. So a
/// flood of anonymous sessions logs nobody out. Each eviction is counted and traced. (Idleness is as exact as the
/// touch interval. A large store is divided by id, and looks for the longest idle one in one part at a time.)
///
/// Clones are the same store.
///
/// ```
/// use session_core::MemoryStore;
///
/// let store = MemoryStore::builder().max_sessions(100_000).build();
/// # assert_eq!(store.evicted(), 0);
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Box<[RwLock<Shard>]>,
    owners: Owners,
    clock: Box<dyn Clock>,
    max_sessions: usize,
    /// Those that are in, and those that have a place and are just coming in.
    sessions: AtomicUsize,
    evicted: AtomicU64,
}

/// Options of a [`MemoryStore`].
pub struct MemoryStoreBuilder {
    max_sessions: usize,
    clock: Box<dyn Clock>,
}

impl MemoryStoreBuilder {
    /// How many sessions it holds at most. Default: one million. Zero counts as one.
    #[must_use]
    pub fn max_sessions(self, max_sessions: usize) -> Self {
        Self {
            max_sessions: max_sessions.max(1),
            ..self
        }
    }

    /// Where it gets the time from. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            ..self
        }
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let shards = (self.max_sessions / MIN_SESSIONS_PER_SHARD)
            .next_power_of_two()
            .min(MAX_SHARDS);
        MemoryStore {
            inner: Arc::new(Inner {
                shards: (0..shards).map(|_| RwLock::default()).collect(),
                owners: Owners::new(shards),
                clock: self.clock,
                max_sessions: self.max_sessions,
                sessions: AtomicUsize::new(0),
                evicted: AtomicU64::new(0),
            }),
        }
    }
}

impl MemoryStore {
    /// A store of at most one million sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store with options.
    #[must_use]
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            max_sessions: 1_000_000,
            clock: Box::new(SystemClock),
        }
    }

    /// How many live sessions had to make room since the store was made.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.inner.evicted.load(Ordering::Relaxed)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn shard_of(&self, id: SessionId) -> usize {
        // The last bits: the first half of the id is the hash inside the shard.
        usize::from(id.as_bytes()[15]) % self.shards.len()
    }

    fn shard(&self, id: SessionId) -> &RwLock<Shard> {
        &self.shards[self.shard_of(id)]
    }

    /// Takes a record out of a locked shard, and out of its owner's index.
    fn remove(&self, shard: &mut Shard, id: SessionId) -> Option<Arc<Record>> {
        let record = shard.remove(id)?;
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        if let Some(owner) = record.owner() {
            self.owners.remove(owner, id);
        }
        Some(record)
    }

    fn sweep(&self, shard: &mut Shard, at_most: usize) -> usize {
        let now = self.clock.now();
        for removed in 0..at_most {
            match shard.first_expired(now) {
                Some(id) => self.remove(shard, id),
                None => return removed,
            };
        }
        at_most
    }

    /// Lets one session go, beginning at the shard of the newcomer: expired first, then without an owner, then any.
    fn make_room(&self, newcomer: SessionId) -> bool {
        let home = self.shard_of(newcomer);
        for victim in [Victim::Expired, Victim::Ownerless, Victim::Any] {
            for at in 0..self.shards.len() {
                let mut shard = self.shards[(home + at) % self.shards.len()].write();
                let Some(id) = shard.victim(victim, self.clock.now()) else {
                    continue;
                };
                self.remove(&mut shard, id);
                drop(shard);
                if victim != Victim::Expired {
                    self.evicted.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        target: TARGET, session = %id.fingerprint(), max_sessions = self.max_sessions,
                        "a live session was evicted: the memory store is full"
                    );
                }
                return true;
            }
        }
        false
    }

    /// Takes a place for a session before it comes in, so that there are never more than the bound.
    fn reserve(&self, newcomer: SessionId) {
        let take = |count| (count < self.max_sessions).then_some(count + 1);
        while self
            .sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_err()
        {
            if !self.make_room(newcomer) {
                // Every place belongs to somebody who has it and is just coming in.
                std::thread::yield_now();
            }
        }
    }

    fn create(&self, id: SessionId, new: NewRecord) -> Created {
        // Before the bound: nobody makes room for an id that is taken.
        if self.load(id).is_some() {
            return Created::IdTaken;
        }
        self.reserve(id);
        let mut shard = self.shard(id).write();
        let now = self.clock.now();
        self.sweep(&mut shard, SWEEP_PER_WRITE);
        match shard.get(id) {
            Some(record) if !record.is_expired(now) => {
                self.sessions.fetch_sub(1, Ordering::Relaxed);
                return Created::IdTaken;
            }
            Some(_) => drop(self.remove(&mut shard, id)),
            None => {}
        }
        let record = Arc::new(Record::create(new, now));
        if let Some(owner) = record.owner() {
            self.owners.add(owner, id);
        }
        shard.insert(id, Arc::clone(&record));
        Created::Created(record)
    }

    fn commit(&self, id: SessionId, guard: Guard, patch: &Patch) -> Committed {
        let mut shard = self.shard(id).write();
        let Some(old) = shard.get(id).cloned() else {
            return Committed::Gone;
        };
        let answer = old.commit(guard, patch, self.clock.now());
        if let Committed::Applied(new) = &answer {
            if old.owner() != new.owner() {
                if let Some(owner) = old.owner() {
                    self.owners.remove(owner, id);
                }
                if let Some(owner) = new.owner() {
                    self.owners.add(owner, id);
                }
            }
            shard.replace(id, &old, Arc::clone(new));
        }
        self.sweep(&mut shard, SWEEP_PER_WRITE);
        answer
    }

    fn load(&self, id: SessionId) -> Option<Arc<Record>> {
        let shard = self.shard(id).read();
        let record = shard.get(id)?;
        let now = self.clock.now();
        if record.is_expired(now) {
            return None;
        }
        record.answered_at(now);
        Some(Arc::clone(record))
    }

    fn delete(&self, id: SessionId) -> bool {
        let mut shard = self.shard(id).write();
        let now = self.clock.now();
        self.remove(&mut shard, id)
            .is_some_and(|record| !record.is_expired(now))
    }

    fn find_by_owner(&self, owner: &str) -> Vec<(SessionId, Arc<Record>)> {
        let ids = self.owners.sessions(owner).into_iter();
        ids.filter_map(|id| Some((id, self.load(id)?)))
            .filter(|(_, record)| record.owner() == Some(owner))
            .collect()
    }

    fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> u64 {
        let mut revoked = 0;
        for id in self.owners.sessions(owner) {
            let mut shard = self.shard(id).write();
            // It may have changed hands since the index was read.
            let is_theirs = shard
                .get(id)
                .is_some_and(|record| record.owner() == Some(owner));
            if is_theirs && keep != Some(id) {
                let record = self.remove(&mut shard, id);
                let live = record.is_some_and(|record| !record.is_expired(self.clock.now()));
                revoked += u64::from(live);
            }
        }
        revoked
    }

    fn delete_expired(&self, at_most: usize) -> usize {
        let mut left = at_most;
        for shard in &self.shards {
            // A little at a time, so that requests get between.
            while left > 0 {
                let batch = left.min(64);
                let removed = self.sweep(&mut shard.write(), batch);
                left -= removed;
                if removed < batch {
                    break;
                }
            }
        }
        at_most - left
    }

    fn count(&self) -> usize {
        let now = self.clock.now();
        self.shards.iter().map(|shard| shard.read().live(now)).sum()
    }
}

impl SessionStore for MemoryStore {
    const ANSWERS_AT_ONCE: bool = true;

    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.inner.load(id))
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        Ok(self.inner.create(id, new))
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        Ok(self.inner.commit(id, guard, patch))
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        Ok(self.inner.delete(id))
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        Ok(self.inner.find_by_owner(owner))
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        Ok(self.inner.revoke_owner(owner, keep))
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        Ok(self.inner.delete_expired(at_most) as u64)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.inner.count() as u64)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("sessions", &self.inner.sessions.load(Ordering::Relaxed))
            .field("max_sessions", &self.inner.max_sessions)
            .field("evicted", &self.evicted())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("max_sessions", &self.max_sessions)
            .finish_non_exhaustive()
    }
}
