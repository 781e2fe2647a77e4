//! What the library tells of itself: `tracing` events, and metrics with the feature `metrics`. The page
//! `guide::observability` of `session-axum` lists them all.
//!
//! Every event of this crate has its name here and nowhere else, so that a place that tells is one call.
//!
//! Levels: `ERROR` for lost work, `WARN` for what an operator should look at, `INFO` for what a policy or an
//! administrator did, `DEBUG` for what clients do, so that a busy site at `info` is quiet.
//!
//! Nothing here takes an id further than to its fingerprint, and that is computed only where somebody listens.

#[cfg(feature = "metrics")]
pub use crate::metrics::describe_metrics;
pub(crate) use crate::metrics::{Destroyed, Operation};
use crate::{
    Committed, Error, Patch, Record, Session, SessionId, Status, StoreError, TARGET,
    metrics::{
        COMMITS, CONTENDED, COOKIES_REFUSED, CREATED, CommitOutcome, DESTROYED, EVICTED, EXPIRED,
        LIMIT_REFUSALS, LOADS, LoadOutcome, ROTATED, Refused, RotatedBy, STORE_CALLS,
        STORE_FAILURES, Stopwatch, UPDATE_RETRIES,
    },
};

macro_rules! event {
    ($level:ident, $name:literal, $($rest:tt)+) => {
        tracing::event!(name: $name, target: TARGET, tracing::Level::$level, $($rest)+)
    };
}

// The life of a session.

pub(crate) fn created(id: SessionId) {
    CREATED.add(1);
    event!(DEBUG, "session.created", session = %id.fingerprint(), "session created");
}

/// A store's answer to a commit.
#[inline]
pub(crate) fn committed(answer: &Result<Committed, StoreError>) {
    COMMITS.one(match answer {
        Ok(Committed::Applied(_)) => CommitOutcome::Applied,
        Ok(Committed::Conflict(_)) => CommitOutcome::Conflict,
        Ok(Committed::Superseded(_)) => CommitOutcome::Superseded,
        Ok(Committed::Gone) => CommitOutcome::Gone,
        Err(_) => CommitOutcome::Failed,
    });
}

/// A commit was applied that rotates. Of parallel periodic rotations, one takes place.
pub(crate) fn rotated(id: SessionId, patch: &Patch, record: &Record) {
    let by = RotatedBy::of(patch);
    if by != RotatedBy::Period || record.rotated_at() == record.now() {
        ROTATED.one(by);
        let by = by.text();
        event!(DEBUG, "session.rotated", session = %id.fingerprint(), by, "session rotated");
    }
}

/// A live session is no more.
pub(crate) fn destroyed(id: SessionId, reason: Destroyed) {
    DESTROYED.one(reason);
    let why = reason.text();
    match reason {
        Destroyed::Handler | Destroyed::Unfinished => {
            event!(DEBUG, "session.destroyed", session = %id.fingerprint(), reason = why, "session destroyed");
        }
        Destroyed::Revoked | Destroyed::Limit => {
            event!(INFO, "session.destroyed", session = %id.fingerprint(), reason = why, "session destroyed");
        }
        Destroyed::Replayed => {
            event!(
                WARN, "session.destroyed", session = %id.fingerprint(), reason = why,
                "session destroyed: its older token was replayed"
            );
        }
    }
}

/// An owner's sessions were revoked.
pub(crate) fn owner_revoked(sessions: u64) {
    if sessions > 0 {
        DESTROYED.add_of(Destroyed::Revoked, sessions);
        event!(
            INFO,
            "session.owner_revoked",
            sessions,
            "sessions of an owner revoked"
        );
    }
}

/// For stores that sweep: so many sessions were removed after their expiry.
pub fn expired(sessions: u64) {
    if sessions > 0 {
        EXPIRED.add(sessions);
        event!(
            DEBUG,
            "session.expired",
            sessions,
            "expired sessions removed"
        );
    }
}

/// A full memory store let a live session go, the `evicted`th. In a flood, each doubling is worth a warning.
pub(crate) fn evicted(id: SessionId, evicted: u64, max_sessions: usize) {
    EVICTED.add(1);
    if evicted.is_power_of_two() {
        event!(
            WARN, "session.evicted", session = %id.fingerprint(), evicted, max_sessions,
            "a live session was evicted: the memory store is full"
        );
    } else {
        event!(
            DEBUG, "session.evicted", session = %id.fingerprint(), evicted, max_sessions,
            "a live session was evicted: the memory store is full"
        );
    }
}

pub(crate) fn log_in_refused(limit: usize) {
    LIMIT_REFUSALS.add(1);
    event!(
        INFO,
        "session.log_in_refused",
        limit,
        "a session was refused: its owner has as many as allowed"
    );
}

pub(crate) fn surplus_not_ended(id: SessionId, error: &StoreError) {
    event!(
        WARN, "session.surplus_not_ended", session = %id.fingerprint(), %error,
        "a session too many could not be ended"
    );
}

pub(crate) fn id_taken() {
    event!(
        ERROR,
        "session.id_taken",
        "a new random id is taken: is the random generator broken?"
    );
}

// What a token opens.

