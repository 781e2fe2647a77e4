//! Whose a session is, and what a change of that means (R12).

use super::{
    Harness,
    bench::{Bench, change, fields, set, sorted},
};
use crate::{FieldChange, OwnerChange, Patch, SessionStore};

const LANG: (&str, &str) = ("lang", "\"de\"");

fn cleared<H: Harness>() -> Patch {
    Patch {
        owner: OwnerChange::Cleared,
        ..Bench::<H>::touch()
    }
}

pub async fn the_fields_survive_a_login<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    let login = Patch {
        fields: set("name", "\"Ada\"").fields,
        ..Bench::<H>::owned_by("ada")
    };
    let record = bench.apply(id, &login).await;
    assert_eq!(record.owner(), Some("ada"));
    assert_eq!((record.generation(), record.barrier()), (1, 1));
    let stays = [("count", "1"), LANG, ("name", "\"Ada\"")];
    assert_eq!(fields(&record), stays);
    // Nobody to nobody changes none, either, and is a barrier all the same.
    let id = bench.create(None).await;
    let record = bench.apply(id, &cleared::<H>()).await;
    assert_eq!((record.owner(), record.owner_since()), (None, None));
    assert_eq!((record.generation(), record.barrier()), (1, 1));
    assert_eq!(fields(&record), [("count", "1"), LANG]);
}

pub async fn only_kept_fields_survive_a_change_of_owner<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let to_bob = Patch {
        fields: vec![
            FieldChange::set("b", "1"),
            FieldChange::set("both", "2").keeping(true),
        ],
        ..Bench::<H>::owned_by("bob")
    };
    let record = bench.apply(id, &to_bob).await;
    assert_eq!(record.owner(), Some("bob"));
    assert_eq!(fields(&record), [("b", "1"), ("both", "2"), LANG]);
    let logout = Patch {
        fields: vec![FieldChange::set("bye", "1"), FieldChange::removed("lang")],
        ..cleared::<H>()
    };
    let record = bench.apply(id, &logout).await;
    assert_eq!((record.owner(), record.owner_since()), (None, None));
    assert_eq!(fields(&record), [("both", "2"), ("bye", "1")]);
    let kept: Vec<_> = record.fields().iter().map(|field| field.keep).collect();
    assert_eq!(kept, [true, false]);
}

pub async fn a_field_is_kept_as_its_latest_write_says<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let kept = FieldChange::set("count", "2").keeping(true);
    let record = bench.apply(id, &change(kept)).await;
    assert!(record.fields().find("count").expect("there").keep);
    let record = bench.apply(id, &set("lang", "\"en\"")).await;
    assert!(!record.fields().find("lang").expect("there").keep);
    assert_eq!(fields(&record), [("count", "2"), ("lang", "\"en\"")]);
    let record = bench.apply(id, &Bench::<H>::owned_by("bob")).await;
    assert_eq!(fields(&record), [("count", "2")]);
    let record = bench
        .apply(id, &change(FieldChange::removed("count")))
        .await;
    assert_eq!(fields(&record), []);
}

pub async fn the_same_owner_again_rotates_but_restarts_no_clock<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    bench.pass(0.5).await;
    let record = bench.apply(id, &Bench::<H>::owned_by("ada")).await;
    assert_eq!((record.generation(), record.barrier()), (1, 1));
    assert_eq!(fields(&record), [("count", "1"), LANG]);
    let since = record.owner_since().expect("owned");
    Bench::<H>::assert_age(&record, since, 0.0);
    Bench::<H>::assert_age(&record, record.rotated_at(), 0.0);
    Bench::<H>::assert_age(&record, record.started_at(), 0.5);
    assert_eq!(bench.sessions_of("ada").await, [id]);
}

pub async fn a_different_owner_restarts_the_clocks<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    for patch in [
        Bench::<H>::owned_by("ada"),
        Bench::<H>::owned_by("bob"),
        cleared::<H>(),
    ] {
        bench.pass(0.5).await;
        let record = bench.apply(id, &patch).await;
        Bench::<H>::assert_age(&record, record.started_at(), 0.0);
        Bench::<H>::assert_left(&record, 1.0);
        if let Some(since) = record.owner_since() {
            Bench::<H>::assert_age(&record, since, 0.0);
        }
    }
    let record = bench.load(id).await;
    Bench::<H>::assert_age(&record, record.created_at(), 1.5);

    // The new owner's deadline may be nearer than the former one's.
    let mut long = Bench::<H>::new_record(Some("ada"));
    long.lifetime.idle = H::MINUTE * 5;
    let id = bench.create_as(long).await;
    let record = bench.apply(id, &Bench::<H>::owned_by("bob")).await;
    Bench::<H>::assert_left(&record, 1.0);
}

