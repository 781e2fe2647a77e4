//! An order of sessions, as a list whose links lie in the slots themselves.

use super::slab::Slab;

/// No slot.
const NONE: u32 = u32::MAX;

/// The neighbours of a slot in one order.
#[derive(Clone, Copy)]
pub(super) struct Links {
    before: u32,
    after: u32,
}

impl Links {
    pub(super) const NONE: Self = Self {
        before: NONE,
        after: NONE,
    };
}

/// The orders that every session stands in.
pub(super) const EXPIRY: usize = 0;
pub(super) const IDLE: usize = 1;

/// Some slots of a [`Slab`] in one of the orders.
#[derive(Clone, Copy)]
pub(super) struct List<const ORDER: usize> {
    first: u32,
    last: u32,
    len: u32,
}

impl<const ORDER: usize> List<ORDER> {
    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(super) fn first(self) -> Option<u32> {
        slot(self.first)
    }

    pub(super) fn last(self) -> Option<u32> {
        slot(self.last)
    }

    /// From the first to the last.
    pub(super) fn iter(self, slab: &Slab) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first(), |at| slot(slab[*at].links[ORDER].after))
    }

    /// From the last to the first.
    pub(super) fn iter_back(self, slab: &Slab) -> impl Iterator<Item = u32> {
        std::iter::successors(self.last(), |at| slot(slab[*at].links[ORDER].before))
    }

    pub(super) fn push(&mut self, slab: &mut Slab, at: u32) {
        self.insert_after(slab, self.last(), at);
    }

    /// Behind another one, or at the front.
    pub(super) fn insert_after(&mut self, slab: &mut Slab, before: Option<u32>, at: u32) {
        let before = before.unwrap_or(NONE);
        let after = match slot(before) {
            Some(before) => slab[before].links[ORDER].after,
            None => self.first,
        };
        slab[at].links[ORDER] = Links { before, after };
        self.set_after(slab, before, at);
        self.set_before(slab, after, at);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, slab: &mut Slab, at: u32) {
        let Links { before, after } = slab[at].links[ORDER];
        self.set_after(slab, before, after);
        self.set_before(slab, after, before);
        self.len -= 1;
    }

    fn set_after(&mut self, slab: &mut Slab, before: u32, at: u32) {
        match slot(before) {
            Some(before) => slab[before].links[ORDER].after = at,
            None => self.first = at,
        }
    }

    fn set_before(&mut self, slab: &mut Slab, after: u32, at: u32) {
        match slot(after) {
            Some(after) => slab[after].links[ORDER].before = at,
            None => self.last = at,
        }
    }
}

fn slot(link: u32) -> Option<u32> {
    (link != NONE).then_some(link)
}

impl<const ORDER: usize> Default for List<ORDER> {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
            len: 0,
        }
    }
}
