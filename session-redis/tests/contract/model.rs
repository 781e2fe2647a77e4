//! The script against `Record::commit`, the rule itself: the same patches, the same times, the same record.

use std::{sync::Arc, time::Duration};

use session_core::{
    Committed, Created, FieldChange, Guard, Lifetime, NewRecord, OwnerChange, Patch, Record,
    Renewal, Rotation, SessionId, SessionStore, Timestamp,
};

use session_redis::{Connection, RedisStore};

use crate::common::{self, new, on_both};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).expect("small")].clone()
    }

    fn patch(&mut self, record: &Record) -> Patch {
        const NAMES: [&str; 6] = ["a", "b", "c.d", "expires_at", "f:a", "ä %s\"'"];
        const VALUES: [&str; 7] = [
            "1",
            "-0.0",
            "18446744073709551615",
            "1e308",
            "\"\\u0000 ä\"",
            "[[[{\"\":null}]]]",
            "\"\\ud800\"",
        ];
        let mut fields = Vec::new();
        for name in NAMES {
            match self.roll(6) {
                0 => {
                    fields.push(FieldChange::set(name, self.pick(&VALUES)).keeping(self.one_in(2)));
                }
                1 => fields.push(FieldChange::removed(name)),
                _ => {}
            }
        }
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        // As most are: they have a script of their own.
        if self.one_in(2) {
            return Patch {
                fields,
                ..Patch::default()
            };
        }
        let spans = [0, 1_000, 600_000, 1_200_000, u64::MAX].map(Duration::from_millis);
        let renewal = self.one_in(2).then(|| Renewal {
            lifetime: Lifetime {
                idle: self.pick(&spans[2..]),
                absolute: self.pick(&spans[2..]),
            },
            unless_touched_after: self.one_in(2).then(|| {
                let touched = record.touched_at().as_micros();
                Timestamp::from_micros(self.pick(&[touched - 1, touched, touched + 1, u64::MAX]))
            }),
        });
        Patch {
            fields,
            owner: self.pick(&[
                OwnerChange::Unchanged,
                OwnerChange::Unchanged,
                OwnerChange::Unchanged,
                OwnerChange::Cleared,
                OwnerChange::Set("ada".into()),
                OwnerChange::Set("bob: ä".into()),
                OwnerChange::Set(String::new()),
            ]),
            rotation: self.pick(&[
                None,
                None,
                Some(Rotation::Explicit),
                Some(Rotation::Periodic),
            ]),
            renewal,
            remember: self
                .one_in(5)
                .then(|| self.pick(&[Duration::new(5, 7), Duration::MAX, Duration::ZERO])),
            confirm: self.one_in(3),
        }
    }

    fn guard(&mut self, record: &Record) -> Guard {
        let generation = record.generation();
        let version = record.version();
        Guard {
            generation: self.pick(&[
                generation,
                generation,
                generation.saturating_sub(1),
                generation + 1,
            ]),
            version: self
                .one_in(4)
                .then(|| self.pick(&[version, version, version + 1, u64::MAX])),
        }
    }
}

/// A deadline beyond what the store can hold is cut to the last moment that it can.
fn cut(mut parts: session_core::RecordParts) -> session_core::RecordParts {
    const LAST: Timestamp = Timestamp::from_micros((1 << 53) - 1);
    parts.expires_at = parts.expires_at.min(LAST);
    parts
}

#[track_caller]
fn assert_same(stored: &Record, model: &Record) {
    let (stored, model) = (stored.parts(), cut(model.parts()));
    let fields = |parts: &session_core::RecordParts| {
        let fields = parts.fields.iter();
        fields
            .map(|field| (field.name.to_owned(), field.json.to_owned(), field.keep))
            .collect::<Vec<_>>()
    };
    assert_eq!(fields(&stored), fields(&model));
    assert!(
        stored == model,
        "{stored:?} {:?} but {model:?} {:?}",
        stored.owner,
        model.owner
    );
}

async fn the_script_is_the_rule<C: Connection, D: Connection>(store: RedisStore<C>, _: D) {
    let mut dice = Dice(7);
    let mut answers = [0; 4];
    for round in 0..20 {
        let id = SessionId::generate();
        let owner = (round % 3 == 0).then(|| "ada".to_owned());
        let start = NewRecord { owner, ..new(None) };
        let created = store.create(id, start.clone()).await.expect("it answers");
        let Created::Created(created) = created else {
            panic!("{created:?}")
        };
        let mut model = Arc::new(Record::create(start, created.now()));
        assert_same(&created, &model);
        for _ in 0..40 {
            let (patch, guard) = (dice.patch(&model), dice.guard(&model));
            let answer = store.commit(id, guard, &patch).await.expect("it answers");
            let stored = match &answer {
                Committed::Applied(stored)
                | Committed::Conflict(stored)
                | Committed::Superseded(stored) => stored,
                Committed::Gone => panic!("{patch:?}"),
            };
            let predicted = Arc::new(Record::new(model.parts(), model.now()));
            let predicted = predicted.commit(guard, &patch, stored.now());
            let kind = |answer: &Committed| std::mem::discriminant(answer);
            assert_eq!(kind(&answer), kind(&predicted), "{guard:?} {patch:?}");
            answers[match &answer {
                Committed::Applied(_) => 0,
                Committed::Conflict(_) => 1,
                Committed::Superseded(_) => 2,
                Committed::Gone => 3,
            }] += 1;
            if let Committed::Applied(next) = predicted {
                model = Arc::new(Record::new(cut(next.parts()), next.now()));
            }
            assert_same(stored, &model);
            let loaded = common::load(&store, id).await.expect("alive");
            assert_same(&loaded, &model);
        }
    }
    assert!(answers[..3].iter().all(|count| *count > 10), "{answers:?}");
}

async fn every_increment_counts_once<C: Connection, D: Connection>(store: RedisStore<C>, _: D) {
    let id = common::create(&store, None).await;
    let tasks = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut newest = common::load(&store, id).await.expect("alive");
            let mut done = 0;
            while done < 50 {
                let count: u64 = newest
                    .fields()
                    .get("count")
                    .expect("set")
                    .parse()
                    .expect("a number");
                let guard = Guard {
                    generation: 0,
                    version: Some(newest.version()),
                };
                let patch = common::set("count", &(count + 1).to_string());
                newest = match store.commit(id, guard, &patch).await.expect("it answers") {
                    Committed::Applied(next) => {
                        done += 1;
                        next
                    }
                    Committed::Conflict(next) => next,
                    other => panic!("{other:?}"),
                };
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    let record = common::load(&store, id).await.expect("alive");
    assert_eq!(record.fields().get("count"), Some("401"));
    assert_eq!(record.version(), 400);
}

on_both! {
    the_script_is_the_rule
    every_increment_counts_once
}
