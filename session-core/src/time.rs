//! Points in time and where they come from.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

/// A point in time, in whole microseconds since the Unix epoch.
///
/// All arithmetic saturates: no configuration and no clock can make it panic or wrap.
///
/// ```
/// use std::time::Duration;
/// use session_core::Timestamp;
///
/// let now = Timestamp::from_micros(1_000_000);
/// assert_eq!(now.after(Duration::from_secs(2)).since(now), Duration::from_secs(2));
/// assert_eq!(now.since(now.after(Duration::MAX)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This much later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The time that has passed since `earlier`; zero if that lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

fn micros(span: Duration) -> u64 {
    let seconds = span.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(u64::from(span.subsec_micros()))
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(
            time.duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, micros),
        )
    }
}

/// A time beyond what the platform can hold becomes the end of the year 9999, which each can.
impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        const END: Duration = Duration::from_secs(253_402_300_799);
        let exact = Self::UNIX_EPOCH.checked_add(Duration::from_micros(time.0));
        exact.unwrap_or_else(|| Self::UNIX_EPOCH + END)
    }
}

/// Where an embedded store gets the time from. A database has its own clock and needs none.
pub trait Clock: Send + Sync + 'static {
    /// The time now. It should never go back.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The machine's time, read once and carried on by the monotonic clock:
/// somebody who sets the wall clock back lengthens no session's life.
/// While the machine is suspended, it stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        static START: OnceLock<(Timestamp, Instant)> = OnceLock::new();
        let (time, instant) = START.get_or_init(|| (SystemTime::now().into(), Instant::now()));
        time.after(instant.elapsed())
    }
}

/// A clock that stands until a test moves it. Its clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use session_core::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().since(before), Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// A clock that shows some moment of the year 2026.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_780_000_000_000_000)))
    }

    /// Moves the clock forward, at most to the last moment that a [`Timestamp`] can be.
    pub fn advance(&self, span: Duration) {
        let later = |now| Some(Timestamp(now).after(span).0);
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_never_goes_back() {
        let clock = ManualClock::new();
        clock.advance(Duration::MAX);
        let end = clock.now();
        assert_eq!(end, Timestamp::from_micros(u64::MAX));
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), end);
    }
}
