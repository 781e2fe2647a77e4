//! One part of the memory store, behind one lock.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use crate::{Record, SessionId, Timestamp};

/// Records by id, and in the two orders in which they leave.
#[derive(Default)]
pub(super) struct Shard {
    records: HashMap<SessionId, Arc<Record>, BuildHasherDefault<IdHasher>>,
    by_expiry: BTreeSet<(Timestamp, SessionId)>,
    /// By the last touch: those without an owner, and the others.
    ownerless: BTreeSet<(Timestamp, SessionId)>,
    owned: BTreeSet<(Timestamp, SessionId)>,
}

/// Which session has to make room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Expired,
    Ownerless,
    Any,
}

impl Shard {
    pub(super) fn get(&self, id: SessionId) -> Option<&Arc<Record>> {
        self.records.get(&id)
    }

    pub(super) fn insert(&mut self, id: SessionId, record: Arc<Record>) {
        self.by_expiry.insert((record.expires_at(), id));
        self.idle(&record).insert((record.touched_at(), id));
        self.records.insert(id, record);
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Arc<Record>> {
        let record = self.records.remove(&id)?;
        self.by_expiry.remove(&(record.expires_at(), id));
        self.idle(&record).remove(&(record.touched_at(), id));
        Some(record)
    }

    pub(super) fn replace(&mut self, id: SessionId, old: &Record, new: Arc<Record>) {
        if old.expires_at() != new.expires_at() {
            self.by_expiry.remove(&(old.expires_at(), id));
            self.by_expiry.insert((new.expires_at(), id));
        }
        if old.touched_at() != new.touched_at() || old.owner().is_some() != new.owner().is_some() {
            self.idle(old).remove(&(old.touched_at(), id));
            self.idle(&new).insert((new.touched_at(), id));
        }
        self.records.insert(id, new);
    }

    pub(super) fn first_expired(&self, now: Timestamp) -> Option<SessionId> {
        let (expires_at, id) = self.by_expiry.first()?;
        (*expires_at <= now).then_some(*id)
    }

    pub(super) fn victim(&self, victim: Victim, now: Timestamp) -> Option<SessionId> {
        let longest_idle =
            |idle: &BTreeSet<(Timestamp, SessionId)>| idle.first().map(|(_, id)| *id);
        match victim {
            Victim::Expired => self.first_expired(now),
            Victim::Ownerless => longest_idle(&self.ownerless),
            Victim::Any => longest_idle(&self.owned),
        }
    }

    /// How many are not expired.
    pub(super) fn live(&self, now: Timestamp) -> usize {
        let dead = self
            .by_expiry
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= now);
        self.records.len() - dead.count()
    }

    /// All ids with their owners, after checking that every record stands in each order once.
    #[cfg(test)]
    pub(super) fn checked(&self) -> impl Iterator<Item = (SessionId, Option<&str>)> {
        assert_eq!(self.by_expiry.len(), self.records.len());
        assert_eq!(self.ownerless.len() + self.owned.len(), self.records.len());
        self.records.iter().map(|(id, record)| {
            assert!(self.by_expiry.contains(&(record.expires_at(), *id)));
            let idle = match record.owner() {
                Some(_) => &self.owned,
                None => &self.ownerless,
            };
            assert!(idle.contains(&(record.touched_at(), *id)));
            (*id, record.owner())
        })
    }

    fn idle(&mut self, record: &Record) -> &mut BTreeSet<(Timestamp, SessionId)> {
        match record.owner() {
            Some(_) => &mut self.owned,
            None => &mut self.ownerless,
        }
    }
}

/// Takes the bits of a [`SessionId`] as they are: they are random, and nobody but us chooses them.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }

    /// Ids hash by `write_u64`; this keeps other keys correct, if not fast.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
