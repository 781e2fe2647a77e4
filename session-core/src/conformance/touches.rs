//! How the expiry moves (R6, R15, R16).

use super::{
    Harness,
    bench::{Bench, set},
};
use crate::{Lifetime, Patch, Renewal};

pub async fn a_touch_moves_the_expiry_and_nothing_else<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    bench.pass(0.5).await;
    let before = bench.load(id).await;
    Bench::<H>::assert_left(&before, 0.5);
    let touched = bench.apply(id, &Bench::<H>::touch()).await;
    Bench::<H>::assert_left(&touched, 1.0);
    Bench::<H>::assert_age(&touched, touched.touched_at(), 0.0);
    let mut expected = before.parts();
    expected.touched_at = touched.touched_at();
    expected.expires_at = touched.expires_at();
    assert!(touched.parts() == expected, "{touched:?}");
    bench.pass(0.75).await;
    assert!(bench.lives(id).await);
    bench.pass(0.5).await;
    assert!(!bench.lives(id).await);

    // A write alone does not move it.
    let id = bench.create(None).await;
    bench.pass(0.5).await;
    let written = bench.apply(id, &set("count", "2")).await;
    Bench::<H>::assert_left(&written, 0.5);
    Bench::<H>::assert_age(&written, written.touched_at(), 0.5);
}

pub async fn a_touch_moves_only_forward<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    let lifetime = Lifetime {
        idle: H::MINUTE / 10,
        absolute: H::MINUTE / 2,
    };
    let short = Patch {
        renewal: Some(Renewal {
            lifetime,
            unless_touched_after: None,
        }),
        ..Patch::default()
    };
    let before = bench.load(id).await;
    let after = bench.apply(id, &short).await;
    assert_eq!(after.expires_at(), before.expires_at());
}

pub async fn a_touch_stops_at_the_absolute_limit<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    for _ in 0..19 {
        bench.pass(0.5).await;
        bench.apply(id, &Bench::<H>::touch()).await;
    }
    let late = bench.load(id).await;
    Bench::<H>::assert_age(&late, late.created_at(), 9.5);
    Bench::<H>::assert_left(&late, 0.5);
    bench.pass(0.75).await;
    assert!(!bench.lives(id).await);
}

pub async fn a_touch_that_somebody_else_did_is_not_done_again<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    bench.pass(0.5).await;
    let seen = bench.load(id).await;
    let touch = Patch {
        renewal: Some(Renewal {
            lifetime: Bench::<H>::lifetime(),
            unless_touched_after: Some(seen.touched_at()),
        }),
        ..Patch::default()
    };
    let first = bench.apply(id, &touch).await;
    assert!(first.touched_at() > seen.touched_at());
    let second = bench.apply(id, &touch).await;
    assert_eq!(second.touched_at(), first.touched_at());
    assert_eq!(second.expires_at(), first.expires_at());

    // What else the patch carries is applied all the same.
    let with_field = Patch {
        fields: set("count", "2").fields,
        ..touch
    };
    let third = bench.apply(id, &with_field).await;
    assert_eq!(third.fields().get("count"), Some("2"));
    assert_eq!(third.touched_at(), first.touched_at());
}

pub async fn a_lifetime_of_its_own_is_kept<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(Some("ada")).await;
    let span = H::MINUTE * 5;
    let remember = Patch {
        remember: Some(span),
        renewal: Some(Renewal {
            lifetime: Lifetime {
                idle: span,
                absolute: H::MINUTE * 10,
            },
            unless_touched_after: None,
        }),
        ..Patch::default()
    };
    let record = bench.apply(id, &remember).await;
    assert_eq!(record.remembered(), Some(span));
    Bench::<H>::assert_left(&record, 5.0);
    // An ordinary touch and the same owner leave it; a different owner does not.
    for patch in [Bench::<H>::touch(), Bench::<H>::owned_by("ada")] {
        let record = bench.apply(id, &patch).await;
        assert_eq!(record.remembered(), Some(span));
        Bench::<H>::assert_left(&record, 5.0);
    }
    let record = bench.apply(id, &Bench::<H>::owned_by("bob")).await;
    assert_eq!(record.remembered(), None);
    Bench::<H>::assert_left(&record, 1.0);
    // Unless it comes along.
    let with_owner = Patch {
        owner: Bench::<H>::owned_by("eve").owner,
        ..remember
    };
    let record = bench.apply(id, &with_owner).await;
    assert_eq!(record.remembered(), Some(span));
    Bench::<H>::assert_left(&record, 5.0);
}
