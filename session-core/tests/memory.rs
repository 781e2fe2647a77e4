//! The store contract, as the memory store keeps it.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use session_core::{
    Clock, Committed, Created, FieldChange, Fields, Guard, Lifetime, ManualClock, MemoryStore,
    NewRecord, OwnerChange, Patch, Record, Renewal, SessionId, SessionStore, StoreError, Timestamp,
};

const MINUTE: Duration = Duration::from_mins(1);
const MOMENT: Duration = Duration::from_micros(1);
/// A moment less than a minute.
const ALMOST: Duration = Duration::from_micros(59_999_999);
const LIFETIME: Lifetime = Lifetime {
    idle: MINUTE,
    absolute: Duration::from_mins(10),
};

/// The answer of a store that never waits.
fn now<T>(answer: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("memory never fails"),
        Poll::Pending => panic!("memory never waits"),
    }
}

fn store(max_sessions: usize) -> (MemoryStore, ManualClock) {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().max_sessions(max_sessions);
    (store.clock(clock.clone()).build(), clock)
}

fn new(owner: Option<&str>) -> NewRecord {
    NewRecord {
        fields: Fields::default().merge(&[FieldChange::set("count", "1")]),
        owner: owner.map(str::to_owned),
        lifetime: LIFETIME,
    }
}

fn create(store: &impl SessionStore, owner: Option<&str>) -> SessionId {
    let id = SessionId::generate();
    let created = now(store.create(id, new(owner)));
    assert!(matches!(created, Created::Created(_)));
    id
}

const ANYTIME: Guard = Guard {
    generation: u32::MAX,
    version: None,
};

