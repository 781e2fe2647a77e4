//! Which sessions belong to an owner.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

use parking_lot::Mutex;

use crate::SessionId;

/// An index, exact because it changes under the lock of the record's shard; its own locks are taken last.
///
/// It knows an owner by a hash alone, made with a secret, for owners' names are the application's. Should two
/// owners ever share one, each is asked for the sessions of both: whoever asks compares the record's own owner.
pub(super) struct Owners {
    shards: Box<[Mutex<BTreeSet<Owned>>]>,
    hasher: RandomState,
}

/// In the order of the owners, so that an owner's sessions lie side by side.
pub(super) type Owned = (u64, SessionId);

impl Owners {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn hash(&self, owner: &str) -> u64 {
        self.hasher.hash_one(owner)
    }

    fn shard(&self, owner: u64) -> &Mutex<BTreeSet<Owned>> {
        let [low, high, ..] = owner.to_le_bytes();
        &self.shards[usize::from(u16::from_le_bytes([low, high])) % self.shards.len()]
    }

    pub(super) fn add(&self, owner: &str, id: SessionId) {
        let owner = self.hash(owner);
        self.shard(owner).lock().insert((owner, id));
    }

    pub(super) fn remove(&self, owner: &str, id: SessionId) {
        let owner = self.hash(owner);
        self.shard(owner).lock().remove(&(owner, id));
    }

    /// The owner's sessions, and perhaps others.
    pub(super) fn sessions(&self, owner: &str) -> Vec<SessionId> {
        let owner = self.hash(owner);
        let shard = self.shard(owner).lock();
        let range = shard.range((owner, SessionId::MIN)..=(owner, SessionId::MAX));
        range.map(|(_, id)| *id).collect()
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> BTreeSet<Owned> {
        let shards = self.shards.iter();
        shards.flat_map(|shard| shard.lock().clone()).collect()
    }
}
