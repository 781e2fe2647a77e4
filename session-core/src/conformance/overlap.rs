//! Every pair of operations on one session at the same time: what comes of it is what comes of one after the other,
//! in one order or the other (R4, R5, R8, R11, R12).

use std::{future::poll_fn, sync::Arc, task::Poll};

use tokio::sync::Barrier;

use super::{
    Harness,
    bench::{Bench, change, set},
};
use crate::{
    Committed, FieldChange, Fields, Guard, Lifetime, NewRecord, OwnerChange, Patch, Record,
    Renewal, Rotation, SessionId, SessionStore,
};

/// Of each pair on each kind of session.
const ROUNDS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    SetFirst,
    SetSecond,
    /// The same field, to a value of one's own.
    SetShared,
    RemoveShared,
    Update,
    Touch,
    Rotate,
    RotatePeriodically,
    /// To the owner of a session that has one.
    SetOwner,
    ChangeOwner,
    ClearOwner,
    Delete,
    RevokeAll,
    RevokeOthers,
    Sweep,
}

const OPS: [Op; 15] = [
    Op::SetFirst,
    Op::SetSecond,
    Op::SetShared,
    Op::RemoveShared,
    Op::Update,
    Op::Touch,
    Op::Rotate,
    Op::RotatePeriodically,
    Op::SetOwner,
    Op::ChangeOwner,
    Op::ClearOwner,
    Op::Delete,
    Op::RevokeAll,
    Op::RevokeOthers,
    Op::Sweep,
];

/// One session, and what is done to it.
#[derive(Clone)]
struct Pair {
    ops: [Op; 2],
    id: SessionId,
    /// Who has it, or will: of no other session.
    owner: String,
    before: Arc<Record>,
}

/// A record but for the store's time: of the times, which of them moved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    fields: Fields,
    owner: Option<String>,
    generation: u32,
    barrier: u32,
    version: u64,
    moved: [bool; 5],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Applied(Seen),
    Conflict(Seen),
    Superseded(Seen),
    Gone,
    Deleted(bool),
    Revoked(u64),
    Swept,
}

/// Both answers, and what is left.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    answers: [Answer; 2],
    left: Option<Seen>,
}

impl Pair {
    fn guard(&self, op: Op) -> Guard {
        Guard {
            generation: self.before.generation(),
            version: (op == Op::Update).then(|| self.before.version()),
        }
    }

    /// What the operation commits, if it is a commit.
    fn patch<H: Harness>(&self, who: usize) -> Option<Patch> {
        let owner = |owner| Patch {
            fields: set("login", "1").fields,
            owner,
            ..touch::<H>()
        };
        let rotate = |why| Patch {
            rotation: Some(why),
            ..Patch::default()
        };
        Some(match self.ops[who] {
            Op::SetFirst => set("first", "[1]"),
            Op::SetSecond => change(FieldChange::set("second", "[2]").keeping(true)),
            Op::SetShared => set("shared", ["\"one\"", "\"other\""][who]),
            Op::RemoveShared => change(FieldChange::removed("shared")),
            Op::Update => set("count", "2"),
            Op::Touch => touch::<H>(),
            Op::Rotate => rotate(Rotation::Explicit),
            Op::RotatePeriodically => rotate(Rotation::Periodic),
            Op::SetOwner => owner(OwnerChange::Set(self.owner.clone())),
            Op::ChangeOwner => owner(OwnerChange::Set(format!("not {}", self.owner))),
            Op::ClearOwner => owner(OwnerChange::Cleared),
            Op::Delete | Op::RevokeAll | Op::RevokeOthers | Op::Sweep => return None,
        })
    }

