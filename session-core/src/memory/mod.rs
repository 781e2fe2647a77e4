//! [`MemoryStore`]: sessions in this process.

mod expiry;
mod list;
#[cfg(test)]
mod model;
mod owners;
mod shard;
mod slab;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::{RwLock, RwLockWriteGuard};

use crate::{
    Clock, Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError, SystemClock, Timestamp, observe,
};

use owners::Owners;
use shard::{Shard, Victim};

/// How many dead records a write removes on its way: of the shard whose lock it has, and at each fourth write of
/// another one, for that costs another lock. More than one for each write, so that the dead go faster than new ones come.
const SWEEP_HERE: usize = 2;
const SWEEP_BESIDE: usize = 8;
const SWEEP_BESIDE_EVERY: usize = 4;
/// How many dead records are removed under one lock where nobody's request is in a hurry.
const SWEEP_AT_ONCE: usize = 64;
/// A full store looks for expired ones in shards other than the newcomer's no sooner than this after it looked
/// in vain. So a flood of newcomers does not take the locks of all shards for each.
const LOOK_FOR_EXPIRED: Duration = Duration::from_secs(1);
/// A store this small per shard would evict by chance of the shard, not by idleness.
const MIN_SESSIONS_PER_SHARD: usize = 4_096;
/// As many keep each so small that nobody waits for long while it grows, with several million sessions, too.
const MAX_SHARDS: usize = 512;

