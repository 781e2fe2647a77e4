//! Generations and barriers (R11).

use super::{
    Harness,
    bench::{Bench, fields, generation, rotate, set, superseded},
};
use crate::{Patch, Rotation};

pub async fn an_explicit_rotation_is_a_barrier<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    bench.pass(0.25).await;
    let before = bench.load(id).await;
    Bench::<H>::assert_age(&before, before.rotated_at(), 0.25);
    let patch = Patch {
        fields: set("count", "2").fields,
        ..rotate(Rotation::Explicit)
    };
    let record = bench.apply_if(id, generation(0), &patch).await;
    assert_eq!((record.generation(), record.barrier()), (1, 1));
    assert_eq!(fields(&record), [("count", "2"), ("lang", "\"de\"")]);
    Bench::<H>::assert_age(&record, record.rotated_at(), 0.0);
    assert_eq!(record.owner(), Some("ada"));
    assert_eq!(record.owner_since(), before.owner_since());
    assert_eq!(record.started_at(), before.started_at());
    assert_eq!(record.expires_at(), before.expires_at());
    superseded(bench.commit(id, generation(0), &patch).await);
}

pub async fn a_periodic_rotation_is_no_barrier_and_happens_once<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    bench.pass(0.25).await;
    let periodic = rotate(Rotation::Periodic);
    let once = bench.apply_if(id, generation(0), &periodic).await;
    assert_eq!((once.generation(), once.barrier()), (1, 0));
    Bench::<H>::assert_age(&once, once.rotated_at(), 0.0);
    bench.pass(0.25).await;
    let both = Patch {
        fields: set("count", "2").fields,
        ..periodic
    };
    let twice = bench.apply_if(id, generation(0), &both).await;
    assert_eq!((twice.generation(), twice.barrier()), (1, 0));
    assert_eq!(twice.fields().get("count"), Some("2"));
    Bench::<H>::assert_age(&twice, twice.rotated_at(), 0.25);
    let next = bench.apply_if(id, generation(1), &both).await;
    assert_eq!((next.generation(), next.barrier()), (2, 0));
    // A barrier is the generation that it made.
    let explicit = rotate(Rotation::Explicit);
    let barred = bench.apply_if(id, generation(0), &explicit).await;
    assert_eq!((barred.generation(), barred.barrier()), (3, 3));
    superseded(bench.commit(id, generation(2), &both).await);
}

pub async fn the_first_sight_of_a_new_token_is_noted_once<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    let confirm = Patch {
        confirm: true,
        ..Patch::default()
    };
    let periodic = rotate(Rotation::Periodic);
    let rotated = bench.apply_if(id, generation(0), &periodic).await;
    assert_eq!(rotated.generation(), 1);
    let older = bench.apply_if(id, generation(0), &confirm).await;
    assert_eq!(older.confirmed_at(), None);
    let seen = bench.apply_if(id, generation(1), &confirm).await;
    let at = seen.confirmed_at().expect("noted");
    Bench::<H>::assert_age(&seen, at, 0.0);
    bench.pass(0.25).await;
    let again = bench.apply_if(id, generation(1), &confirm).await;
    Bench::<H>::assert_age(&again, again.confirmed_at().expect("kept"), 0.25);
    let written = bench.apply_if(id, generation(1), &set("count", "2")).await;
    assert_eq!(written.confirmed_at(), again.confirmed_at());
    // The next rotation makes a token that nobody has seen.
    for why in [Rotation::Periodic, Rotation::Explicit] {
        let record = bench.load(id).await;
        let guard = generation(record.generation());
        let both = Patch {
            confirm: true,
            ..rotate(why)
        };
        let record = bench.apply_if(id, guard, &both).await;
        assert_eq!(record.confirmed_at(), None);
        let guard = generation(record.generation());
        let record = bench.apply_if(id, guard, &confirm).await;
        assert!(record.confirmed_at().is_some());
    }
}
