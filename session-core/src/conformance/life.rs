//! A record's life from its creation to its end (R8, R15, R19).

use std::{sync::Arc, time::Duration};

use super::{
    Harness,
    bench::{ANYTIME, Bench, fields, rotate, set},
};
use crate::{
    Committed, Created, FieldChange, Fields, Guard, Lifetime, NewRecord, Patch, Record, Renewal,
    Rotation, SessionId, SessionStore,
};

pub async fn a_new_record_is_what_was_created<H: Harness>(bench: &Bench<H>) {
    for owner in [None, Some("ada")] {
        let id = SessionId::generate();
        assert!(!bench.lives(id).await);
        let new = Bench::<H>::new_record(owner);
        let created = bench.store.create(id, new.clone()).await.expect("create");
        let Created::Created(created) = created else {
            panic!("{created:?}")
        };
        for record in [created, bench.load(id).await] {
            assert_eq!(record.fields(), &new.fields);
            assert_eq!(record.owner(), owner);
            assert_eq!(record.owner_since(), owner.map(|_| record.created_at()));
            assert_eq!(record.started_at(), record.created_at());
            assert_eq!(record.touched_at(), record.created_at());
            assert_eq!(record.rotated_at(), record.created_at());
            assert_eq!(record.confirmed_at(), None);
            assert_eq!((record.generation(), record.barrier()), (0, 0));
            assert_eq!((record.version(), record.remembered()), (0, None));
            Bench::<H>::assert_age(&record, record.created_at(), 0.0);
            Bench::<H>::assert_left(&record, 1.0);
        }
    }
    // The shorter limit counts.
    let mut short = Bench::<H>::new_record(None);
    short.lifetime.absolute = H::MINUTE / 2;
    short.fields = Fields::default();
    let record = bench.load(bench.create_as(short).await).await;
    assert!(record.fields().is_empty());
    Bench::<H>::assert_left(&record, 0.5);
}

pub async fn a_creation_never_overwrites_a_live_record<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let before = bench.apply(id, &set("count", "2")).await;
    for owner in [None, Some("eve")] {
        let again = bench.store.create(id, Bench::<H>::new_record(owner));
        assert!(matches!(again.await, Ok(Created::IdTaken)));
        assert_eq!(bench.load(id).await.parts(), before.parts());
    }
    assert_eq!(bench.sessions_of("ada").await, [id]);
    assert_eq!(bench.sessions_of("eve").await, []);
    assert_eq!(bench.store.count().await.expect("count"), 1);
}

pub async fn an_expired_id_may_be_created_anew<H: Harness>(bench: &Bench<H>) {
    let ids = [
        bench.create(Some("ada")).await,
        bench.create(Some("ada")).await,
    ];
    for id in ids {
        bench.apply(id, &set("more", "2")).await;
        bench.apply(id, &rotate(Rotation::Explicit)).await;
    }
    bench.pass(1.5).await;
    for (id, owner) in ids.into_iter().zip([None, Some("eve")]) {
        let new = NewRecord {
            fields: Fields::default().merge(&[FieldChange::set("new", "[]")]),
            ..Bench::<H>::new_record(owner)
        };
        let again = bench.store.create(id, new).await.expect("create");
        assert!(matches!(again, Created::Created(_)));
        let record = bench.load(id).await;
        assert_eq!(fields(&record), [("new", "[]")]);
        assert_eq!(record.owner(), owner);
        assert_eq!((record.generation(), record.version()), (0, 0));
        Bench::<H>::assert_age(&record, record.created_at(), 0.0);
    }
    assert_eq!(bench.sessions_of("ada").await, []);
    assert_eq!(bench.sessions_of("eve").await, [ids[1]]);
    assert_eq!(bench.store.count().await.expect("count"), 2);
}

pub async fn a_lifetime_may_be_as_long_as_a_duration<H: Harness>(bench: &Bench<H>) {
    let lifetime = Lifetime {
        idle: Duration::MAX,
        absolute: Duration::MAX,
    };
    let renew = Patch {
        renewal: Some(Renewal {
            lifetime,
            unless_touched_after: None,
        }),
        ..Patch::default()
    };
    for owner in [None, Some("ada")] {
        let new = NewRecord {
            lifetime,
            ..Bench::<H>::new_record(owner)
        };
        let id = bench.create_as(new).await;
        for patch in [&set("count", "2"), &renew] {
            let before = bench.load(id).await;
            let record = bench.apply(id, patch).await;
            // A store's own end of time may stand, or move with its clock.
            assert!(record.expires_at() >= before.expires_at());
        }
        let short = bench.create(owner).await;
        let record = bench.apply(short, &renew).await;
        assert!(record.expires_at() >= bench.load(id).await.expires_at());
    }
}

pub async fn a_commit_never_creates<H: Harness>(bench: &Bench<H>) {
    let (unknown, expired) = (SessionId::generate(), bench.create(Some("ada")).await);
    bench.pass(1.5).await;
    let deleted = bench.create(Some("ada")).await;
    assert!(bench.store.delete(deleted).await.expect("delete"));
    for id in [unknown, expired, deleted] {
        for patch in [
            set("count", "2"),
            rotate(Rotation::Explicit),
            rotate(Rotation::Periodic),
            Bench::<H>::touch(),
            Bench::<H>::owned_by("eve"),
        ] {
            let answer = bench.commit(id, ANYTIME, &patch).await;
            assert!(matches!(answer, Committed::Gone), "{answer:?}");
            assert!(!bench.lives(id).await);
        }
    }
    assert_eq!(bench.store.count().await.expect("count"), 0);
    assert_eq!(bench.sessions_of("eve").await, []);
}

