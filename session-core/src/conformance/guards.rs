//! What a commit merges, and under which guard (R4, R5, R11).

use super::{
    Harness,
    bench::{ANYTIME, Bench, conflicting, fields, generation, rotate, set, superseded, version},
};
use crate::{FieldChange, Guard, OwnerChange, Patch, Rotation};

pub async fn fields_merge<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    let patch = Patch {
        fields: vec![
            FieldChange::set("a", "[]"),
            FieldChange::removed("count"),
            FieldChange::removed("never there"),
            FieldChange::set("z", "null"),
        ],
        ..Patch::default()
    };
    let record = bench.apply(id, &patch).await;
    let lang = ("lang", "\"de\"");
    assert_eq!(fields(&record), [("a", "[]"), lang, ("z", "null")]);
    let record = bench.apply(id, &set("a", "{\"a\":null}")).await;
    let now = [("a", "{\"a\":null}"), lang, ("z", "null")];
    assert_eq!(fields(&record), now);
    let everything = ["a", "lang", "z"].map(FieldChange::removed).to_vec();
    let patch = Patch {
        fields: everything,
        ..Patch::default()
    };
    let record = bench.apply(id, &patch).await;
    assert_eq!(fields(&record), []);
    let record = bench.apply(id, &set("a", "1")).await;
    assert_eq!(fields(&record), [("a", "1")]);
}

pub async fn each_commit_of_a_change_raises_the_version<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    let confirm = Patch {
        confirm: true,
        ..Patch::default()
    };
    let remember = Patch {
        remember: Some(H::MINUTE * 5),
        ..Bench::<H>::touch()
    };
    let cleared = Patch {
        owner: OwnerChange::Cleared,
        ..Bench::<H>::touch()
    };
    for (patch, expected) in [
        (set("count", "1"), 1),
        (Bench::<H>::touch(), 1),
        (Patch::default(), 1),
        (confirm, 1),
        (rotate(Rotation::Explicit), 2),
        (rotate(Rotation::Periodic), 3),
        (Bench::<H>::owned_by("ada"), 4),
        (Bench::<H>::owned_by("ada"), 5),
        (cleared, 6),
        (remember, 7),
    ] {
        let record = bench.apply(id, &patch).await;
        assert_eq!(record.version(), expected, "{patch:?}");
    }
}

pub async fn an_older_version_is_a_conflict_that_brings_the_newest_record<H: Harness>(
    bench: &Bench<H>,
) {
    let id = bench.create(Some("ada")).await;
    bench.apply_if(id, version(0), &set("count", "2")).await;
    bench.apply_if(id, version(1), &set("count", "3")).await;
    for guard in [version(0), version(1), version(3)] {
        for patch in [
            set("count", "4"),
            Bench::<H>::touch(),
            rotate(Rotation::Explicit),
            Bench::<H>::owned_by("eve"),
        ] {
            let newest = conflicting(bench.commit(id, guard, &patch).await);
            assert_eq!(newest.fields().get("count"), Some("3"));
            assert_eq!(newest.version(), 2);
            assert_eq!(newest.parts(), bench.load(id).await.parts());
        }
    }
    let record = bench.apply_if(id, version(2), &set("count", "4")).await;
    assert_eq!(record.fields().get("count"), Some("4"));
}

pub async fn a_generation_below_the_barrier_is_superseded_and_brings_the_newest_record<
    H: Harness,
>(
    bench: &Bench<H>,
) {
    for barrier in [
        rotate(Rotation::Explicit),
        Bench::<H>::owned_by("ada"),
        Patch {
            owner: OwnerChange::Cleared,
            ..Bench::<H>::touch()
        },
    ] {
        let id = bench.create(None).await;
        let record = bench.apply_if(id, generation(0), &barrier).await;
        assert_eq!((record.generation(), record.barrier()), (1, 1));
        for patch in [
            set("count", "4"),
            Bench::<H>::touch(),
            rotate(Rotation::Periodic),
            Bench::<H>::owned_by("eve"),
            Patch::default(),
        ] {
            let newest = superseded(bench.commit(id, generation(0), &patch).await);
            assert_eq!(newest.parts(), record.parts());
        }
        assert_eq!(bench.load(id).await.parts(), record.parts());
        bench.apply_if(id, generation(1), &set("count", "4")).await;
    }
}

pub async fn a_barrier_outweighs_a_version<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    bench.apply(id, &rotate(Rotation::Explicit)).await;
    let both = Guard {
        generation: 0,
        version: Some(0),
    };
    superseded(bench.commit(id, both, &set("count", "2")).await);
    let newest_version = Guard {
        version: Some(1),
        ..both
    };
    superseded(bench.commit(id, newest_version, &set("count", "2")).await);
    let record = bench.apply_if(id, ANYTIME, &set("count", "2")).await;
    assert_eq!(record.version(), 2);
}