    async fn call<H: Harness>(&self, who: usize, store: &H::Store) -> Answer {
        if let Some(patch) = self.patch::<H>(who) {
            let guard = self.guard(self.ops[who]);
            let answer = store.commit(self.id, guard, &patch).await;
            return self.told(answer.expect("commit"));
        }
        let revoke = async |keep| {
            let revoked = store.revoke_owner(&self.owner, keep).await;
            Answer::Revoked(revoked.expect("revoke"))
        };
        match self.ops[who] {
            Op::Delete => Answer::Deleted(store.delete(self.id).await.expect("delete")),
            Op::RevokeAll => revoke(None).await,
            Op::RevokeOthers => revoke(Some(self.id)).await,
            _ => {
                store.delete_expired(10).await.expect("sweep");
                Answer::Swept
            }
        }
    }

    /// The same, on a record that nobody else knows.
    fn call_alone<H: Harness>(&self, who: usize, record: &mut Option<Arc<Record>>) -> Answer {
        let now = self.before.now();
        if let Some(patch) = self.patch::<H>(who) {
            let Some(newest) = record else {
                return Answer::Gone;
            };
            let answer = newest.commit(self.guard(self.ops[who]), &patch, now);
            if let Committed::Applied(next) = &answer {
                *newest = Arc::clone(next);
            }
            return self.told(answer);
        }
        let theirs = |record: &mut Arc<Record>| record.owner() == Some(&*self.owner);
        match self.ops[who] {
            Op::Delete => Answer::Deleted(record.take().is_some()),
            Op::RevokeAll => Answer::Revoked(u64::from(record.take_if(theirs).is_some())),
            Op::RevokeOthers => Answer::Revoked(0),
            _ => Answer::Swept,
        }
    }

    fn told(&self, answer: Committed) -> Answer {
        match answer {
            Committed::Applied(record) => Answer::Applied(self.seen(&record)),
            Committed::Conflict(record) => Answer::Conflict(self.seen(&record)),
            Committed::Superseded(record) => Answer::Superseded(self.seen(&record)),
            Committed::Gone => Answer::Gone,
        }
    }

    fn seen(&self, record: &Record) -> Seen {
        let (old, new) = (self.before.parts(), record.parts());
        Seen {
            fields: new.fields.clone(),
            owner: new.owner.clone(),
            generation: new.generation,
            barrier: new.barrier,
            version: new.version,
            moved: [
                new.started_at != old.started_at,
                new.touched_at != old.touched_at,
                new.rotated_at != old.rotated_at,
                new.owner_since != old.owner_since,
                new.expires_at != old.expires_at,
            ],
        }
    }

    /// What comes of it in this order.
    fn in_order<H: Harness>(&self, order: [usize; 2]) -> Outcome {
        let mut record = Some(Arc::clone(&self.before));
        let mut answers = [Answer::Swept, Answer::Swept];
        for who in order {
            answers[who] = self.call_alone::<H>(who, &mut record);
        }
        let left = record.map(|record| self.seen(&record));
        Outcome { answers, left }
    }

    fn check<H: Harness>(&self, outcome: &Outcome) {
        let orders = [[0, 1], [1, 0]].map(|order| self.in_order::<H>(order));
        assert!(
            orders.iter().any(|allowed| allowed.allows(outcome)),
            "{:?} at once came to {outcome:?}, and in order to {orders:?}",
            self.ops
        );
    }
}

impl Outcome {
    fn allows(&self, other: &Self) -> bool {
        let alike = |(allowed, answer): (&Answer, &Answer)| match (allowed, answer) {
            // Who ends by the owner's mark alone is not counted.
            (Answer::Revoked(most), Answer::Revoked(count)) => count <= most,
            _ => allowed == answer,
        };
        self.left == other.left && self.answers.iter().zip(&other.answers).all(alike)
    }
}

fn lifetime<H: Harness>() -> Lifetime {
    Lifetime {
        idle: H::MINUTE * 5,
        absolute: H::MINUTE * 10,
    }
}

fn touch<H: Harness>() -> Patch {
    Patch {
        renewal: Some(Renewal {
            lifetime: lifetime::<H>(),
            unless_touched_after: None,
        }),
        ..Patch::default()
    }
}

