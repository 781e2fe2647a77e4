//! A clock that fails.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use session_axum::{Clock, SystemClock, Timestamp};

/// Panics at the one call after it was told to. Clones are the same clock.
#[derive(Debug, Clone, Default)]
pub struct PanickingClock(Arc<AtomicBool>);

impl PanickingClock {
    /// At the next call.
    pub fn panic(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock for PanickingClock {
    fn now(&self) -> Timestamp {
        let panics = self.0.swap(false, Ordering::Relaxed);
        assert!(!panics, "the clock is broken");
        SystemClock.now()
    }
}