pub(crate) fn cookie_refused(status: Status) {
    COOKIES_REFUSED.one(match status {
        Status::Ambiguous => Refused::Ambiguous,
        _ => Refused::Unsealed,
    });
    event!(
        DEBUG,
        "session.cookie_refused",
        ?status,
        "a cookie opens no session"
    );
}

pub(crate) fn loaded() {
    LOADS.one(LoadOutcome::Live);
}

/// The request that wanted it tells the error.
pub(crate) fn load_failed() {
    LOADS.one(LoadOutcome::Failed);
}

pub(crate) fn unknown(id: SessionId) {
    LOADS.one(LoadOutcome::Unknown);
    event!(DEBUG, "session.unknown", session = %id.fingerprint(), "no live session for a genuine token");
}

/// Without the error's source, which may quote what is stored (R18).
pub(crate) fn undecodable(id: SessionId, error: &StoreError) {
    LOADS.one(LoadOutcome::Undecodable);
    event!(ERROR, "session.undecodable", session = %id.fingerprint(), %error, "no session for this request");
}

/// `beside` the rotation, it is from a parallel request, as every log-in may have some.
pub(crate) fn replayed(id: SessionId, beside: bool) {
    let status = Status::Replayed;
    if beside {
        LOADS.one(LoadOutcome::BesideRotation);
        event!(
            DEBUG, "session.beside_rotation", session = %id.fingerprint(), ?status,
            "a token of an older generation, beside the rotation"
        );
    } else {
        LOADS.one(LoadOutcome::Replayed);
        event!(
            INFO, "session.replayed", session = %id.fingerprint(), ?status,
            "a token of an older generation"
        );
    }
}

pub(crate) fn newer(id: SessionId) {
    LOADS.one(LoadOutcome::Newer);
    event!(
        WARN, "session.newer", session = %id.fingerprint(),
        "a token newer than its session: was the store restored from a backup?"
    );
}

// What is stored and does not fit.

pub(crate) fn field_undecodable<V>(session: &Session, field: &str) {
    event!(
        WARN,
        "session.field_undecodable",
        field,
        wanted = std::any::type_name::<V>(),
        session = session.fingerprint().map(tracing::field::display),
        "a stored field does not decode: it reads as its default and stays stored until it is set"
    );
}

pub(crate) fn owner_undecodable<V>(session: &Session) {
    event!(
        WARN,
        "session.owner_undecodable",
        wanted = std::any::type_name::<V>(),
        session = session.fingerprint().map(tracing::field::display),
        "a stored owner does not parse: the session reads as nobody's"
    );
}

// Writes that come to nothing.

pub(crate) fn over(session: &Session, status: Status) {
    event!(
        DEBUG,
        "session.over",
        session = session.fingerprint().map(tracing::field::display),
        ?status,
        "nothing is written: the session ended or was superseded meanwhile"
    );
}

pub(crate) fn dropped_beside_rotation() {
    event!(
        DEBUG,
        "session.dropped_beside_rotation",
        "writes or a log-out dropped: the client has a better cookie, or is about to"
    );
}

pub(crate) fn refused_after_head(what: &'static str) {
    event!(
        ERROR,
        "session.refused_after_head",
        what,
        "refused: the response head has left; use `update`, or write before responding"
    );
}

pub(crate) fn refused_over(what: &'static str, status: Status) {
    event!(
        DEBUG,
        "session.refused_over",
        what,
        ?status,
        "refused: this session can't be written to"
    );
}

pub(crate) fn refused_in_commit() {
    event!(
        ERROR,
        "session.refused_in_commit",
        "refused: writes that came too late for the commit of the response"
    );
}

pub(crate) fn destroy_after_head() {
    event!(
        WARN,
        "session.destroy_after_head",
        "the response head has left: this `destroy` waits for a `commit().await`"
    );
}

pub(crate) fn touch_failed(id: SessionId, error: &StoreError) {
    event!(WARN, "session.touch_failed", session = %id.fingerprint(), %error, "a touch failed");
}

/// An update runs its closure again: somebody was faster.
pub(crate) fn update_retried() {
    UPDATE_RETRIES.add(1);
}

/// Somebody waited for as long as one may.
pub(crate) fn contended() -> Error {
    CONTENDED.add(1);
    event!(
        WARN,
        "session.contended",
        "gave up waiting for others who write: see `update_timeout`"
    );
    Error::Contended
}

pub(crate) fn end_unknown(session: &Session, error: &StoreError) {
    event!(
        WARN, "session.end_unknown",
        session = session.fingerprint().map(tracing::field::display), %error,
        "whether the session has ended could not be asked: it will be asked again"
    );
}

// The store.

/// One call of the store, from now until its [`end`](Self::end).
pub(crate) struct StoreCall {
    operation: Operation,
    watch: Stopwatch,
}

impl StoreCall {
    pub(crate) fn begin(operation: Operation) -> Self {
        let watch = Stopwatch::start();
        Self { operation, watch }
    }

    /// For a call that waits.
    pub(crate) fn span(&self) -> tracing::Span {
        let operation = self.operation.text();
        tracing::debug_span!(target: TARGET, "session.store", operation)
    }

    pub(crate) fn end<T>(self, answer: &Result<T, StoreError>) {
        STORE_CALLS.record(self.operation, &self.watch);
        if answer.is_err() {
            STORE_FAILURES.one(self.operation);
        }
    }
}
