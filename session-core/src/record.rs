//! What a store holds for one session, and the one rule of how a patch changes it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{Committed, Fields, Guard, NewRecord, OwnerChange, Patch, Rotation, Timestamp};

/// What a store holds for one session.
///
/// A record never changes: a commit puts a new one in its place, so a request keeps the one it loaded.
/// Only [`now`](Self::now) moves: the store's time at its latest answer, by which all times here are judged.
///
/// `Debug` shows neither values nor the owner.
pub struct Record {
    fields: Fields,
    created_at: Timestamp,
    touched_at: Timestamp,
    expires_at: Timestamp,
    version: u64,
    /// `None` where nothing has happened yet: a memory store holds very many of those.
    history: Option<Arc<History>>,
    now: AtomicU64,
}

// There is one for each of very many sessions.
const _: () = assert!(size_of::<Record>() <= 64);

/// What happened to a session beyond writes and touches: logins, rotations, a lifetime of its own.
/// The record of the next write shares it.
#[derive(Clone, PartialEq, Eq)]
struct History {
    owner: Option<Box<str>>,
    owner_since: Option<Timestamp>,
    started_at: Timestamp,
    rotated_at: Timestamp,
    confirmed_at: Option<Timestamp>,
    remembered: Option<Duration>,
    generation: u32,
    barrier: u32,
}

impl History {
    /// That of a session to which nothing has happened.
    const fn empty(created_at: Timestamp) -> Self {
        Self {
            owner: None,
            owner_since: None,
            started_at: created_at,
            rotated_at: created_at,
            confirmed_at: None,
            remembered: None,
            generation: 0,
            barrier: 0,
        }
    }
}

/// Everything in a [`Record`], for stores that write it in columns and read it back.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordParts {
    /// The fields.
    pub fields: Fields,
    /// Who the session belongs to.
    pub owner: Option<String>,
    /// When the owner was last set; `None` while there is none.
    pub owner_since: Option<Timestamp>,
    /// When the record was created.
    pub created_at: Timestamp,
    /// When the absolute clock started: at the creation, or when the owner last became a different one.
    pub started_at: Timestamp,
    /// When the expiry was last renewed: the last activity, as exact as the touch interval.
    pub touched_at: Timestamp,
    /// When the generation last rose; the creation counts.
    pub rotated_at: Timestamp,
    /// When a client first showed the token of this generation, after a periodic rotation.
    pub confirmed_at: Option<Timestamp>,
    /// From this moment on the session is dead.
    pub expires_at: Timestamp,
    /// Raised by each rotation.
    pub generation: u32,
    /// The generation of the last explicit rotation or change of owner: who loaded an older one can't write.
    pub barrier: u32,
    /// Raised by each commit that changes more than the expiry.
    pub version: u64,
    /// The session's own lifetime, if it has one ([`Session::remember`](crate::Session::remember)).
    pub remembered: Option<Duration>,
}

impl Record {
    /// A record as a store holds it; `now` is the store's time at this answer.
    #[must_use]
    pub fn new(parts: RecordParts, now: Timestamp) -> Self {
        let history = History {
            owner: parts.owner.map(String::into_boxed_str),
            owner_since: parts.owner_since,
            started_at: parts.started_at,
            rotated_at: parts.rotated_at,
            confirmed_at: parts.confirmed_at,
            remembered: parts.remembered,
            generation: parts.generation,
            barrier: parts.barrier,
        };
        let is_empty = history == History::empty(parts.created_at);
        Self {
            fields: parts.fields,
            created_at: parts.created_at,
            touched_at: parts.touched_at,
            expires_at: parts.expires_at,
            version: parts.version,
            history: (!is_empty).then(|| Arc::new(history)),
            now: AtomicU64::new(now.as_micros()),
        }
    }

    /// The first record of a session.
    #[must_use]
    pub fn create(new: NewRecord, now: Timestamp) -> Self {
        let history = new.owner.map(|owner| {
            Arc::new(History {
                owner: Some(owner.into_boxed_str()),
                owner_since: Some(now),
                ..History::empty(now)
            })
        });
        Self {
            fields: new.fields,
            created_at: now,
            touched_at: now,
            expires_at: new.lifetime.deadline(now, now),
            version: 0,
            history,
            now: AtomicU64::new(now.as_micros()),
        }
    }

