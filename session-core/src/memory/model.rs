//! A shard beside the plainest thing that does the same: a list that is sorted whenever it is asked.

use std::{sync::Arc, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::shard::{Shard, Victim};
use crate::{
    Committed, Fields, Guard, Lifetime, NewRecord, OwnerChange, Patch, Record, Renewal, SessionId,
    Timestamp,
};

struct Modelled {
    id: SessionId,
    record: Arc<Record>,
    /// When it took its place in the order of expiry, and in that of idleness.
    renewed: usize,
    active: usize,
}

#[derive(Default)]
struct Model {
    sessions: Vec<Modelled>,
    steps: usize,
}

impl Model {
    fn by_expiry(&self) -> Vec<SessionId> {
        let mut all: Vec<_> = self.sessions.iter().collect();
        all.sort_by_key(|session| (session.record.expires_at(), session.renewed));
        all.into_iter().map(|session| session.id).collect()
    }

    fn longest_idle(&self, owned: bool) -> Option<SessionId> {
        let of_kind = |session: &&Modelled| session.record.owner().is_some() == owned;
        let idle = self.sessions.iter().filter(of_kind);
        // Arrival is the order, and also that of the last activity.
        let first = idle.min_by_key(|session| (session.record.touched_at(), session.active))?;
        Some(first.id)
    }

    fn first_expired(&self, now: Timestamp) -> Option<SessionId> {
        let first = *self.by_expiry().first()?;
        let session = self.sessions.iter().find(|session| session.id == first)?;
        session.record.is_expired(now).then_some(first)
    }

    fn live(&self, now: Timestamp) -> usize {
        let live = |session: &&Modelled| !session.record.is_expired(now);
        self.sessions.iter().filter(live).count()
    }

    fn insert(&mut self, id: SessionId, record: Arc<Record>) {
        self.sessions.push(Modelled {
            id,
            record,
            renewed: self.steps,
            active: self.steps,
        });
    }

    fn remove(&mut self, id: SessionId) {
        self.sessions.retain(|session| session.id != id);
    }
}

/// From none at all to many ticks of the order of expiry, and some that share a deadline.
fn lifetime(rng: &mut StdRng) -> Lifetime {
    Lifetime {
        idle: Duration::from_secs(*[0, 1, 10, 60, 60, 60, 600].choose(rng).expect("some")),
        absolute: Duration::from_mins(15),
    }
}

fn patch(rng: &mut StdRng) -> Patch {
    let owner = match rng.gen_range(0..8) {
        0 => OwnerChange::Cleared,
        1 | 2 => OwnerChange::Set(["ada", "bob"].choose(rng).expect("some").to_string()),
        _ => OwnerChange::Unchanged,
    };
    // A change of owner carries a renewal.
    let renews = owner != OwnerChange::Unchanged || rng.gen_bool(0.5);
    let lifetime = lifetime(rng);
    Patch {
        owner,
        renewal: renews.then_some(Renewal {
            lifetime,
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

fn assert_same(shard: &Shard, model: &Model, now: Timestamp) {
    let id = |at: Option<u32>| at.map(|at| shard.id(at));
    assert_eq!(shard.by_expiry(), model.by_expiry());
    assert_eq!(id(shard.first_expired(now)), model.first_expired(now));
    for (victim, expected) in [
        (Victim::Expired, model.first_expired(now)),
        (Victim::Ownerless, model.longest_idle(false)),
        (Victim::Owned, model.longest_idle(true)),
    ] {
        assert_eq!(id(shard.victim(victim, now)), expected, "{victim:?}");
    }
    assert_eq!(shard.live(now), model.live(now));
    assert_eq!(shard.checked().count(), model.sessions.len());
    for session in &model.sessions {
        let at = shard.find(session.id).expect("it is in");
        assert!(Arc::ptr_eq(shard.record(at), &session.record));
    }
}

#[test]
fn whatever_comes_and_goes_a_shard_finds_all_and_lets_them_go_in_their_order() {
    for seed in 0..40 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut shard = Shard::default();
        let mut model = Model::default();
        let mut most = 0;
        let mut now = Timestamp::from_micros(1_780_000_000_000_000);
        for step in 0..500 {
            model.steps = step;
            let known = model.sessions.choose(&mut rng).map(|session| session.id);
            match (rng.gen_range(0..12), known) {
                (0..5, _) | (_, None) => {
                    let id = SessionId::generate();
                    let new = NewRecord {
                        fields: Fields::default(),
                        owner: rng.gen_bool(0.4).then(|| "ada".to_owned()),
                        lifetime: lifetime(&mut rng),
                    };
                    let record = Arc::new(Record::create(new, now));
                    shard.insert(id, Arc::clone(&record));
                    model.insert(id, record);
                }
                (5..9, Some(id)) => replace(&mut shard, &mut model, id, &patch(&mut rng), now),
                (9, Some(id)) => {
                    let at = shard.find(id).expect("it is in");
                    assert_eq!(shard.remove(at).0, id);
                    model.remove(id);
                    assert_eq!(shard.find(id), None);
                }
                (10, _) => {
                    while let Some(at) = shard.first_expired(now) {
                        let (id, record) = shard.remove(at);
                        assert!(record.is_expired(now));
                        assert_eq!(model.first_expired(now), Some(id));
                        model.remove(id);
                    }
                }
                _ => now = now.after(Duration::from_micros(rng.gen_range(0..60_000_000))),
            }
            assert_same(&shard, &model, now);
            most = most.max(model.sessions.len());
            assert_eq!(shard.slots(), most, "a slot that was left is taken again");
        }
    }
}

fn replace(shard: &mut Shard, model: &mut Model, id: SessionId, patch: &Patch, now: Timestamp) {
    let guard = Guard {
        generation: u32::MAX,
        version: None,
    };
    let session = model.sessions.iter_mut().find(|session| session.id == id);
    let session = session.expect("it is in");
    let Committed::Applied(new) = session.record.commit(guard, patch, now) else {
        return;
    };
    let at = shard.find(id).expect("it is in");
    let old = shard.replace(at, Arc::clone(&new));
    assert!(Arc::ptr_eq(&old, &session.record));
    if old.expires_at() != new.expires_at() {
        session.renewed = model.steps;
    }
    if patch.renewal.is_some() && old.touched_at() != new.touched_at()
        || old.owner().is_some() != new.owner().is_some()
    {
        session.active = model.steps;
    }
    session.record = new;
}
