//! Sealed texts that opened lately, so that the same cookie need not be opened at every request.

use constant_time_eq::constant_time_eq;
use parking_lot::Mutex;

/// A table of fixed size: each text has one slot, which the latest keeps. Only what opened comes in, so garbage
/// can't push anything out.
pub(crate) struct Memory<T> {
    slots: Box<[Slot<T>]>,
}

const SLOTS: usize = 2048;

type Slot<T> = Mutex<Option<Entry<T>>>;

struct Entry<T> {
    sealed: Box<[u8]>,
    opened: T,
}

impl<T: Copy> Memory<T> {
    /// What this text opened to. The whole text is compared, in constant time: it is a credential.
    /// Nobody waits here: where another request is just looking, the text is opened again.
    pub(crate) fn recall(&self, sealed: &[u8]) -> Option<T> {
        let slot = self.slot(sealed).try_lock()?;
        let entry = slot.as_ref()?;
        constant_time_eq(&entry.sealed, sealed).then_some(entry.opened)
    }

    pub(crate) fn keep(&self, sealed: &[u8], opened: T) {
        if let Some(mut slot) = self.slot(sealed).try_lock() {
            *slot = Some(Entry {
                sealed: sealed.into(),
                opened,
            });
        }
    }

    /// By the first characters: they are of the seal's random nonce.
    fn slot(&self, sealed: &[u8]) -> &Slot<T> {
        let random = sealed.first_chunk().copied().unwrap_or_default();
        // Each of these bytes has six random bits, and the upper ones of the product depend on all of them.
        let mixed = u64::from_le_bytes(random).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let [high, low, ..] = mixed.to_be_bytes();
        &self.slots[usize::from(u16::from_be_bytes([high, low])) % SLOTS]
    }
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).map(|_| Mutex::default()).collect(),
        }
    }
}