    /// The rule of every commit, for stores that hold records in memory: the newest record and a patch in,
    /// [`Applied`](Committed::Applied) with the next record or the reason why not out.
    /// The store calls it under its lock and keeps what was applied.
    #[must_use]
    pub fn commit(self: &Arc<Self>, guard: Guard, patch: &Patch, now: Timestamp) -> Committed {
        self.answered_at(now);
        if self.is_expired(now) {
            return Committed::Gone;
        }
        if guard.generation < self.barrier() {
            return Committed::Superseded(Arc::clone(self));
        }
        if guard.version.is_some_and(|version| version != self.version) {
            return Committed::Conflict(Arc::clone(self));
        }
        Committed::Applied(Arc::new(self.patched(guard, patch, now)))
    }

    fn patched(&self, guard: Guard, patch: &Patch, now: Timestamp) -> Self {
        let sets_owner = patch.owner != OwnerChange::Unchanged;
        let other_owner = sets_owner && self.owner() != patch.owner.owner();
        let is_newest = guard.generation == self.generation();
        let periodic = patch.rotation == Some(Rotation::Periodic) && is_newest;
        let rotates = patch.is_barrier() || periodic;
        let confirms = patch.confirm && is_newest && self.confirmed_at().is_none();

        let mut history = self.history.clone();
        if rotates || confirms || patch.remember.is_some() {
            let empty = || Arc::new(History::empty(self.created_at));
            let history = Arc::make_mut(history.get_or_insert_with(empty));
            if sets_owner {
                history.owner = patch.owner.owner().map(Box::from);
                history.owner_since = patch.owner.owner().map(|_| now);
            }
            // Neither the clocks nor the "keep me signed in" of a former owner count for the next one.
            if other_owner {
                history.started_at = now;
                history.remembered = None;
            }
            if rotates {
                history.generation = history.generation.saturating_add(1);
                history.rotated_at = now;
                history.confirmed_at = None;
            } else if confirms {
                history.confirmed_at = Some(now);
            }
            if patch.is_barrier() {
                history.barrier = history.generation;
            }
            history.remembered = patch.remember.or(history.remembered);
        }

        let fields = if other_owner && self.owner().is_some() {
            self.fields.kept().merge(&patch.fields)
        } else {
            self.fields.merge(&patch.fields)
        };

        let mut next = Self {
            fields,
            created_at: self.created_at,
            touched_at: self.touched_at,
            expires_at: self.expires_at,
            version: self.version.saturating_add(u64::from(!patch.is_touch())),
            history,
            now: AtomicU64::new(now.as_micros()),
        };
        if let Some(renewal) = patch.renewal
            && renewal.applies(self.touched_at)
        {
            let deadline = renewal.lifetime.deadline(next.started_at(), now);
            next.touched_at = now;
            next.expires_at = if other_owner {
                deadline
            } else {
                deadline.max(self.expires_at)
            };
        }
        next
    }

    /// Dead from the deadline on: `now == expires_at` is expired, for everybody alike.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The store's time at its latest answer with this record.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::Relaxed))
    }

    /// For a store that hands the same record to many: notes the time of an answer. It only moves forward.
    pub fn answered_at(&self, now: Timestamp) {
        // Those who read at the same moment need not take the cache line from each other.
        if self.now() < now {
            self.now.fetch_max(now.as_micros(), Ordering::Relaxed);
        }
    }

    /// Everything, for a store that writes it in columns.
    #[must_use]
    pub fn parts(&self) -> RecordParts {
        RecordParts {
            fields: self.fields.clone(),
            owner: self.owner().map(str::to_owned),
            owner_since: self.owner_since(),
            created_at: self.created_at,
            started_at: self.started_at(),
            touched_at: self.touched_at,
            rotated_at: self.rotated_at(),
            confirmed_at: self.confirmed_at(),
            expires_at: self.expires_at,
            generation: self.generation(),
            barrier: self.barrier(),
            version: self.version,
            remembered: self.remembered(),
        }
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Who the session belongs to.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.history.as_ref()?.owner.as_deref()
    }

    /// When the owner was last set.
    #[must_use]
    pub fn owner_since(&self) -> Option<Timestamp> {
        self.history.as_ref()?.owner_since
    }

    /// When the record was created.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When the absolute clock started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        let history = self.history.as_ref();
        history.map_or(self.created_at, |history| history.started_at)
    }

    /// When the expiry was last renewed.
    #[must_use]
    pub fn touched_at(&self) -> Timestamp {
        self.touched_at
    }

    /// When the generation last rose.
    #[must_use]
    pub fn rotated_at(&self) -> Timestamp {
        let history = self.history.as_ref();
        history.map_or(self.created_at, |history| history.rotated_at)
    }

    /// When a client first showed the token of this generation, after a periodic rotation.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Timestamp> {
        self.history.as_ref()?.confirmed_at
    }

    /// From this moment on the session is dead.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Raised by each rotation.
    #[must_use]
    pub fn generation(&self) -> u32 {
        let history = self.history.as_ref();
        history.map_or(0, |history| history.generation)
    }

    /// The generation of the last explicit rotation or change of owner.
    #[must_use]
    pub fn barrier(&self) -> u32 {
        let history = self.history.as_ref();
        history.map_or(0, |history| history.barrier)
    }

    /// Raised by each commit that changes more than the expiry.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The session's own lifetime, if it has one.
    #[must_use]
    pub fn remembered(&self) -> Option<Duration> {
        self.history.as_ref()?.remembered
    }

    /// Bytes of fields and owner: what `max_record_size` bounds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.fields.size() + self.owner().map_or(0, str::len)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("parts", &self.parts())
            .field("now", &self.now())
            .finish()
    }
}

