//! What the tests of the suite are written with.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::oneshot;

use super::Harness;
use crate::{
    BoxFuture, Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, OwnerChange,
    Patch, Record, Renewal, Rotation, SessionId, SessionStore, Timestamp,
};

/// Beyond every barrier, of any version.
pub(super) const ANYTIME: Guard = Guard {
    generation: u32::MAX,
    version: None,
};

/// One test's store.
#[expect(missing_debug_implementations, reason = "only the macro holds one")]
pub struct Bench<H: Harness> {
    pub(super) harness: H,
    pub(super) store: Arc<H::Store>,
    pub(super) spawn: fn(BoxFuture<()>),
}

impl<H: Harness> Bench<H> {
    #[doc(hidden)]
    pub async fn start(spawn: fn(BoxFuture<()>)) -> Option<Self> {
        let harness = H::start().await?;
        let store = Arc::new(harness.store().await);
        Some(Self {
            harness,
            store,
            spawn,
        })
    }

    /// The store as other processes see it.
    pub(super) async fn handles(&self, count: usize) -> Vec<Arc<H::Store>> {
        let mut handles = Vec::new();
        for _ in 0..count {
            handles.push(Arc::new(self.harness.store().await));
        }
        handles
    }

    /// Starts a task beside this one.
    pub(super) fn beside<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> {
        let (done, answer) = oneshot::channel();
        (self.spawn)(Box::pin(async move { drop(done.send(task.await)) }));
        async { answer.await.expect("a task beside this one panicked") }
    }

    pub(super) async fn pass(&self, minutes: f64) {
        self.harness.pass(H::MINUTE.mul_f64(minutes)).await;
    }

    pub(super) fn lifetime() -> Lifetime {
        Lifetime {
            idle: H::MINUTE,
            absolute: H::MINUTE * 10,
        }
    }

    /// With the fields `count` (1), and `lang`, which survives a change of owner.
    pub(super) fn new_record(owner: Option<&str>) -> NewRecord {
        NewRecord {
            fields: Fields::default().merge(&[
                FieldChange::set("count", "1"),
                FieldChange::set("lang", "\"de\"").keeping(true),
            ]),
            owner: owner.map(str::to_owned),
            lifetime: Self::lifetime(),
        }
    }

    pub(super) fn touch() -> Patch {
        Patch {
            renewal: Some(Renewal {
                lifetime: Self::lifetime(),
                unless_touched_after: None,
            }),
            ..Patch::default()
        }
    }

    pub(super) fn owned_by(owner: &str) -> Patch {
        Patch {
            owner: OwnerChange::Set(owner.to_owned()),
            ..Self::touch()
        }
    }

    pub(super) async fn create(&self, owner: Option<&str>) -> SessionId {
        self.create_as(Self::new_record(owner)).await
    }

    pub(super) async fn create_as(&self, new: NewRecord) -> SessionId {
        let id = SessionId::generate();
        match self.store.create(id, new).await.expect("create") {
            Created::Created(_) => id,
            Created::IdTaken => panic!("a new id was taken"),
        }
    }

    pub(super) async fn try_load(&self, id: SessionId) -> Option<Arc<Record>> {
        self.store.load(id).await.expect("load")
    }

    pub(super) async fn load(&self, id: SessionId) -> Arc<Record> {
        self.try_load(id).await.expect("a live record")
    }

    pub(super) async fn lives(&self, id: SessionId) -> bool {
        self.try_load(id).await.is_some()
    }

    pub(super) async fn commit(&self, id: SessionId, guard: Guard, patch: &Patch) -> Committed {
        self.store.commit(id, guard, patch).await.expect("commit")
    }

    /// Commits whatever has happened since, and must succeed. What is answered is what is then loaded.
    pub(super) async fn apply(&self, id: SessionId, patch: &Patch) -> Arc<Record> {
        self.apply_if(id, ANYTIME, patch).await
    }

    pub(super) async fn apply_if(&self, id: SessionId, guard: Guard, patch: &Patch) -> Arc<Record> {
        let record = applied(self.commit(id, guard, patch).await);
        assert_eq!(record.parts(), self.load(id).await.parts());
        record
    }

    pub(super) async fn sessions_of(&self, owner: &str) -> Vec<SessionId> {
        let found = self.store.find_by_owner(owner).await;
        let mut ids = Vec::new();
        for (id, record) in found.expect("find_by_owner") {
            assert_eq!(record.owner(), Some(owner));
            ids.push(id);
        }
        ids.sort();
        ids
    }

    /// A time of a record must lie so many minutes behind its `now`.
    #[track_caller]
    pub(super) fn assert_age(record: &Record, time: Timestamp, minutes: f64) {
        Self::assert_about(record.now().since(time), minutes);
    }

    /// A record must live for so many minutes yet.
    #[track_caller]
    pub(super) fn assert_left(record: &Record, minutes: f64) {
        Self::assert_about(record.expires_at().since(record.now()), minutes);
    }

    #[track_caller]
    fn assert_about(span: Duration, minutes: f64) {
        let expected = H::MINUTE.mul_f64(minutes);
        let off = span.abs_diff(expected);
        let allowed = if H::STANDS_STILL {
            Duration::ZERO
        } else {
            H::MINUTE / 10
        };
        assert!(
            off <= allowed,
            "{span:?} is not {expected:?}, by the times and the `now` of a record that was returned: does each answer \
             tell the store's time, by `Record::new(parts, now)` or `Record::answered_at(now)`?"
        );
    }
}

#[track_caller]
pub(super) fn applied(answer: Committed) -> Arc<Record> {
    match answer {
        Committed::Applied(record) => record,
        other => panic!("not applied: {other:?}"),
    }
}

#[track_caller]
pub(super) fn superseded(answer: Committed) -> Arc<Record> {
    match answer {
        Committed::Superseded(record) => record,
        other => panic!("not superseded: {other:?}"),
    }
}

#[track_caller]
pub(super) fn conflicting(answer: Committed) -> Arc<Record> {
    match answer {
        Committed::Conflict(record) => record,
        other => panic!("no conflict: {other:?}"),
    }
}

pub(super) fn generation(generation: u32) -> Guard {
    Guard {
        generation,
        version: None,
    }
}

pub(super) fn version(version: u64) -> Guard {
    Guard {
        generation: u32::MAX,
        version: Some(version),
    }
}

pub(super) fn set(name: &'static str, json: &str) -> Patch {
    change(FieldChange::set(name, json))
}

pub(super) fn change(change: FieldChange) -> Patch {
    Patch {
        fields: vec![change],
        ..Patch::default()
    }
}

pub(super) fn rotate(why: Rotation) -> Patch {
    Patch {
        rotation: Some(why),
        ..Patch::default()
    }
}

/// Names and values.
pub(super) fn fields(record: &Record) -> Vec<(&str, &str)> {
    let fields = record.fields().iter();
    fields.map(|field| (field.name, field.json)).collect()
}

pub(super) fn sorted(mut ids: Vec<SessionId>) -> Vec<SessionId> {
    ids.sort();
    ids
}