fn set(name: &'static str, json: &'static str) -> Patch {
    Patch {
        fields: vec![FieldChange::set(name, json)],
        ..Patch::default()
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

fn owned_by(owner: OwnerChange) -> Patch {
    Patch { owner, ..touch() }
}

fn applied(answer: Committed) -> Arc<Record> {
    match answer {
        Committed::Applied(record) => record,
        other => panic!("{other:?}"),
    }
}

fn lives(store: &impl SessionStore, id: SessionId) -> bool {
    now(store.load(id)).is_some()
}

fn sessions_of(store: &impl SessionStore, owner: &str) -> Vec<SessionId> {
    let found = now(store.find_by_owner(owner));
    let mut ids: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
    ids.sort();
    ids
}

fn sorted(mut ids: Vec<SessionId>) -> Vec<SessionId> {
    ids.sort();
    ids
}

#[test]
fn a_creation_never_overwrites_a_live_record() {
    let (store, clock) = store(10);
    let id = create(&store, Some("ada"));
    now(store.commit(id, ANYTIME, &set("count", "2")));
    clock.advance(ALMOST);
    let again = now(store.create(id, new(Some("eve"))));
    assert!(matches!(again, Created::IdTaken));
    let record = now(store.load(id)).expect("as it was");
    assert_eq!(record.fields().get("count"), Some("2"));
    assert_eq!(record.owner(), Some("ada"));
    assert_eq!(sessions_of(&store, "eve"), []);
    assert_eq!(now(store.count()), 1);
}

#[test]
fn a_creation_with_a_taken_id_makes_room_for_nothing() {
    let (store, _) = store(1);
    let id = create(&store, None);
    assert!(matches!(now(store.create(id, new(None))), Created::IdTaken));
    assert!(lives(&store, id));
    assert_eq!(store.evicted(), 0);
}

#[test]
fn an_expired_id_may_be_used_again() {
    let (store, clock) = store(10);
    let id = create(&store, Some("ada"));
    now(store.commit(id, ANYTIME, &set("count", "2")));
    clock.advance(MINUTE);
    let again = now(store.create(id, new(Some("eve"))));
    assert!(matches!(again, Created::Created(_)));
    let record = now(store.load(id)).expect("the new one");
    assert_eq!(record.fields().get("count"), Some("1"));
    assert_eq!(sessions_of(&store, "ada"), []);
    assert_eq!(sessions_of(&store, "eve"), [id]);
    assert_eq!(now(store.count()), 1);
}

#[test]
fn an_expired_id_may_be_used_again_before_a_sweep_has_come_to_it() {
    let (store, clock) = store(100);
    for _ in 0..10 {
        create(&store, None);
    }
    clock.advance(MOMENT);
    let id = create(&store, Some("ada"));
    clock.advance(MINUTE);
    let again = now(store.create(id, new(Some("eve"))));
    assert!(matches!(again, Created::Created(_)));
    assert_eq!(sessions_of(&store, "ada"), []);
    assert_eq!(sessions_of(&store, "eve"), [id]);
    assert_eq!(now(store.count()), 1);
    assert!(now(store.delete(id)));
    assert!(!lives(&store, id));
}

#[test]
fn a_commit_never_creates() {
    let (store, clock) = store(10);
    let (unknown, expired, deleted) = (
        SessionId::generate(),
        create(&store, Some("ada")),
        create(&store, None),
    );
    assert!(now(store.delete(deleted)));
    clock.advance(MINUTE);
    for id in [unknown, expired, deleted] {
        for patch in [
            set("count", "2"),
            touch(),
            owned_by(OwnerChange::Set("eve".to_owned())),
        ] {
            let answer = now(store.commit(id, ANYTIME, &patch));
            assert!(matches!(answer, Committed::Gone), "{answer:?}");
            assert!(!lives(&store, id));
        }
    }
    assert_eq!(now(store.count()), 0);
    assert_eq!(sessions_of(&store, "eve"), []);
}

#[test]
fn a_record_is_dead_from_its_deadline_on_for_everybody() {
    for (age, alive) in [(ALMOST, true), (MINUTE, false), (MINUTE + MOMENT, false)] {
        let at_that_age = || {
            let (store, clock) = store(10);
            let id = create(&store, Some("ada"));
            clock.advance(age);
            (store, id)
        };
        let (store, id) = at_that_age();
        assert_eq!(lives(&store, id), alive);
        assert_eq!(now(store.count()), u64::from(alive));
        assert_eq!(sessions_of(&store, "ada").len(), usize::from(alive));
        assert_eq!(now(store.delete_expired(10)), u64::from(!alive));

        let (store, id) = at_that_age();
        let answer = now(store.commit(id, ANYTIME, &touch()));
        assert_eq!(matches!(answer, Committed::Applied(_)), alive);
        assert_eq!(matches!(answer, Committed::Gone), !alive);

        let (store, id) = at_that_age();
        let answer = now(store.create(id, new(None)));
        assert_eq!(matches!(answer, Created::IdTaken), alive);

        let (store, id) = at_that_age();
        assert_eq!(now(store.delete(id)), alive);

        let (store, _) = at_that_age();
        assert_eq!(now(store.revoke_owner("ada", None)), u64::from(alive));
    }
}

#[test]
fn a_commit_checks_the_barrier_and_the_version() {
    let (store, _) = store(10);
    let id = create(&store, None);
    let first = Guard {
        generation: 0,
        version: Some(0),
    };
    let record = applied(now(store.commit(id, first, &set("count", "2"))));
    assert_eq!(record.version(), 1);
    let answer = now(store.commit(id, first, &set("count", "3")));
    let Committed::Conflict(newest) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(newest.fields().get("count"), Some("2"));

    applied(now(store.commit(
        id,
        ANYTIME,
        &owned_by(OwnerChange::Set("ada".to_owned())),
    )));
    let before = Guard {
        generation: 0,
        version: None,
    };
    for patch in [set("count", "4"), touch()] {
        let answer = now(store.commit(id, before, &patch));
        assert!(matches!(answer, Committed::Superseded(_)), "{answer:?}");
    }
    let record = now(store.load(id)).expect("alive");
    assert_eq!(record.fields().get("count"), Some("2"));
}

#[test]
fn a_touch_moves_the_deadline_but_not_the_version() {
    let (store, clock) = store(10);
    let id = create(&store, None);
    clock.advance(MINUTE / 2);
    let record = applied(now(store.commit(id, ANYTIME, &touch())));
    assert_eq!(record.version(), 0);
    assert_eq!(record.expires_at(), clock.now().after(MINUTE));
    clock.advance(ALMOST);
    assert!(lives(&store, id));
    clock.advance(MOMENT);
    assert!(!lives(&store, id));
}

#[test]
fn every_answer_tells_the_time_of_the_store() {
    let (store, clock) = store(10);
    let id = create(&store, Some("ada"));
    clock.advance(MOMENT);
    let loaded = now(store.load(id)).expect("alive");
    assert_eq!(loaded.now(), clock.now());
    clock.advance(MOMENT);
    let committed = applied(now(store.commit(id, ANYTIME, &set("count", "2"))));
    assert_eq!(committed.now(), clock.now());
    clock.advance(MOMENT);
    let outrun = Guard {
        generation: 0,
        version: Some(0),
    };
    let answer = now(store.commit(id, outrun, &set("count", "3")));
    let Committed::Conflict(newest) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(newest.now(), clock.now());
    clock.advance(MOMENT);
    let found = now(store.find_by_owner("ada"));
    assert_eq!(found[0].1.now(), clock.now());
}

#[test]
fn writes_sweep_the_dead_a_few_at_a_time() {
    let (store, clock) = store(1_000);
    for _ in 0..100 {
        create(&store, None);
    }
    clock.advance(MINUTE / 2);
    let live = create(&store, None);
    clock.advance(MINUTE / 2);
    for _ in 0..10 {
        applied(now(store.commit(live, ANYTIME, &set("count", "2"))));
    }
    // Reading removes nothing.
    for _ in 0..10 {
        assert!(lives(&store, live));
    }
    let left = now(store.delete_expired(usize::MAX));
    assert!((50..100).contains(&left), "{left}");
    assert!(lives(&store, live));
}

#[test]
fn a_sweep_removes_the_dead_alone_and_no_more_than_asked_for() {
    // With several shards, too.
    for max_sessions in [1_000, 100_000] {
        let (store, clock) = store(max_sessions);
        for _ in 0..300 {
            create(&store, Some("ada"));
        }
        clock.advance(MINUTE / 2);
        let live = create(&store, Some("ada"));
        assert_eq!(now(store.delete_expired(1_000)), 0);
        clock.advance(MINUTE / 2);
        assert_eq!(now(store.delete_expired(0)), 0);
        assert_eq!(now(store.delete_expired(1)), 1);
        assert_eq!(now(store.delete_expired(200)), 200);
        assert_eq!(now(store.delete_expired(200)), 99);
        assert_eq!(now(store.delete_expired(200)), 0);
        assert_eq!(sessions_of(&store, "ada"), [live]);
    }
}

#[test]
fn those_that_died_hours_ago_are_not_counted_and_a_sweep_finds_them() {
    let (store, clock) = store(100);
    for _ in 0..3 {
        create(&store, None);
    }
    clock.advance(Duration::from_hours(3));
    assert_eq!(now(store.count()), 0);
    assert_eq!(now(store.delete_expired(10)), 3);
}

#[test]
fn those_that_left_long_ago_do_not_hide_the_dead() {
    let (store, clock) = store(100);
    let gone = create(&store, None);
    assert!(now(store.delete(gone)));
    clock.advance(Duration::from_hours(3));
    create(&store, None);
    clock.advance(MINUTE);
    assert_eq!(now(store.count()), 0);
    assert_eq!(now(store.delete_expired(10)), 1);
}

#[test]
fn a_full_store_lets_the_expired_go_first() {
    let (store, clock) = store(3);
    let short = NewRecord {
        lifetime: Lifetime {
            idle: MINUTE / 4,
            ..LIFETIME
        },
        ..new(Some("ada"))
    };
    let idle = create(&store, None);
    clock.advance(MINUTE / 4);
    let expired = SessionId::generate();
    now(store.create(expired, short));
    let owned = create(&store, Some("ada"));
    clock.advance(MINUTE / 4);
    let newcomer = create(&store, None);
    assert!(!lives(&store, expired));
    assert!([idle, owned, newcomer].iter().all(|id| lives(&store, *id)));
    assert_eq!(store.evicted(), 0);
}

/// One that lives for half a second.
fn create_short(store: &impl SessionStore) -> SessionId {
    let id = SessionId::generate();
    let short = NewRecord {
        lifetime: Lifetime {
            idle: Duration::from_millis(500),
            ..LIFETIME
        },
        ..new(Some("ada"))
    };
    now(store.create(id, short));
    id
}

#[test]
fn also_one_that_expired_just_after_a_live_one_had_to_go() {
    let (store, clock) = store(3);
    let (idle, owned, short) = (
        create(&store, None),
        create(&store, Some("ada")),
        create_short(&store),
    );
    create(&store, None);
    assert!(!lives(&store, idle));
    assert_eq!(store.evicted(), 1);
    clock.advance(Duration::from_millis(500));
    create(&store, None);
    assert!(lives(&store, owned) && !lives(&store, short));
    assert_eq!(store.evicted(), 1);
}

#[test]
fn a_full_store_of_several_shards_looks_for_the_expired_once_a_second() {
    const MAX: usize = 8_192;
    for _ in 0..4 {
        let (store, clock) = store(MAX);
        for _ in 0..MAX - 1 {
            create(&store, Some("ada"));
        }
        create_short(&store);
        create(&store, Some("ada"));
        assert_eq!(store.evicted(), 1);
        clock.advance(Duration::from_secs(1));
        // Of whichever shard the two are.
        create(&store, None);
        assert_eq!(store.evicted(), 1);
        assert_eq!(now(store.count()), MAX as u64);
    }
}

#[test]
fn then_the_longest_idle_without_an_owner_then_the_longest_idle() {
    let (store, clock) = store(4);
    let mut ids = Vec::new();
    for owner in [Some("ada"), None, Some("bob"), None] {
        ids.push(create(&store, owner));
        clock.advance(Duration::from_secs(1));
    }
    let (ada, early, bob, late) = (ids[0], ids[1], ids[2], ids[3]);
    // Active again: now `late` and `bob` are the longest idle of their kinds.
    applied(now(store.commit(early, ANYTIME, &touch())));
    clock.advance(Duration::from_secs(1));
    applied(now(store.commit(ada, ANYTIME, &touch())));

    for (at, victim) in [late, early, bob, ada].into_iter().enumerate() {
        assert!(lives(&store, victim));
        clock.advance(Duration::from_secs(1));
        create(&store, Some("eve"));
        assert!(!lives(&store, victim), "number {at}");
        assert_eq!(store.evicted(), at as u64 + 1);
        assert_eq!(now(store.count()), 4);
    }
    assert_eq!(sessions_of(&store, "eve").len(), 4);
    assert_eq!(sessions_of(&store, "ada"), []);
}

#[test]
fn who_logs_in_or_out_changes_the_order() {
    let (store, clock) = store(2);
    let first = create(&store, None);
    clock.advance(Duration::from_secs(1));
    let second = create(&store, Some("ada"));
    let login = owned_by(OwnerChange::Set("bob".to_owned()));
    applied(now(store.commit(first, ANYTIME, &login)));
    applied(now(store.commit(
        second,
        ANYTIME,
        &owned_by(OwnerChange::Cleared),
    )));
    clock.advance(Duration::from_secs(1));
    create(&store, None);
    assert!(lives(&store, first) && !lives(&store, second));
}

#[test]
fn a_newcomer_is_never_the_one_to_go() {
    let (store, _) = store(3);
    for _ in 0..3 {
        create(&store, Some("ada"));
    }
    // The only one without an owner, and all are equally idle.
    for at in 0..5 {
        let newcomer = create(&store, None);
        assert!(lives(&store, newcomer));
        // From the second on it is the anonymous one before that goes.
        assert_eq!(sessions_of(&store, "ada").len(), 2, "{at}");
        assert_eq!(now(store.count()), 3);
    }
    assert_eq!(store.evicted(), 5);
}

#[test]
fn a_store_of_several_shards_keeps_its_bound() {
    let (store, _) = store(20_000);
    let ada = create(&store, Some("ada"));
    for _ in 0..20_500 {
        create(&store, None);
    }
    assert_eq!(now(store.count()), 20_000);
    assert_eq!(store.evicted(), 501);
    assert!(lives(&store, ada), "a flood logs nobody out");
}

#[test]
fn a_bound_of_zero_counts_as_one() {
    let (store, _) = store(0);
    create(&store, None);
    let last = create(&store, None);
    assert!(lives(&store, last));
    assert_eq!(now(store.count()), 1);
}

#[test]
fn the_sessions_of_an_owner_are_found() {
    let (store, clock) = store(100);
    let (phone, laptop) = (create(&store, Some("ada")), create(&store, Some("ada")));
    let other = create(&store, Some("bob"));
    let guest = create(&store, None);
    assert_eq!(sessions_of(&store, "ada"), sorted(vec![phone, laptop]));
    assert_eq!(sessions_of(&store, "nobody"), []);

    let to = |owner: &str| owned_by(OwnerChange::Set(owner.to_owned()));
    applied(now(store.commit(guest, ANYTIME, &to("ada"))));
    applied(now(store.commit(phone, ANYTIME, &to("bob"))));
    applied(now(store.commit(
        laptop,
        ANYTIME,
        &owned_by(OwnerChange::Cleared),
    )));
    assert_eq!(sessions_of(&store, "ada"), [guest]);
    assert_eq!(sessions_of(&store, "bob"), sorted(vec![phone, other]));

    assert!(now(store.delete(other)));
    assert_eq!(sessions_of(&store, "bob"), [phone]);
    clock.advance(MINUTE);
    assert_eq!(sessions_of(&store, "bob"), []);
}

#[test]
fn all_sessions_of_an_owner_end_but_one() {
    let (store, _) = store(100);
    let ids: Vec<_> = (0..4).map(|_| create(&store, Some("ada"))).collect();
    let bob = create(&store, Some("bob"));
    assert_eq!(now(store.revoke_owner("ada", Some(ids[2]))), 3);
    assert_eq!(sessions_of(&store, "ada"), [ids[2]]);
    // The one to keep is somebody else's: it stays, and the owner has none left.
    assert_eq!(now(store.revoke_owner("ada", Some(bob))), 1);
    assert_eq!(sessions_of(&store, "ada"), []);
    assert_eq!(now(store.revoke_owner("ada", None)), 0);
    assert!(lives(&store, bob));
}

#[test]
fn clones_and_arcs_of_a_store_are_the_same_store() {
    fn answers_at_once<S: SessionStore>(_: &S) -> bool {
        S::ANSWERS_AT_ONCE
    }
    let (store, _) = store(10);
    let shared = Arc::new(store.clone());
    let id = create(&shared, Some("ada"));
    assert!(lives(&store, id));
    assert!(answers_at_once(&shared));
    applied(now(shared.commit(id, ANYTIME, &set("count", "2"))));
    assert_eq!(sessions_of(&shared, "ada"), [id]);
    assert_eq!(now(shared.count()), 1);
    assert_eq!(now(shared.revoke_owner("ada", None)), 1);
    assert_eq!(now(shared.delete_expired(1)), 0);
    assert!(!now(shared.delete(id)));
    assert!(!lives(&store, id));
}

#[test]
fn by_default_the_time_is_the_system_s() {
    let store = MemoryStore::new();
    let id = create(&store, None);
    let record = now(store.load(id)).expect("alive");
    let age = SystemTime::now().duration_since(record.created_at().into());
    assert!(age.expect("not ahead") < MINUTE);
}

#[test]
fn a_clock_may_be_shared() {
    let clock = ManualClock::new();
    let shared = Arc::new(clock.clone());
    let store = MemoryStore::builder().clock(Arc::clone(&shared)).build();
    let id = create(&store, None);
    let record = now(store.load(id)).expect("alive");
    assert_eq!(record.created_at(), clock.now());
    shared.advance(MINUTE);
    assert!(!lives(&store, id));
}

/// Its time is told, and may go back.
#[derive(Clone)]
struct ToldClock(Arc<AtomicU64>);

impl Clock for ToldClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

#[test]
fn a_clock_that_goes_back_takes_no_live_session_along() {
    const NOON: u64 = 1_780_000_000_000_000;
    const HALF_A_MINUTE: u64 = 30_000_000;
    let told = Arc::new(AtomicU64::new(NOON));
    let store = MemoryStore::builder().max_sessions(100);
    let store = store.clock(ToldClock(Arc::clone(&told))).build();
    let first = create(&store, Some("ada"));
    told.store(NOON - HALF_A_MINUTE, Ordering::Relaxed);
    let second = create(&store, Some("ada"));
    assert_eq!(now(store.delete_expired(10)), 0);
    assert!(lives(&store, first) && lives(&store, second));
    // The second one has the earlier deadline.
    told.store(NOON + HALF_A_MINUTE, Ordering::Relaxed);
    assert_eq!(now(store.delete_expired(10)), 1);
    assert!(lives(&store, first) && !lives(&store, second));
}