impl fmt::Debug for RecordParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordParts")
            .field("fields", &self.fields)
            .field("owned", &self.owner.is_some())
            .field("expires_at", &self.expires_at)
            .field("generation", &self.generation)
            .field("barrier", &self.barrier)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FieldChange, Lifetime, Renewal};

    const HOUR: Duration = Duration::from_hours(1);
    const LIFETIME: Lifetime = Lifetime {
        idle: HOUR,
        absolute: Duration::from_hours(3),
    };
    const START: Timestamp = Timestamp::from_micros(1_000_000);

    fn record(owner: Option<&str>) -> Arc<Record> {
        let changes = [
            FieldChange::set("basket", "[1]"),
            FieldChange::set("lang", "\"de\"").keeping(true),
        ];
        Arc::new(Record::create(
            NewRecord {
                fields: Fields::default().merge(&changes),
                owner: owner.map(str::to_owned),
                lifetime: LIFETIME,
            },
            START,
        ))
    }

    fn apply(record: &Arc<Record>, patch: &Patch, now: Timestamp) -> Arc<Record> {
        let guard = Guard {
            generation: record.generation(),
            version: None,
        };
        match record.commit(guard, patch, now) {
            Committed::Applied(next) => next,
            other => panic!("{other:?}"),
        }
    }

    fn touch() -> Patch {
        Patch {
            renewal: Some(Renewal {
                lifetime: LIFETIME,
                unless_touched_after: None,
            }),
            ..Patch::default()
        }
    }

    fn names(record: &Record) -> Vec<&str> {
        record.fields().iter().map(|field| field.name).collect()
    }

    #[test]
    fn a_touch_moves_the_expiry_only_forward_and_never_beyond_the_absolute_limit() {
        let record = record(None);
        let half = apply(&record, &touch(), START.after(HOUR / 2));
        assert_eq!(half.expires_at(), START.after(HOUR * 3 / 2));
        assert_eq!(half.version(), record.version());
        let short = Patch {
            renewal: Some(Renewal {
                lifetime: Lifetime {
                    idle: HOUR / 60,
                    absolute: HOUR,
                },
                unless_touched_after: None,
            }),
            ..Patch::default()
        };
        assert_eq!(
            apply(&half, &short, half.now()).expires_at(),
            half.expires_at()
        );
        let mut late = half;
        for _ in 0..4 {
            late = apply(&late, &touch(), late.now().after(HOUR / 2));
        }
        assert_eq!(late.expires_at(), START.after(HOUR * 3));
    }

    #[test]
    fn what_most_sessions_do_not_have_takes_no_room_and_is_shared_by_the_next_record() {
        let write = Patch {
            fields: vec![FieldChange::set("new", "1")],
            ..touch()
        };
        let plain = apply(&record(None), &write, START.after(HOUR / 2));
        assert!(plain.history.is_none());
        assert!(Record::new(plain.parts(), START).history.is_none());

        let owned = record(Some("ada"));
        let next = apply(&owned, &write, START.after(HOUR / 2));
        let (Some(before), Some(after)) = (&owned.history, &next.history) else {
            panic!("owned")
        };
        assert!(Arc::ptr_eq(before, after));
    }

    #[test]
    fn a_record_of_the_parts_of_another_is_its_equal() {
        let later = START.after(HOUR / 2);
        let rotate = |rotation| Patch {
            rotation: Some(rotation),
            ..touch()
        };
        let changes = [
            touch(),
            Patch {
                owner: OwnerChange::Set("ada".into()),
                ..touch()
            },
            rotate(Rotation::Explicit),
            rotate(Rotation::Periodic),
            Patch {
                confirm: true,
                ..Patch::default()
            },
            Patch {
                remember: Some(HOUR * 9),
                ..Patch::default()
            },
        ];
        for first in &changes {
            for second in &changes {
                let record = apply(&apply(&record(None), first, later), second, later);
                let parts = record.parts();
                let again = Record::new(parts.clone(), record.now());
                assert!(again.parts() == parts, "{parts:?}");
                assert_eq!(again.history.is_some(), record.history.is_some());
                assert_eq!(again.remembered(), parts.remembered);
                assert_eq!(again.confirmed_at(), parts.confirmed_at);
                assert_eq!(again.rotated_at(), parts.rotated_at);
            }
        }
    }

    #[test]
    fn the_deadline_itself_is_expired() {
        let record = record(None);
        let guard = Guard {
            generation: 0,
            version: None,
        };
        let last = Timestamp::from_micros(record.expires_at().as_micros() - 1);
        assert!(matches!(
            record.commit(guard, &touch(), last),
            Committed::Applied(_)
        ));
        let at = record.expires_at();
        assert!(matches!(
            record.commit(guard, &touch(), at),
            Committed::Gone
        ));
    }

    #[test]
    fn from_nobody_to_somebody_the_fields_stay_and_from_one_to_another_only_the_kept_ones() {
        let set = |owner: OwnerChange| Patch {
            owner,
            fields: vec![FieldChange::set("new", "1")],
            ..touch()
        };
        let ada = apply(
            &record(None),
            &set(OwnerChange::Set("ada".into())),
            START.after(HOUR / 2),
        );
        assert_eq!(names(&ada), ["basket", "lang", "new"]);
        assert_eq!((ada.generation(), ada.barrier()), (1, 1));
        assert_eq!(ada.started_at(), ada.now());

        let again = apply(
            &ada,
            &set(OwnerChange::Set("ada".into())),
            START.after(HOUR),
        );
        assert_eq!((again.generation(), again.barrier()), (2, 2));
        assert_eq!(again.started_at(), ada.started_at());
        assert_eq!(again.owner_since(), Some(again.now()));
        assert_eq!(names(&again), ["basket", "lang", "new"]);

        let bob = apply(
            &again,
            &set(OwnerChange::Set("bob".into())),
            START.after(HOUR),
        );
        assert_eq!(names(&bob), ["lang", "new"]);
        let nobody = apply(
            &bob,
            &Patch {
                owner: OwnerChange::Cleared,
                ..touch()
            },
            START.after(HOUR),
        );
        assert_eq!(
            (names(&nobody), nobody.owner(), nobody.owner_since()),
            (vec!["lang"], None, None)
        );
    }

    #[test]
    fn a_periodic_rotation_is_no_barrier_and_happens_once() {
        let record = record(None);
        let rotate = Patch {
            rotation: Some(Rotation::Periodic),
            ..Patch::default()
        };
        let once = apply(&record, &rotate, START);
        assert_eq!((once.generation(), once.barrier()), (1, 0));
        let guard = Guard {
            generation: 0,
            version: None,
        };
        let Committed::Applied(twice) = once.commit(guard, &rotate, START) else {
            panic!("no barrier")
        };
        assert_eq!(twice.generation(), 1);
        let explicit = Patch {
            rotation: Some(Rotation::Explicit),
            ..Patch::default()
        };
        let barred = apply(&twice, &explicit, START);
        assert!(matches!(
            barred.commit(guard, &touch(), START),
            Committed::Superseded(_)
        ));
    }

    #[test]
    fn numbers_at_their_end_stay_there() {
        let last = RecordParts {
            generation: u32::MAX,
            version: u64::MAX,
            ..record(None).parts()
        };
        let last = Arc::new(Record::new(last, START));
        let rotate = Patch {
            rotation: Some(Rotation::Explicit),
            ..touch()
        };
        let next = apply(&last, &rotate, START);
        assert_eq!((next.generation(), next.version()), (u32::MAX, u64::MAX));
    }
}
