//! Some of many sessions, each of them as likely as the other.

/// A small generator of numbers that look random: the same at each run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    /// Xorshift.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.below(at + 1));
        }
    }
}

/// Keeps so many of those that pass by (reservoir sampling).
pub(crate) struct Sample<T> {
    kept: Vec<T>,
    seen: usize,
    size: usize,
}

impl<T> Sample<T> {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            kept: Vec::with_capacity(size),
            seen: 0,
            size,
        }
    }

    pub(crate) fn pass(&mut self, numbers: &mut Numbers, one: T) {
        self.seen += 1;
        if self.kept.len() < self.size {
            self.kept.push(one);
        } else {
            let at = numbers.below(self.seen);
            if let Some(place) = self.kept.get_mut(at) {
                *place = one;
            }
        }
    }

    /// Those that are kept now, in no order.
    pub(crate) fn shuffled(&mut self, numbers: &mut Numbers) -> &[T] {
        numbers.shuffle(&mut self.kept);
        &self.kept
    }
}
