//! The order in which sessions expire.

use std::collections::BTreeMap;

use super::{
    list::{EXPIRY, List},
    slab::Slab,
};
use crate::Timestamp;

/// Sessions by their deadlines: for each tick, a list in the exact order.
///
/// New deadlines are nearly always the latest of their tick, so that a place in the list is found at its end.
#[derive(Default)]
pub(super) struct Expiry {
    ticks: BTreeMap<u32, List<EXPIRY>>,
}

/// A tick is 2^32 microseconds, or 72 minutes: so long that few are needed, even where sessions are few.
fn tick(time: Timestamp) -> u32 {
    (time.as_micros() >> 32) as u32
}

impl Expiry {
    pub(super) fn insert(&mut self, slab: &mut Slab, at: u32) {
        let expires_at = slab[at].record.expires_at();
        let list = self.ticks.entry(tick(expires_at)).or_default();
        let before = list
            .iter_back(slab)
            .find(|other| slab[*other].record.expires_at() <= expires_at);
        list.insert_after(slab, before, at);
    }

    /// Before the record in the slot changes.
    pub(super) fn remove(&mut self, slab: &mut Slab, at: u32) {
        let tick = tick(slab[at].record.expires_at());
        let list = self.ticks.get_mut(&tick).expect("every session has a tick");
        list.remove(slab, at);
        if list.is_empty() {
            self.ticks.remove(&tick);
        }
    }

    /// The first to expire, if it is dead.
    pub(super) fn first_expired(&self, slab: &Slab, now: Timestamp) -> Option<u32> {
        let (first, list) = self.ticks.first_key_value()?;
        if *first > tick(now) {
            return None;
        }
        let at = list.first()?;
        slab[at].record.is_expired(now).then_some(at)
    }

    /// How many are dead.
    pub(super) fn expired(&self, slab: &Slab, now: Timestamp) -> usize {
        let this = tick(now);
        let before = self.ticks.range(..this).map(|(_, list)| list.len());
        let within = self.ticks.get(&this).into_iter().flat_map(|list| {
            let dead = |at: &u32| slab[*at].record.is_expired(now);
            list.iter(slab).take_while(dead)
        });
        before.sum::<usize>() + within.count()
    }

    /// All, the first to expire first.
    #[cfg(test)]
    pub(super) fn iter(&self, slab: &Slab) -> impl Iterator<Item = u32> {
        self.ticks.values().flat_map(|list| list.iter(slab))
    }
}