pub async fn the_sessions_of_an_owner_are_found<H: Harness>(bench: &Bench<H>) {
    let phone = bench.create(Some("ada")).await;
    let laptop = bench.create(Some("ada")).await;
    let other = bench.create(Some("bob")).await;
    let guest = bench.create(None).await;
    assert_eq!(bench.sessions_of("ada").await, sorted(vec![phone, laptop]));
    assert_eq!(bench.sessions_of("nobody").await, []);

    bench.apply(guest, &Bench::<H>::owned_by("ada")).await;
    bench.apply(phone, &Bench::<H>::owned_by("bob")).await;
    bench.apply(laptop, &cleared::<H>()).await;
    assert_eq!(bench.sessions_of("ada").await, [guest]);
    assert_eq!(bench.sessions_of("bob").await, sorted(vec![phone, other]));

    assert!(bench.store.delete(other).await.expect("delete"));
    assert_eq!(bench.sessions_of("bob").await, [phone]);
    bench.pass(1.5).await;
    assert_eq!(bench.sessions_of("bob").await, []);
    // Who died is not counted when the owner's other sessions are.
    let new = bench.create(Some("bob")).await;
    assert_eq!(bench.sessions_of("bob").await, [new]);
    let revoked = bench.store.revoke_owner("bob", None);
    assert_eq!(revoked.await.expect("revoke"), 1);
}

pub async fn an_owner_may_have_a_thousand_sessions<H: Harness>(bench: &Bench<H>) {
    let mut ids = Vec::new();
    for at in 0..1_000 {
        let id = bench.create(Some("ada")).await;
        if at % 100 == 0 {
            bench.create(Some("bob")).await;
        }
        ids.push(id);
    }
    let keep = ids[500];
    assert_eq!(bench.sessions_of("ada").await, sorted(ids));
    assert_eq!(bench.store.count().await.expect("count"), 1_010);
    let revoked = bench.store.revoke_owner("ada", Some(keep));
    assert_eq!(revoked.await.expect("revoke"), 999);
    assert_eq!(bench.sessions_of("ada").await, [keep]);
    assert_eq!(bench.sessions_of("bob").await.len(), 10);
    assert_eq!(bench.store.count().await.expect("count"), 11);
}

pub async fn all_sessions_of_an_owner_end_but_the_one_to_keep<H: Harness>(bench: &Bench<H>) {
    let revoke = async |keep| bench.store.revoke_owner("ada", keep).await.expect("revoke");
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(bench.create(Some("ada")).await);
    }
    let bob = bench.create(Some("bob")).await;
    assert_eq!(revoke(Some(ids[2])).await, 3);
    assert_eq!(bench.sessions_of("ada").await, [ids[2]]);
    for (at, id) in ids.iter().enumerate() {
        assert_eq!(bench.lives(*id).await, at == 2);
    }
    // It goes on as before.
    bench.apply(ids[2], &set("count", "2")).await;
    // The one to keep is somebody else's: it stays, and the owner has none left.
    assert_eq!(revoke(Some(bob)).await, 1);
    assert_eq!(bench.sessions_of("ada").await, []);
    assert_eq!(revoke(None).await, 0);
    assert!(bench.lives(bob).await);
    // Who logs in afterwards is not affected.
    let again = bench.create(Some("ada")).await;
    bench.pass(0.1).await;
    assert!(bench.lives(again).await);
    assert_eq!(bench.sessions_of("ada").await, [again]);
}

pub async fn an_owner_may_have_any_name<H: Harness>(bench: &Bench<H>) {
    let long = "x".repeat(500);
    let names = [
        "", " ", "a", "A", "ä", "a'b", "a\"b", "a%", "a_", "*", "{a}", "a:b", "a\\b", "a\nb",
        "null", "0", "🦀", "x';--", "\0", "a\0b", "\\0", "\u{1b}", "\u{1b}0", &long,
    ];
    let mut ids = Vec::new();
    for name in names {
        ids.push(bench.create(Some(name)).await);
        let other = bench.create(None).await;
        let record = bench.apply(other, &Bench::<H>::owned_by(name)).await;
        assert_eq!(record.owner(), Some(name));
        assert!(bench.store.delete(other).await.expect("delete"));
    }
    for (name, id) in names.iter().zip(ids) {
        assert_eq!(bench.sessions_of(name).await, [id], "{name}");
        let revoked = bench.store.revoke_owner(name, None);
        assert_eq!(revoked.await.expect("revoke"), 1, "{name}");
    }
    assert_eq!(bench.store.count().await.expect("count"), 0);
}
