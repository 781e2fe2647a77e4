//! One part of the memory store, behind one lock.

use std::sync::Arc;

use hashbrown::HashTable;

use super::{
    expiry::Expiry,
    list::{IDLE, List},
    slab::Slab,
};
use crate::{Record, SessionId, Timestamp};

/// Records by id, and in the two orders in which they leave. Each stands in a slot;
/// the index and the orders know its number.
#[derive(Default)]
pub(super) struct Shard {
    slab: Slab,
    index: HashTable<u32>,
    expiry: Expiry,
    /// From the longest idle to the last touched: those without an owner, and the others.
    ownerless: List<IDLE>,
    owned: List<IDLE>,
    /// How many writes there were: some of them sweep another shard, one after the other.
    pub(super) writes: usize,
}

/// Which session has to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Expired,
    Ownerless,
    Owned,
}

/// The first half of the id's bits as they are: they are random, and nobody but us chooses them.
fn hash(id: SessionId) -> u64 {
    (u128::from_be_bytes(*id.as_bytes()) >> 64) as u64
}

impl Shard {
    /// As if there had been so many writes: not all shards begin with the same neighbour.
    pub(super) fn new(writes: usize) -> Self {
        Self {
            writes,
            ..Self::default()
        }
    }

    pub(super) fn find(&self, id: SessionId) -> Option<u32> {
        let is_it = |at: &u32| self.slab[*at].id == id;
        self.index.find(hash(id), is_it).copied()
    }

    pub(super) fn id(&self, at: u32) -> SessionId {
        self.slab[at].id
    }

    pub(super) fn record(&self, at: u32) -> &Arc<Record> {
        &self.slab[at].record
    }

    /// An id that is not in.
    pub(super) fn insert(&mut self, id: SessionId, record: Arc<Record>) {
        if self.index.len() == self.index.capacity() {
            self.grow_index();
        }
        let at = self.slab.insert(id, record);
        let hash_of = |at: &u32| hash(self.slab[*at].id);
        self.index.insert_unique(hash(id), at, hash_of);
        self.expiry.insert(&mut self.slab, at);
        self.push_idle(at);
    }

    pub(super) fn remove(&mut self, at: u32) -> (SessionId, Arc<Record>) {
        self.expiry.remove(&mut self.slab, at);
        self.remove_idle(at);
        let entry = self.slab.remove(at);
        if let Ok(indexed) = self.index.find_entry(hash(entry.id), |it| *it == at) {
            indexed.remove();
        }
        (entry.id, entry.record)
    }

    /// Puts the next record in the place of one, and gives that back.
    pub(super) fn replace(&mut self, at: u32, new: Arc<Record>) -> Arc<Record> {
        let old = self.record(at);
        let renewed = old.expires_at() != new.expires_at();
        // Who logs in or out is active, too.
        let active =
            old.touched_at() != new.touched_at() || old.owner().is_some() != new.owner().is_some();
        if renewed {
            self.expiry.remove(&mut self.slab, at);
        }
        if active {
            self.remove_idle(at);
        }
        let old = std::mem::replace(&mut self.slab[at].record, new);
        if renewed {
            self.expiry.insert(&mut self.slab, at);
        }
        if active {
            self.push_idle(at);
        }
        old
    }

    /// By itself the index would visit the slots in its own order, which is at random: a pause several times as long.
    fn grow_index(&mut self) {
        self.index = HashTable::with_capacity(self.index.len() * 3 / 2 + 4);
        for (at, entry) in self.slab.iter() {
            let hash_of = |at: &u32| hash(self.slab[*at].id);
            self.index.insert_unique(hash(entry.id), at, hash_of);
        }
    }

    pub(super) fn first_expired(&self, now: Timestamp) -> Option<u32> {
        self.expiry.first_expired(&self.slab, now)
    }

    pub(super) fn victim(&self, victim: Victim, now: Timestamp) -> Option<u32> {
        match victim {
            Victim::Expired => self.first_expired(now),
            Victim::Ownerless => self.ownerless.first(),
            Victim::Owned => self.owned.first(),
        }
    }

    /// How many are not expired.
    pub(super) fn live(&self, now: Timestamp) -> usize {
        self.index.len() - self.expiry.expired(&self.slab, now)
    }

    fn push_idle(&mut self, at: u32) {
        match self.slab[at].record.owner() {
            Some(_) => self.owned.push(&mut self.slab, at),
            None => self.ownerless.push(&mut self.slab, at),
        }
    }

    fn remove_idle(&mut self, at: u32) {
        match self.slab[at].record.owner() {
            Some(_) => self.owned.remove(&mut self.slab, at),
            None => self.ownerless.remove(&mut self.slab, at),
        }
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slab.len()
    }

    /// All ids, the first to expire first.
    #[cfg(test)]
    pub(super) fn by_expiry(&self) -> Vec<SessionId> {
        let slots = self.expiry.iter(&self.slab);
        slots.map(|at| self.id(at)).collect()
    }

    /// All ids with their owners, after checking that every record stands in each order once.
    #[cfg(test)]
    pub(super) fn checked(&self) -> impl Iterator<Item = (SessionId, Option<&str>)> {
        let sorted = |slots: &mut dyn Iterator<Item = u32>| {
            let mut slots: Vec<_> = slots.collect();
            slots.sort_unstable();
            slots
        };
        let all = sorted(&mut self.index.iter().copied());
        assert_eq!(sorted(&mut self.expiry.iter(&self.slab)), all);
        let idle = self.ownerless.iter(&self.slab);
        let idle = &mut idle.chain(self.owned.iter(&self.slab));
        assert_eq!(sorted(idle), all);
        for at in self.owned.iter(&self.slab) {
            assert!(self.record(at).owner().is_some());
        }
        all.into_iter().map(|at| {
            let entry = &self.slab[at];
            assert_eq!(self.find(entry.id), Some(at));
            (entry.id, entry.record.owner())
        })
    }
}
