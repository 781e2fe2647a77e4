//! Where the sessions of a shard lie: in numbered slots of one piece of memory.

use std::{
    ops::{Index, IndexMut},
    sync::Arc,
};

use super::list::Links;
use crate::{Record, SessionId};

/// One session, and its place in the orders. In this order, because a load reads the first two: one cache line, mostly.
#[repr(C)]
pub(super) struct Entry {
    pub(super) id: SessionId,
    pub(super) record: Arc<Record>,
    pub(super) links: [Links; 2],
}

enum Slot {
    Taken(Entry),
    /// With the vacant slot to take after this one.
    Vacant(Option<u32>),
}

// There is one for each of very many sessions.
const _: () = assert!(size_of::<Slot>() <= 40);

/// Slots by number. A number stands for its session until that is removed.
#[derive(Default)]
pub(super) struct Slab {
    slots: Vec<Slot>,
    vacant: Option<u32>,
}

impl Slab {
    pub(super) fn insert(&mut self, id: SessionId, record: Arc<Record>) -> u32 {
        let taken = Slot::Taken(Entry {
            id,
            record,
            links: [Links::NONE; 2],
        });
        if let Some(at) = self.vacant {
            let vacant = std::mem::replace(&mut self.slots[at as usize], taken);
            self.vacant = match vacant {
                Slot::Vacant(next) => next,
                Slot::Taken(_) => unreachable!("a vacant slot is vacant"),
            };
            return at;
        }
        if self.slots.len() == self.slots.capacity() {
            // Doubling would leave up to half of the memory unused; less would move each session too often.
            self.slots.reserve_exact(self.slots.len() / 4 + 4);
        }
        self.slots.push(taken);
        u32::try_from(self.slots.len() - 1).expect("no shard is that large")
    }

    /// Taken and vacant.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.slots).filter_map(|(at, slot)| match slot {
            Slot::Taken(entry) => Some((at, entry)),
            Slot::Vacant(_) => None,
        })
    }

    pub(super) fn remove(&mut self, at: u32) -> Entry {
        let slot = &mut self.slots[at as usize];
        match std::mem::replace(slot, Slot::Vacant(self.vacant)) {
            Slot::Taken(entry) => {
                self.vacant = Some(at);
                entry
            }
            Slot::Vacant(_) => unreachable!("a session is removed once"),
        }
    }
}

impl Index<u32> for Slab {
    type Output = Entry;

    fn index(&self, at: u32) -> &Entry {
        match &self.slots[at as usize] {
            Slot::Taken(entry) => entry,
            Slot::Vacant(_) => unreachable!("nothing names a vacant slot"),
        }
    }
}

impl IndexMut<u32> for Slab {
    fn index_mut(&mut self, at: u32) -> &mut Entry {
        match &mut self.slots[at as usize] {
            Slot::Taken(entry) => entry,
            Slot::Vacant(_) => unreachable!("nothing names a vacant slot"),
        }
    }
}
