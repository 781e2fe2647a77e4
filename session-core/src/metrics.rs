//! The metrics, by the facade of the `metrics` crate. Without the feature nothing of this is left but the names.
//!
//! A metric has no label or one, whose values are the variants of an enum: no id and no owner can get there.

use std::marker::PhantomData;

#[cfg(feature = "metrics")]
use ::metrics::{
    Key, KeyName, Label, Level, Metadata, Recorder, SharedString, Unit, with_recorder,
};

#[cfg(feature = "metrics")]
use crate::TARGET;
use crate::{OwnerChange, Patch, Rotation};

/// The values that one label can have.
pub(crate) trait Labels: Copy {
    #[cfg(feature = "metrics")]
    fn labels(self) -> &'static [Label];
}

/// A metric without a label.
#[derive(Clone, Copy)]
pub(crate) struct Unlabelled;

impl Labels for Unlabelled {
    #[cfg(feature = "metrics")]
    fn labels(self) -> &'static [Label] {
        &[]
    }
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident, $key:literal { $($variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            /// As metrics and events show it.
            #[allow(dead_code, reason = "not every label is shown by an event, too")]
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Labels for $name {
            #[cfg(feature = "metrics")]
            fn labels(self) -> &'static [Label] {
                match self {$(
                    Self::$variant => {
                        static LABELS: [Label; 1] = [Label::from_static_parts($key, $text)];
                        &LABELS
                    }
                )+}
            }
        }
    )+};
}

labels! {
    /// What made a token new.
    RotatedBy, "by" {
        Explicit = "explicit",
        Period = "period",
        Owner = "owner",
    }
    /// Why a live session was deleted.
    Destroyed, "reason" {
        Handler = "handler",
        Revoked = "revoked",
        Replayed = "replayed",
        Limit = "limit",
        Unfinished = "unfinished",
    }
    /// What a request's token opened.
    LoadOutcome, "outcome" {
        Live = "live",
        Unknown = "unknown",
        BesideRotation = "beside_rotation",
        Replayed = "replayed",
        Newer = "newer",
        Undecodable = "undecodable",
        Failed = "failed",
    }
    /// Why a cookie was worth nothing before the store was asked.
    Refused, "reason" {
        Unsealed = "unsealed",
        Ambiguous = "ambiguous",
    }
    /// What a store answered to a commit.
    CommitOutcome, "outcome" {
        Applied = "applied",
        Conflict = "conflict",
        Superseded = "superseded",
        Gone = "gone",
        Failed = "failed",
    }
    /// A method of the store.
    Operation, "operation" {
        Load = "load",
        Create = "create",
        Commit = "commit",
        Delete = "delete",
        FindByOwner = "find_by_owner",
        RevokeOwner = "revoke_owner",
    }
}

impl RotatedBy {
    /// Of a patch that rotates.
    pub(crate) fn of(patch: &Patch) -> Self {
        if patch.owner != OwnerChange::Unchanged {
            Self::Owner
        } else if patch.rotation == Some(Rotation::Periodic) {
            Self::Period
        } else {
            Self::Explicit
        }
    }
}

/// How often something happened.
pub(crate) struct Counter<L> {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody is told"))]
    name: &'static str,
    labels: PhantomData<L>,
}

/// How long something took, in seconds.
pub(crate) struct Seconds<L> {
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nobody is told"))]
    name: &'static str,
    labels: PhantomData<L>,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $kind:ident $metric:ident<$label:ident> = $name:literal, $help:literal;)+) => {
        $(pub(crate) const $metric: $kind<$label> = $kind { name: $name, labels: PhantomData };)+

        /// Tells the recorder what each metric of the library means, for pages that show it. Call it once, after the
        /// recorder was installed; metrics are recorded without it, too.
        #[cfg(feature = "metrics")]
        pub fn describe_metrics() {
            with_recorder(|recorder| {$(
                $kind::<$label>::describe(recorder, $name.into(), $help.into());
            )+});
        }
    };
}

metrics! {
    Counter CREATED<Unlabelled> = "session_created_total", "Sessions created.";
    Counter ROTATED<RotatedBy> = "session_rotated_total", "Sessions given a new token.";
    Counter DESTROYED<Destroyed> = "session_destroyed_total", "Live sessions deleted.";
    Counter EXPIRED<Unlabelled> = "session_expired_total", "Expired sessions removed by a sweep.";
    Counter EVICTED<Unlabelled> = "session_evicted_total", "Live sessions let go by a full memory store.";
    Counter LOADS<LoadOutcome> = "session_loads_total", "Requests that brought a genuine token and used their session.";
    Counter COOKIES_REFUSED<Refused> = "session_cookies_refused_total", "Requests with a cookie that opens nothing.";
    Counter COMMITS<CommitOutcome> = "session_commits_total", "Commits, touches among them.";
    Counter UPDATE_RETRIES<Unlabelled> = "session_update_retries_total", "Times that an update ran again.";
    Counter CONTENDED<Unlabelled> = "session_contended_total", "Waits for other writers that were given up.";
    Counter LIMIT_REFUSALS<Unlabelled> = "session_limit_refusals_total", "Log-ins refused for the owner's limit of sessions.";
    Counter STORE_FAILURES<Operation> = "session_store_failures_total", "Store calls that failed or took too long.";
    Seconds STORE_CALLS<Operation> = "session_store_duration_seconds", "How long store calls took.";
}

#[cfg(feature = "metrics")]
static METADATA: Metadata<'static> = Metadata::new(TARGET, Level::INFO, None);

impl Counter<Unlabelled> {
    pub(crate) fn add(&self, times: u64) {
        self.add_of(Unlabelled, times);
    }
}

impl<L: Labels> Counter<L> {
    /// One more with this label.
    pub(crate) fn one(&self, label: L) {
        self.add_of(label, 1);
    }

    #[inline]
    pub(crate) fn add_of(&self, label: L, times: u64) {
        #[cfg(feature = "metrics")]
        with_recorder(|recorder| {
            let key = Key::from_static_parts(self.name, label.labels());
            recorder.register_counter(&key, &METADATA).increment(times);
        });
        #[cfg(not(feature = "metrics"))]
        let _ = (self, label, times);
    }

    #[cfg(feature = "metrics")]
    fn describe(recorder: &dyn Recorder, name: KeyName, help: SharedString) {
        recorder.describe_counter(name, Some(Unit::Count), help);
    }
}

impl<L: Labels> Seconds<L> {
    #[inline]
    pub(crate) fn record(&self, label: L, watch: &Stopwatch) {
        #[cfg(feature = "metrics")]
        with_recorder(|recorder| {
            let key = Key::from_static_parts(self.name, label.labels());
            let seconds = watch.began.elapsed().as_secs_f64();
            recorder.register_histogram(&key, &METADATA).record(seconds);
        });
        #[cfg(not(feature = "metrics"))]
        let _ = (self, label, watch);
    }

    #[cfg(feature = "metrics")]
    fn describe(recorder: &dyn Recorder, name: KeyName, help: SharedString) {
        recorder.describe_histogram(name, Some(Unit::Seconds), help);
    }
}

/// Since when something takes its time; without the feature it does not look at the clock.
pub(crate) struct Stopwatch {
    #[cfg(feature = "metrics")]
    began: std::time::Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(feature = "metrics")]
            began: std::time::Instant::now(),
        }
    }
}
