//! What no caller of the store can see: that its index and its orders hold exactly the records.

use std::{
    collections::BTreeSet,
    sync::{atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use super::{
    Inner, MAX_SHARDS, MIN_SESSIONS_PER_SHARD, MemoryStore, SWEEP_BESIDE, SWEEP_BESIDE_EVERY,
    SWEEP_HERE,
};
use crate::{
    Committed, Created, FieldChange, Fields, Guard, Lifetime, ManualClock, NewRecord, OwnerChange,
    Patch, Renewal, SessionId,
};

const MINUTE: Duration = Duration::from_mins(1);
const LIFETIME: Lifetime = Lifetime {
    idle: MINUTE,
    absolute: Duration::from_hours(1),
};

fn new(owner: Option<&str>) -> NewRecord {
    NewRecord {
        fields: Fields::default().merge(&[FieldChange::set("a", "1")]),
        owner: owner.map(str::to_owned),
        lifetime: LIFETIME,
    }
}

fn guard() -> Guard {
    Guard {
        generation: u32::MAX,
        version: None,
    }
}

fn renewing(owner: OwnerChange) -> Patch {
    Patch {
        owner,
        renewal: Some(Renewal {
            lifetime: LIFETIME,
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

/// The count, the orders and the owners' index, against the records themselves.
fn assert_consistent(store: &MemoryStore) {
    let inner = &store.inner;
    let mut sessions = 0;
    let mut owners = BTreeSet::new();
    for shard in &inner.shards {
        for (id, owner) in shard.read().checked() {
            sessions += 1;
            owners.extend(owner.map(|owner| (inner.owners.hash(owner), id)));
        }
    }
    assert_eq!(inner.sessions.load(Ordering::Relaxed), sessions);
    assert!(sessions <= inner.max_sessions);
    assert_eq!(inner.owners.all(), owners);
}

/// A cheap generator for what a thread does next.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

#[test]
fn many_threads_at_once_leave_count_orders_and_index_exact() {
    for max_sessions in [1, 5, 100, 3 * 4_096] {
        let clock = ManualClock::new();
        let store = MemoryStore::builder()
            .max_sessions(max_sessions)
            .clock(clock.clone())
            .build();
        let ids: Vec<_> = (0..200).map(|_| SessionId::generate()).collect();
        thread::scope(|scope| {
            for seed in 0..8 {
                let (store, ids, clock) = (&store, &ids, &clock);
                scope.spawn(move || hammer(store, ids, clock, &mut Dice(seed)));
            }
            // With one shard, a count is taken at one moment.
            scope.spawn(|| {
                for _ in 0..2_000 {
                    assert!(store.inner.count() <= max_sessions);
                    thread::yield_now();
                }
            });
        });
        assert_consistent(&store);
        clock.advance(LIFETIME.absolute);
        store.inner.delete_expired(usize::MAX);
        assert_consistent(&store);
        assert_eq!(store.inner.sessions.load(Ordering::Relaxed), 0);
    }
}

fn hammer(store: &MemoryStore, ids: &[SessionId], clock: &ManualClock, dice: &mut Dice) {
    const OWNERS: [&str; 3] = ["ada", "bob", "eve"];
    let inner = &store.inner;
    for _ in 0..2_000 {
        let id = ids[usize::try_from(dice.roll(200)).expect("small")];
        let owner = OWNERS[usize::try_from(dice.roll(3)).expect("small")];
        match dice.roll(16) {
            0..4 => drop(inner.create(id, new(None))),
            4..7 => drop(inner.create(id, new(Some(owner)))),
            7 => drop(inner.commit(id, guard(), &renewing(OwnerChange::Set(owner.to_owned())))),
            8 => drop(inner.commit(id, guard(), &renewing(OwnerChange::Cleared))),
            9..11 => drop(inner.commit(id, guard(), &renewing(OwnerChange::Unchanged))),
            11 => drop(inner.delete(id)),
            12 => drop(inner.revoke_owner(owner, Some(id))),
            13 => drop(inner.delete_expired(3)),
            14 => {
                for (_, record) in inner.find_by_owner(owner) {
                    assert_eq!(record.owner(), Some(owner));
                }
            }
            _ => clock.advance(MINUTE / 50),
        }
    }
}

#[test]
fn an_owner_leaves_the_index_with_the_last_session() {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let inner = &store.inner;
    let ids: Vec<_> = (0..6).map(|_| SessionId::generate()).collect();
    let owners = |expected: &[(&str, usize)]| {
        for (owner, count) in expected {
            assert_eq!(inner.owners.sessions(owner).len(), *count);
        }
        let all: usize = expected.iter().map(|(_, count)| count).sum();
        assert_eq!(inner.owners.all().len(), all);
        assert_consistent(&store);
    };

    for id in &ids[..4] {
        inner.create(*id, new(Some("ada")));
    }
    inner.create(ids[4], new(None));
    owners(&[("ada", 4)]);
    let bob = renewing(OwnerChange::Set("bob".to_owned()));
    inner.commit(ids[0], guard(), &bob);
    owners(&[("ada", 3), ("bob", 1)]);
    inner.commit(ids[0], guard(), &renewing(OwnerChange::Cleared));
    owners(&[("ada", 3)]);
    inner.delete(ids[1]);
    owners(&[("ada", 2)]);
    inner.revoke_owner("ada", Some(ids[2]));
    owners(&[("ada", 1)]);
    // An expired id is used again by somebody else.
    clock.advance(MINUTE);
    assert!(matches!(
        inner.create(ids[2], new(Some("eve"))),
        Created::Created(_)
    ));
    owners(&[("eve", 1)]);
    clock.advance(MINUTE);
    inner.delete_expired(usize::MAX);
    owners(&[]);
}

#[test]
fn the_writes_of_one_session_clear_away_the_dead_of_all_shards() {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let inner = &store.inner;
    for _ in 0..300 {
        inner.create(SessionId::generate(), new(None));
    }
    clock.advance(MINUTE / 2);
    let live = SessionId::generate();
    inner.create(live, new(None));
    clock.advance(MINUTE / 2);
    for _ in 0..2 * SWEEP_BESIDE_EVERY * inner.shards.len() {
        inner.commit(live, guard(), &Patch::default());
    }
    assert_eq!(inner.sessions.load(Ordering::Relaxed), 1);
    assert_consistent(&store);
}

#[test]
fn each_kind_of_write_sweeps_its_own_shard_and_in_its_turn_another() {
    let writes: [fn(&Inner, SessionId); 3] = [
        |inner, _| {
            inner.create(SessionId::generate(), new(None));
        },
        |inner, live| {
            inner.commit(live, guard(), &Patch::default());
        },
        |inner, live| assert!(inner.delete(live)),
    ];
    for write in writes {
        let clock = ManualClock::new();
        // One shard, which is its own neighbour.
        let store = MemoryStore::builder().max_sessions(1_000);
        let store = store.clock(clock.clone()).build();
        for _ in 0..100 {
            store.inner.create(SessionId::generate(), new(None));
        }
        clock.advance(MINUTE / 2);
        let live = SessionId::generate();
        store.inner.create(live, new(None));
        clock.advance(MINUTE / 2);
        let mut removed = SWEEP_HERE + SWEEP_BESIDE;
        // Up to the write that is next to sweep the neighbour.
        while !(store.inner.shards[0].read().writes + 1).is_multiple_of(SWEEP_BESIDE_EVERY) {
            store.inner.commit(live, guard(), &Patch::default());
            removed += SWEEP_HERE;
        }
        write(&store.inner, live);
        let left = store.inner.delete_expired(1_000);
        assert_eq!(left, 100 - removed);
    }
}

#[test]
fn sessions_spread_over_all_shards() {
    for shards in [16, MAX_SHARDS] {
        let store = MemoryStore::builder().max_sessions(shards * MIN_SESSIONS_PER_SHARD);
        let inner = store.build().inner;
        assert_eq!(inner.shards.len(), shards);
        for _ in 0..100 * shards {
            inner.create(SessionId::generate(), new(None));
        }
        for shard in &inner.shards {
            let sessions = shard.read().live(inner.clock.now());
            assert!((30..200).contains(&sessions), "{sessions}");
        }
    }
}

#[test]
fn a_write_waits_for_no_shard_but_its_own() {
    let store = MemoryStore::new();
    let inner = &store.inner;
    let id = SessionId::generate();
    inner.create(id, new(None));
    let others = inner.shards.iter().enumerate();
    let locked: Vec<_> = others
        .filter(|(at, _)| *at != inner.shard_of(id))
        .map(|(_, shard)| shard.write())
        .collect();
    let (done, is_done) = mpsc::channel();
    let writer = store.clone();
    thread::spawn(move || {
        for _ in 0..=SWEEP_BESIDE_EVERY * writer.inner.shards.len() {
            let answer = writer.inner.commit(id, guard(), &Patch::default());
            assert!(matches!(answer, Committed::Applied(_)));
        }
        done.send(())
    });
    let in_time = is_done.recv_timeout(Duration::from_secs(30));
    drop(locked);
    in_time.expect("it waited for another shard");
}

#[test]
fn no_write_removes_more_than_a_few_of_very_many_dead() {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let inner = &store.inner;
    let total = || inner.sessions.load(Ordering::Relaxed);
    for _ in 0..200_000 {
        inner.create(SessionId::generate(), new(None));
    }
    let live = SessionId::generate();
    clock.advance(MINUTE / 2);
    inner.create(live, new(None));
    clock.advance(MINUTE / 2);
    assert_eq!(inner.count(), 1);

    let mut removed = 0;
    for at in 0..10_000 {
        let before = total();
        let added = match at % 3 {
            0 => {
                inner.create(SessionId::generate(), new(Some("ada")));
                1
            }
            1 => {
                let answer = inner.commit(live, guard(), &Patch::default());
                assert!(matches!(answer, Committed::Applied(_)));
                0
            }
            _ => {
                inner.load(live);
                0
            }
        };
        let now = before + added - total();
        assert!(now <= SWEEP_HERE + SWEEP_BESIDE, "{now} removed at once");
        removed += now;
    }
    assert!(removed > 10_000, "the dead go faster than new ones come");
    assert_eq!(inner.delete_expired(64), 64);
    assert_consistent(&store);
}
