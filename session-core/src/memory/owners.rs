//! Which sessions belong to an owner.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
};

use parking_lot::Mutex;

use crate::SessionId;

type OwnersShard = Mutex<HashMap<Box<str>, HashSet<SessionId>>>;

/// An index, exact because it changes under the lock of the record's shard. Owners' names are the
/// application's, so they are hashed with a secret, and their locks are taken last.
pub(super) struct Owners {
    shards: Box<[OwnersShard]>,
    hasher: RandomState,
}

impl Owners {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    fn shard(&self, owner: &str) -> &OwnersShard {
        let hash = self.hasher.hash_one(owner).to_le_bytes();
        &self.shards[usize::from(hash[0]) % self.shards.len()]
    }

    pub(super) fn add(&self, owner: &str, id: SessionId) {
        let mut shard = self.shard(owner).lock();
        match shard.get_mut(owner) {
            Some(sessions) => drop(sessions.insert(id)),
            None => drop(shard.insert(owner.into(), HashSet::from([id]))),
        }
    }

    pub(super) fn remove(&self, owner: &str, id: SessionId) {
        let mut shard = self.shard(owner).lock();
        if let Some(sessions) = shard.get_mut(owner) {
            sessions.remove(&id);
            if sessions.is_empty() {
                shard.remove(owner);
            }
        }
    }

    pub(super) fn sessions(&self, owner: &str) -> Vec<SessionId> {
        let shard = self.shard(owner).lock();
        shard
            .get(owner)
            .map(|sessions| sessions.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Every owner with how many sessions.
    #[cfg(test)]
    pub(super) fn all(&self) -> std::collections::BTreeMap<String, usize> {
        let shards = self.shards.iter().flat_map(|shard| {
            let shard = shard.lock();
            let owners = shard
                .iter()
                .map(|(owner, ids)| (owner.to_string(), ids.len()));
            owners.collect::<Vec<_>>()
        });
        shards.collect()
    }
}
