//! Sweeping is hygiene: it takes the dead, and nobody else.

use super::{
    Harness,
    bench::{ANYTIME, Bench, applied, set},
};
use crate::{Created, SessionId, SessionStore};

pub async fn a_sweep_removes_the_dead_alone_and_no_more_than_asked_for<H: Harness>(
    bench: &Bench<H>,
) {
    let sweep = async |at_most| bench.store.delete_expired(at_most).await.expect("sweep");
    for _ in 0..30 {
        bench.create(Some("ada")).await;
    }
    bench.pass(0.5).await;
    let touched = bench.create(Some("ada")).await;
    assert_eq!(sweep(100).await, 0);
    bench.pass(0.3).await;
    bench.apply(touched, &Bench::<H>::touch()).await;
    bench.pass(0.7).await;
    let live = bench.create(None).await;
    // A store may have removed some on its way already.
    assert_eq!(sweep(0).await, 0);
    assert!(sweep(1).await <= 1);
    assert!(sweep(20).await <= 20);
    assert!(sweep(20).await <= 9);
    assert_eq!(sweep(20).await, 0);
    assert_eq!(bench.sessions_of("ada").await, [touched]);
    assert!(bench.lives(live).await);
    assert_eq!(bench.store.count().await.expect("count"), 2);
}

pub async fn sweepers_beside_live_traffic_remove_no_live_record<H: Harness>(bench: &Bench<H>) {
    const SESSIONS: usize = 60;
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        ids.push(bench.create(Some("ada")).await);
    }
    bench.pass(0.5).await;
    let handles = bench.handles(4).await;
    let mut sweepers = Vec::new();
    for store in &handles[..2] {
        let store = store.clone();
        sweepers.push(bench.beside(async move {
            let mut removed = 0;
            for _ in 0..100 {
                removed += store.delete_expired(7).await.expect("sweep");
            }
            removed
        }));
    }
    // One half is renewed, the other half dies; in between, ids that died are used again.
    let mut renewals = Vec::new();
    let (renewed, dying) = ids.split_at(SESSIONS / 2);
    for (store, part) in handles[2..].iter().zip(renewed.chunks(SESSIONS / 4)) {
        let (store, part) = (store.clone(), part.to_vec());
        renewals.push(bench.beside(async move {
            for id in part {
                let answer = store.commit(id, ANYTIME, &Bench::<H>::touch()).await;
                applied(answer.expect("commit"));
            }
        }));
    }
    for renewal in renewals {
        renewal.await;
    }
    bench.pass(0.75).await;
    let reused = dying[..10].to_vec();
    create_anew(bench, &reused).await;
    for id in renewed {
        bench.apply(*id, &set("count", "2")).await;
    }
    for sweeper in sweepers {
        sweeper.await;
    }
    while bench.store.delete_expired(100).await.expect("sweep") > 0 {}
    for id in renewed.iter().chain(&reused) {
        assert!(bench.lives(*id).await);
    }
    for id in &dying[10..] {
        assert!(!bench.lives(*id).await);
    }
    let live = (SESSIONS / 2 + reused.len()) as u64;
    assert_eq!(bench.store.count().await.expect("count"), live);
}

/// While the sweepers are after the dead who had these ids.
async fn create_anew<H: Harness>(bench: &Bench<H>, ids: &[SessionId]) {
    for id in ids {
        let new = Bench::<H>::new_record(Some("bob"));
        let created = bench.store.create(*id, new).await.expect("create");
        assert!(matches!(created, Created::Created(_)));
    }
}
