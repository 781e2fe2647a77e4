//! What becomes of those who remember more than the store does (R13).

use std::{future::pending, sync::Arc, time::Duration};

use super::{
    Harness,
    bench::{Bench, applied, generation, rotate},
};
use crate::{
    Backend, BoxFuture, Patch, Policy, Presented, Rotation, Runtime, Session, SessionStore, Status,
    Token,
};

/// The test's own runtime, without time limits.
struct Unlimited(fn(BoxFuture<()>));

impl Runtime for Unlimited {
    fn sleep(&self, _: Duration) -> BoxFuture<()> {
        Box::pin(pending())
    }

    fn spawn(&self, task: BoxFuture<()>) {
        (self.0)(task);
    }
}

pub async fn a_token_newer_than_its_record_opens_nothing<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let rotated = bench.apply(id, &rotate(Rotation::Explicit)).await;
    let token = Token {
        id,
        generation: rotated.generation(),
    };
    // The store is restored from a backup of before the rotation.
    assert!(bench.store.delete(id).await.expect("delete"));
    let backup = Bench::<H>::new_record(Some("ada"));
    bench.store.create(id, backup).await.expect("create");
    let before = bench.load(id).await;

    let store = Arc::clone(&bench.store);
    let backend = Backend::new(store, Policy::default(), Unlimited(bench.spawn));
    let presented = Presented::Token {
        token,
        reseal: false,
    };
    let session = Session::open(Arc::new(backend), presented).await;
    let session = session.expect("a store that answers");
    assert_eq!(session.status(), Status::Unknown);
    assert_eq!((session.get::<u64>("count"), session.owner()), (None, None));
    session.insert("count", 7);
    session.commit().await.expect("a new session");
    let new = session.id().expect("it lives");
    assert_ne!(new, id);
    assert_eq!(bench.load(new).await.fields().get("count"), Some("7"));
    assert_eq!(bench.load(id).await.parts(), before.parts());

    // In the store such a guard is above every barrier, but what is for the newest token alone is not done.
    let upkeep = Patch {
        confirm: true,
        ..rotate(Rotation::Periodic)
    };
    let answer = bench.commit(id, generation(token.generation), &upkeep);
    let record = applied(answer.await);
    assert_eq!((record.generation(), record.confirmed_at()), (0, None));
}
