//! What a token of some generation is worth, and when it is time for a new one (R11, R13).

use crate::{Policy, Record};

/// How a token stands to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Of the record's generation.
    Current,
    /// Of the one before a periodic rotation, within its grace: it works, and the client gets the current one.
    Previous,
    /// Older. `quiet`: so shortly after the rotation that it comes from a request beside it.
    Stale { quiet: bool },
    /// Newer than the record: the store is older than the client, a restored backup.
    Newer,
}

pub(crate) fn standing(policy: &Policy, record: &Record, generation: u32) -> Standing {
    if generation == record.generation() {
        return Standing::Current;
    }
    if generation > record.generation() {
        return Standing::Newer;
    }
    let now = record.now();
    let was_periodic = generation + 1 == record.generation() && generation >= record.barrier();
    if let (true, Some(period)) = (was_periodic, policy.rotate_every) {
        // Until the new token is seen, the response that carried it may be lost.
        let latest = record.rotated_at().after(period);
        let seen = record
            .confirmed_at()
            .map_or(latest, |seen| seen.min(latest));
        if now < seen.after(policy.rotation_grace) {
            return Standing::Previous;
        }
    }
    Standing::Stale {
        quiet: now.since(record.rotated_at()) <= policy.rotation_grace,
    }
}

/// The client has shown the token of a periodic rotation for the first time, and the record does not know it yet.
pub(crate) fn confirms(record: &Record, shown: Option<u32>) -> bool {
    shown == Some(record.generation())
        && record.generation() > record.barrier()
        && record.confirmed_at().is_none()
}

/// It is time for a periodic rotation, and this client is up to date.
pub(crate) fn is_due(policy: &Policy, record: &Record, shown: Option<u32>) -> bool {
    shown == Some(record.generation())
        && policy
            .rotate_every
            .is_some_and(|period| record.now().since(record.rotated_at()) >= period)
}
