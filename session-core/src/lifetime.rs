//! How long a session lives: the rules of idle and absolute timeouts and of throttled touches (R15, R16).

use std::time::Duration;

use crate::{Record, Timestamp};

/// How long a session may live, as spans: the store's own clock makes deadlines of them.
///
/// Both limits hold. Units are [`Duration`]s; a store may round up to its own resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Without activity (ASVS 5, 7.3.1).
    pub idle: Duration,
    /// In all, from its start, whatever the activity (ASVS 5, 7.3.2).
    pub absolute: Duration,
}

impl Lifetime {
    /// When a session that started at `started_at` and is active `now` ends.
    #[must_use]
    pub fn deadline(self, started_at: Timestamp, now: Timestamp) -> Timestamp {
        now.after(self.idle).min(started_at.after(self.absolute))
    }
}

/// What a layer decides for all its sessions. [`Session`](crate::Session) follows it; stores never see it.
///
/// `..Policy::default()` fills in the defaults named at each field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "filled in by struct update")]
pub struct Policy {
    /// The limit without activity; 24 hours.
    pub idle_timeout: Duration,
    /// The limit from the session's start; 30 days.
    pub absolute_timeout: Duration,
    /// The expiry is renewed at most this often; 72 minutes, a twentieth of the idle timeout.
    pub touch_interval: Duration,
    /// The client's own copy of the token lives as long as this; zero, the default: until the browser closes.
    pub max_age: Duration,
    /// Gives every session a new generation this often; `None`, the default: never by itself.
    pub rotate_every: Option<Duration>,
    /// For how long after a rotation a token of the older generation is taken for a parallel request; 30 seconds.
    pub rotation_grace: Duration,
    /// What becomes of a session whose older token turns up later than that; it is left alone.
    pub replay: ReplayPolicy,
    /// How many sessions an owner may have, and what happens at one more; `None`, the default: any number.
    pub max_sessions_per_owner: Option<(usize, AtLimit)>,
    /// A record may grow up to this many bytes of names, values and owner; 64 KiB.
    pub max_record_size: usize,
    /// One store call may take this long; 5 seconds.
    pub store_timeout: Duration,
    /// An `update` may take this long in all; 30 seconds.
    pub update_timeout: Duration,
}

/// What becomes of a session whose older token turns up after the grace of its rotation: a client that lost
/// its newer cookie on the way, or somebody else with a stolen older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ReplayPolicy {
    /// It goes on; the older token opens nothing.
    #[default]
    Ignore,
    /// It ends, for whoever holds the newer token.
    Destroy,
}

/// What happens when an owner who has as many sessions as allowed gets one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AtLimit {
    /// Those whose owner was set longest ago end.
    EvictOldest,
    /// The commit fails with [`Error::TooManySessions`](crate::Error::TooManySessions).
    Reject,
}

impl Default for Policy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            idle_timeout: DAY,
            absolute_timeout: DAY * 30,
            touch_interval: DAY / 20,
            max_age: Duration::ZERO,
            rotate_every: None,
            rotation_grace: Duration::from_secs(30),
            replay: ReplayPolicy::Ignore,
            max_sessions_per_owner: None,
            max_record_size: 64 * 1024,
            store_timeout: Duration::from_secs(5),
            update_timeout: Duration::from_secs(30),
        }
    }
}

impl Policy {
    /// The lifetime of a session, which may have one of its own.
    pub(crate) fn lifetime(&self, remembered: Option<Duration>) -> Lifetime {
        match remembered {
            Some(span) => Lifetime {
                idle: span,
                absolute: self.absolute_timeout.max(span),
            },
            None => Lifetime {
                idle: self.idle_timeout,
                absolute: self.absolute_timeout,
            },
        }
    }

    /// Is it time to renew the expiry? Also where the absolute limit holds it back: the time of the last activity
    /// moves, and a persistent cookie's own limit.
    pub(crate) fn touch_due(&self, record: &Record) -> bool {
        let interval = match record.remembered() {
            Some(remembered) => self.touch_interval.min(remembered / 20),
            None => self.touch_interval,
        };
        record.now().since(record.touched_at()) >= interval
    }

    /// Is it time also where a persistent cookie can't be renewed any more? That is left to requests that come in time,
    /// unless there is none.
    pub(crate) fn late_touch_due(&self, record: &Record) -> bool {
        let shortest = record
            .remembered()
            .unwrap_or(self.max_age.min(self.idle_timeout));
        self.touch_due(record) && record.now().since(record.touched_at()) >= shortest / 2
    }

    /// How long the client shall keep the token by itself; `None`: until the browser closes.
    pub(crate) fn max_age(&self, record: &Record) -> Option<Duration> {
        let wanted = record.remembered().unwrap_or(self.max_age);
        let lifetime = self.lifetime(record.remembered());
        let limit = record.started_at().after(lifetime.absolute);
        // A shorter lifetime of its own takes nothing back that was granted before.
        let left = limit.max(record.expires_at()).since(record.now());
        (!wanted.is_zero()).then(|| wanted.min(left))
    }
}