/// Each pair on sessions with an owner and without.
async fn pairs<H: Harness>(bench: &Bench<H>, one: Op, others: &[Op]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for other in others {
        for round in 0..2 * ROUNDS {
            let owner = format!("{one:?} {other:?} {round}");
            let mut new = Bench::<H>::new_record(Some(&*owner).filter(|_| round % 2 == 0));
            new.fields = new.fields.merge(&[FieldChange::set("shared", "0")]);
            new.lifetime = lifetime::<H>();
            pairs.push((*other, owner, new));
        }
    }
    let mut ids = Vec::new();
    for (_, _, new) in &pairs {
        ids.push(bench.create_as(NewRecord::clone(new)).await);
    }
    // So that a time that is set is a time that moves.
    bench.pass(0.1).await;
    let mut loaded = Vec::new();
    for (id, (other, owner, _)) in ids.into_iter().zip(pairs) {
        loaded.push(Pair {
            ops: [one, other],
            id,
            owner,
            before: bench.load(id).await,
        });
    }
    loaded
}

/// The answers of both. A panic of either ends it, for the other would wait for it to come.
async fn both<T>(tasks: [impl Future<Output = T>; 2]) -> [T; 2] {
    let mut tasks = tasks.map(|task| (Box::pin(task), None));
    poll_fn(|cx| {
        for (task, answer) in &mut tasks {
            if answer.is_none()
                && let Poll::Ready(done) = task.as_mut().poll(cx)
            {
                *answer = Some(done);
            }
        }
        match &mut tasks {
            [(_, first @ Some(_)), (_, second @ Some(_))] => {
                Poll::Ready([first.take(), second.take()])
            }
            _ => Poll::Pending,
        }
    })
    .await
    .map(|answer| answer.expect("both are there"))
}

pub async fn of_any_two_operations_at_once_one_was_first<H: Harness>(bench: &Bench<H>) {
    for _ in 0..10 {
        bench.create(Some("dead")).await;
    }
    bench.pass(1.5).await;
    let handles = bench.handles(2).await;
    for (at, one) in OPS.into_iter().enumerate() {
        let pairs = Arc::new(pairs(bench, one, &OPS[at..]).await);
        // Both sides go through the pairs in step, and meet before each.
        let meet = Arc::new(Barrier::new(2));
        let [first, second] = [0, 1].map(|who| {
            let (pairs, meet) = (Arc::clone(&pairs), Arc::clone(&meet));
            let store = Arc::clone(&handles[who]);
            bench.beside(async move {
                let mut answers = Vec::new();
                for pair in &*pairs {
                    meet.wait().await;
                    answers.push(pair.call::<H>(who, &store).await);
                }
                answers
            })
        });
        let [first, second] = both([first, second]).await;
        let answers = first.into_iter().zip(second);
        for (pair, (first, second)) in pairs.iter().zip(answers) {
            let left = bench.try_load(pair.id).await;
            pair.check::<H>(&Outcome {
                answers: [first, second],
                left: left.as_ref().map(|record| pair.seen(record)),
            });
            // Nobody else has it, and its owner's list knows it.
            let owner = left.as_ref().and_then(|record| record.owner());
            for name in [pair.owner.clone(), format!("not {}", pair.owner)] {
                let expected: &[_] = if owner == Some(&*name) {
                    &[pair.id]
                } else {
                    &[]
                };
                assert_eq!(bench.sessions_of(&name).await, expected, "{:?}", pair.ops);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::both;

    #[tokio::test]
    #[should_panic(expected = "the second failed")]
    async fn who_waits_for_one_that_failed_is_not_waited_for() {
        let side = async |who| {
            assert!(who == 0, "the second failed");
            pending::<()>().await;
        };
        both([side(0), side(1)]).await;
    }
}