/// Sessions in the memory of this process: for one machine, as long as the process lives.
///
/// Built for production: many locks instead of one, expiry on every read, and no background task: each write
/// removes a few dead records, so that no request ever pauses for a sweep. An idle process can be swept with
/// [`delete_expired`](SessionStore::delete_expired).
///
/// It holds at most [`max_sessions`](MemoryStoreBuilder::max_sessions). When it is full, a new session takes the
/// place of an expired one; else of the longest idle one that has no owner; else of the longest idle one. So a
/// flood of anonymous sessions logs nobody out. Each eviction is counted and traced. (Idleness is as exact as the
/// touch interval. A large store is divided by id: it looks for the longest idle one in one part at a time, and
/// while it finds none that is expired, once a second for those of other parts.)
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
    /// Those that are in, and those that are just coming in, under the lock of their shard.
    sessions: AtomicUsize,
    evicted: AtomicU64,
    /// Removed by sweeps and not told yet: subscribers are foreign code, and see no lock.
    swept: AtomicU64,
    /// When a full store looked for an expired one in all shards, in vain; in microseconds.
    none_expired_at: AtomicU64,
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
                shards: (0..shards)
                    .map(|at| RwLock::new(Shard::new(at * SWEEP_BESIDE_EVERY)))
                    .collect(),
                owners: Owners::new(shards),
                clock: self.clock,
                max_sessions: self.max_sessions,
                sessions: AtomicUsize::new(0),
                evicted: AtomicU64::new(0),
                swept: AtomicU64::new(0),
                none_expired_at: AtomicU64::new(0),
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
        let [.., high, low] = *id.as_bytes();
        usize::from(u16::from_be_bytes([high, low])) % self.shards.len()
    }

    fn shard(&self, id: SessionId) -> &RwLock<Shard> {
        &self.shards[self.shard_of(id)]
    }

    /// Takes a record out of a locked shard, and out of its owner's index.
    fn remove(&self, shard: &mut Shard, at: u32) -> Arc<Record> {
        let (id, record) = shard.remove(at);
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        if let Some(owner) = record.owner() {
            self.owners.remove(owner, id);
        }
        record
    }

    fn sweep(&self, shard: &mut Shard, now: Timestamp, at_most: usize) -> usize {
        let mut removed = 0;
        while removed < at_most
            && let Some(at) = shard.first_expired(now)
        {
            self.remove(shard, at);
            removed += 1;
        }
        if removed > 0 {
            self.swept.fetch_add(removed as u64, Ordering::Relaxed);
        }
        removed
    }

    /// Tells of the sweeps, where no lock is held.
    fn tell(&self) {
        if self.swept.load(Ordering::Relaxed) > 0 {
            observe::expired(self.swept.swap(0, Ordering::Relaxed));
        }
    }

    /// What some writes do on their way for the dead of another shard than their own, each time the next one, so that
    /// none waits for a write of its own. Nobody waits for that one's lock.
    fn sweep_beside(&self, mut shard: RwLockWriteGuard<'_, Shard>, now: Timestamp) {
        shard.writes = shard.writes.wrapping_add(1);
        if !shard.writes.is_multiple_of(SWEEP_BESIDE_EVERY) {
            return;
        }
        let beside = &self.shards[shard.writes / SWEEP_BESIDE_EVERY % self.shards.len()];
        drop(shard);
        if let Some(mut beside) = beside.try_write() {
            self.sweep(&mut beside, now, SWEEP_BESIDE);
        }
    }

    /// Lets one session go, beginning at the shard of the newcomer: expired first, then without an owner, then any.
    fn make_room(&self, newcomer: SessionId) {
        const VICTIMS: [Victim; 3] = [Victim::Expired, Victim::Ownerless, Victim::Owned];
        let home = self.shard_of(newcomer);
        let now = self.clock.now();
        let none_expired_at = Timestamp::from_micros(self.none_expired_at.load(Ordering::Relaxed));
        let just_looked = now.since(none_expired_at) < LOOK_FOR_EXPIRED;
        for victim in VICTIMS.into_iter().skip(usize::from(just_looked)) {
            for at in 0..self.shards.len() {
                let mut shard = self.shards[(home + at) % self.shards.len()].write();
                let Some(at) = shard.victim(victim, now) else {
                    continue;
                };
                let id = shard.id(at);
                self.remove(&mut shard, at);
                drop(shard);
                if victim == Victim::Expired {
                    self.swept.fetch_add(1, Ordering::Relaxed);
                } else {
                    let before = self.evicted.fetch_add(1, Ordering::Relaxed);
                    observe::evicted(id, before + 1, self.max_sessions);
                }
                return;
            }
            if victim == Victim::Expired {
                self.none_expired_at
                    .store(now.as_micros(), Ordering::Relaxed);
            }
        }
    }

    /// Takes a place for a session before it comes in, so that there are never more than the bound.
    fn reserve(&self) -> bool {
        let take = |count| (count < self.max_sessions).then_some(count + 1);
        self.sessions
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    fn create(&self, id: SessionId, new: NewRecord) -> Created {
        let (mut shard, now) = loop {
            let mut shard = self.shard(id).write();
            let now = self.clock.now();
            self.sweep(&mut shard, now, SWEEP_HERE);
            // Before the bound: nobody makes room for an id that is taken.
            if let Some(at) = shard.find(id) {
                if !shard.record(at).is_expired(now) {
                    return Created::IdTaken;
                }
                self.remove(&mut shard, at);
            }
            if self.reserve() {
                break (shard, now);
            }
            drop(shard);
            self.make_room(id);
        };
        let record = Arc::new(Record::create(new, now));
        if let Some(owner) = record.owner() {
            self.owners.add(owner, id);
        }
        shard.insert(id, Arc::clone(&record));
        self.sweep_beside(shard, now);
        Created::Created(record)
    }

    fn commit(&self, id: SessionId, guard: Guard, patch: &Patch) -> Committed {
        let mut shard = self.shard(id).write();
        let Some(at) = shard.find(id) else {
            return Committed::Gone;
        };
        let now = self.clock.now();
        let answer = shard.record(at).commit(guard, patch, now);
        if let Committed::Applied(new) = &answer {
            let old = shard.replace(at, Arc::clone(new));
            if old.owner() != new.owner() {
                if let Some(owner) = old.owner() {
                    self.owners.remove(owner, id);
                }
                if let Some(owner) = new.owner() {
                    self.owners.add(owner, id);
                }
            }
        }
        self.sweep(&mut shard, now, SWEEP_HERE);
        self.sweep_beside(shard, now);
        answer
    }

    fn load(&self, id: SessionId) -> Option<Arc<Record>> {
        let shard = self.shard(id).read();
        let record = shard.record(shard.find(id)?);
        let now = self.clock.now();
        if record.is_expired(now) {
            return None;
        }
        record.answered_at(now);
        Some(Arc::clone(record))
    }

    fn delete(&self, id: SessionId) -> bool {
        let mut shard = self.shard(id).write();
        let Some(at) = shard.find(id) else {
            return false;
        };
        let now = self.clock.now();
        let record = self.remove(&mut shard, at);
        self.sweep(&mut shard, now, SWEEP_HERE);
        self.sweep_beside(shard, now);
        !record.is_expired(now)
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
            if keep == Some(id) {
                continue;
            }
            let mut shard = self.shard(id).write();
            // It may have changed hands since the index was read.
            let theirs = shard
                .find(id)
                .filter(|at| shard.record(*at).owner() == Some(owner));
            if let Some(at) = theirs {
                let record = self.remove(&mut shard, at);
                revoked += u64::from(!record.is_expired(self.clock.now()));
            }
        }
        revoked
    }

    fn delete_expired(&self, at_most: usize) -> usize {
        let now = self.clock.now();
        let mut left = at_most;
        for shard in &self.shards {
            while left > 0 {
                let batch = left.min(SWEEP_AT_ONCE);
                let mut shard = shard.write();
                let removed = self.sweep(&mut shard, now, batch);
                // Whoever waits for the shard has the next turn.
                RwLockWriteGuard::unlock_fair(shard);
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
        let answer = self.inner.create(id, new);
        self.inner.tell();
        Ok(answer)
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let answer = self.inner.commit(id, guard, patch);
        self.inner.tell();
        Ok(answer)
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        let answer = self.inner.delete(id);
        self.inner.tell();
        Ok(answer)
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
        let removed = self.inner.delete_expired(at_most);
        self.inner.tell();
        Ok(removed as u64)
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