pub async fn a_deletion_says_whether_there_was_a_live_record<H: Harness>(bench: &Bench<H>) {
    let expired = bench.create(None).await;
    bench.pass(1.5).await;
    let (id, other) = (
        bench.create(Some("ada")).await,
        bench.create(Some("ada")).await,
    );
    for (id, lived) in [
        (id, true),
        (id, false),
        (expired, false),
        (SessionId::generate(), false),
    ] {
        assert_eq!(bench.store.delete(id).await.expect("delete"), lived);
        assert!(!bench.lives(id).await);
    }
    assert_eq!(bench.sessions_of("ada").await, [other]);
    assert_eq!(bench.store.count().await.expect("count"), 1);
}

pub async fn a_record_is_dead_from_its_deadline_on_for_everybody<H: Harness>(bench: &Bench<H>) {
    let moment = if H::STANDS_STILL {
        Duration::from_micros(1)
    } else {
        H::MINUTE / 4
    };
    let short = || NewRecord {
        lifetime: Lifetime {
            absolute: H::MINUTE,
            idle: H::MINUTE * 2,
        },
        ..Bench::<H>::new_record(Some("ada"))
    };
    for limit in ["idle", "absolute"] {
        let mut ids = Vec::new();
        for _ in 0..5 {
            let new = if limit == "idle" {
                Bench::<H>::new_record(Some("ada"))
            } else {
                short()
            };
            ids.push(bench.create_as(new).await);
        }
        bench.harness.pass(H::MINUTE.saturating_sub(moment)).await;
        for id in &ids {
            assert!(bench.lives(*id).await, "{limit}");
        }
        assert_eq!(bench.store.count().await.expect("count"), 5);
        assert_eq!(bench.sessions_of("ada").await.len(), 5);
        assert_eq!(bench.store.delete_expired(10).await.expect("sweep"), 0);

        // Now it is exactly time, where time stands still.
        bench.harness.pass(moment).await;
        assert!(!bench.lives(ids[0]).await, "{limit}");
        assert_eq!(bench.store.count().await.expect("count"), 0);
        assert_eq!(bench.sessions_of("ada").await, []);
        let touch = bench.commit(ids[0], ANYTIME, &Bench::<H>::touch()).await;
        assert!(matches!(touch, Committed::Gone), "{touch:?}");
        assert!(!bench.store.delete(ids[1]).await.expect("delete"));
        let again = bench.store.create(ids[2], short()).await;
        assert!(matches!(again, Ok(Created::Created(_))));
        assert!(bench.store.delete(ids[2]).await.expect("delete"));
        let revoked = bench.store.revoke_owner("ada", None);
        assert_eq!(revoked.await.expect("revoke"), 0);
        bench.store.delete_expired(10).await.expect("sweep");
    }
}

pub async fn every_answer_tells_the_time_of_the_store<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    bench.pass(0.25).await;
    let check = |record: Arc<Record>, minutes| {
        Bench::<H>::assert_age(&record, record.created_at(), minutes);
        Bench::<H>::assert_left(&record, 1.0 - minutes);
    };
    check(bench.load(id).await, 0.25);
    bench.pass(0.25).await;
    check(bench.apply(id, &set("count", "2")).await, 0.5);
    bench.pass(0.25).await;
    let mut found = bench.store.find_by_owner("ada").await.expect("find");
    check(found.remove(0).1, 0.75);
}

pub async fn what_can_not_be_read_is_never_overwritten<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let other = bench.create(Some("ada")).await;
    if !bench.harness.damage(id).await {
        return;
    }
    for _ in 0..2 {
        let error = bench.store.load(id).await.expect_err("load");
        assert!(error.is_undecodable(), "{error:?}");
        for patch in [set("count", "2"), Bench::<H>::touch()] {
            let answer = bench.store.commit(id, ANYTIME, &patch).await;
            let error = answer.expect_err("commit");
            assert!(error.is_undecodable(), "{error:?}");
        }
        let again = bench.store.create(id, Bench::<H>::new_record(None)).await;
        assert!(!matches!(again, Ok(Created::Created(_))), "{again:?}");
    }
    // Nobody is locked out of the others by it, or kept from ending it.
    assert_eq!(bench.sessions_of("ada").await, [other]);
    assert!(bench.store.delete(id).await.expect("delete"));
    assert!(!bench.lives(id).await);

    let id = bench.create(Some("bob")).await;
    assert!(bench.harness.damage(id).await);
    let revoked = bench.store.revoke_owner("bob", None);
    assert_eq!(revoked.await.expect("revoke"), 1);
    assert!(!bench.lives(id).await);

    // Where a load can tell that it is dead besides, a commit can, too.
    let id = bench.create(None).await;
    assert!(bench.harness.damage(id).await);
    bench.pass(1.5).await;
    if bench.store.load(id).await.is_ok() {
        let stale = Guard {
            version: Some(99),
            ..ANYTIME
        };
        for guard in [ANYTIME, stale] {
            for patch in [set("count", "2"), Bench::<H>::touch()] {
                let answer = bench.store.commit(id, guard, &patch).await;
                assert!(matches!(answer, Ok(Committed::Gone)), "{answer:?}");
            }
        }
    }
}
