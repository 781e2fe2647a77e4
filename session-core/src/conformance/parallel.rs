//! Calls that overlap, on handles as different processes have them (R4, R5, R8, R11).

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Harness,
    bench::{Bench, applied, generation, rotate, set},
};
use crate::{
    Committed, Created, FieldChange, Guard, Patch, Record, Rotation, SessionId, SessionStore,
};

const TASKS: usize = 8;
const EACH: usize = 25;

/// The same call from several tasks at once, on two handles in turn.
async fn everybody<H: Harness, T, F>(
    bench: &Bench<H>,
    call: impl Fn(usize, Arc<H::Store>) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let handles = bench.handles(2).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| bench.beside(call(task, Arc::clone(&handles[task % 2]))))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await);
    }
    answers
}

fn count(record: &Record) -> usize {
    let json = record.fields().get("count").expect("there");
    json.parse().expect("a number")
}

pub async fn parallel_increments_each_count_once<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    everybody(bench, |_, store| async move {
        for _ in 0..EACH {
            let mut newest = store.load(id).await.expect("load").expect("alive");
            loop {
                let guard = Guard {
                    generation: newest.generation(),
                    version: Some(newest.version()),
                };
                let patch = set("count", &(count(&newest) + 1).to_string());
                match store.commit(id, guard, &patch).await.expect("commit") {
                    Committed::Applied(_) => break,
                    Committed::Conflict(record) => newest = record,
                    other => panic!("{other:?}"),
                }
            }
        }
    })
    .await;
    let record = bench.load(id).await;
    assert_eq!(count(&record), 1 + TASKS * EACH);
    assert_eq!(record.version(), (TASKS * EACH) as u64);
}

pub async fn parallel_writes_of_different_fields_all_survive<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    everybody(bench, |task, store| async move {
        for at in 0..EACH {
            let field = FieldChange::set(format!("field {task} {}", at % 5), at.to_string());
            let patch = Patch {
                fields: vec![field.keeping(at % 2 == 0)],
                ..Patch::default()
            };
            let answer = store.commit(id, generation(0), &patch).await;
            applied(answer.expect("commit"));
        }
    })
    .await;
    let record = bench.load(id).await;
    assert_eq!(record.version(), (TASKS * EACH) as u64);
    assert_eq!(record.fields().len(), 2 + TASKS * 5);
    for field in record.fields() {
        if field.name.starts_with("field") {
            assert!(["20", "21", "22", "23", "24"].contains(&field.json));
        }
    }
}

pub async fn of_parallel_creations_of_one_id_one_succeeds<H: Harness>(bench: &Bench<H>) {
    for round in 0..5 {
        let id = SessionId::generate();
        // The last rounds over one who died.
        if round > 2 {
            let old = bench.store.create(id, Bench::<H>::new_record(None)).await;
            assert!(matches!(old, Ok(Created::Created(_))));
            bench.pass(1.5).await;
        }
        let answers = everybody(bench, |task, store| async move {
            let new = Bench::<H>::new_record(Some(&task.to_string()));
            store.create(id, new).await.expect("create")
        });
        let mut created = Vec::new();
        for answer in answers.await {
            if let Created::Created(record) = answer {
                created.push(record);
            }
        }
        let [created] = &*created else {
            panic!("{created:?}")
        };
        assert_eq!(bench.load(id).await.parts(), created.parts());
    }
}

pub async fn a_commit_beside_a_deletion_leaves_nothing<H: Harness>(bench: &Bench<H>) {
    for _ in 0..10 {
        let id = bench.create(Some("ada")).await;
        let answers = everybody(bench, |task, store| async move {
            if task == TASKS / 2 {
                return store.delete(id).await.expect("delete");
            }
            let patch = [set("count", "2"), Bench::<H>::owned_by("eve")][task % 2].clone();
            let guard = generation(u32::MAX);
            let answer = store.commit(id, guard, &patch).await.expect("commit");
            assert!(matches!(answer, Committed::Applied(_) | Committed::Gone));
            false
        });
        let deletions = answers.await.into_iter().filter(|deleted| *deleted).count();
        assert_eq!(deletions, 1);
        assert!(!bench.lives(id).await);
    }
    assert_eq!(bench.store.count().await.expect("count"), 0);
    assert_eq!(bench.sessions_of("ada").await, []);
    assert_eq!(bench.sessions_of("eve").await, []);
}

pub async fn of_parallel_rotations_one_bars_the_others<H: Harness>(bench: &Bench<H>) {
    for _ in 0..5 {
        let id = bench.create(None).await;
        let answers = everybody(bench, |_, store| async move {
            let patch = rotate(Rotation::Explicit);
            store
                .commit(id, generation(0), &patch)
                .await
                .expect("commit")
        });
        let answers = answers.await;
        let newest = bench.load(id).await;
        assert_eq!((newest.generation(), newest.barrier()), (1, 1));
        let mut won = 0;
        for answer in answers {
            match answer {
                Committed::Applied(_) => won += 1,
                Committed::Superseded(record) => assert_eq!(record.parts(), newest.parts()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1);
    }
}

pub async fn a_login_beside_writes_loses_none_that_was_applied<H: Harness>(bench: &Bench<H>) {
    for _ in 0..5 {
        let id = bench.create(None).await;
        let answers = everybody(bench, |task, store| async move {
            let patch = if task == TASKS / 2 {
                Bench::<H>::owned_by("ada")
            } else {
                Patch {
                    fields: vec![FieldChange::set(format!("field {task}"), "1")],
                    ..Patch::default()
                }
            };
            let answer = store.commit(id, generation(0), &patch).await;
            (task, answer.expect("commit"))
        });
        let mut expected = BTreeSet::from(["count".to_owned(), "lang".to_owned()]);
        for (task, answer) in answers.await {
            match answer {
                Committed::Applied(_) if task == TASKS / 2 => {}
                Committed::Applied(_) => drop(expected.insert(format!("field {task}"))),
                Committed::Superseded(record) => assert_eq!(record.owner(), Some("ada")),
                other => panic!("{other:?}"),
            }
        }
        let record = bench.load(id).await;
        assert_eq!((record.owner(), record.generation()), (Some("ada"), 1));
        let names = record.fields().iter().map(|field| field.name.to_owned());
        assert_eq!(names.collect::<BTreeSet<_>>(), expected);
    }
}

pub async fn parallel_periodic_rotations_raise_the_generation_once<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    everybody(bench, |_, store| async move {
        let patch = Patch {
            rotation: Some(Rotation::Periodic),
            ..Bench::<H>::touch()
        };
        let answer = store.commit(id, generation(0), &patch).await;
        assert_eq!(applied(answer.expect("commit")).generation(), 1);
    })
    .await;
    let record = bench.load(id).await;
    assert_eq!((record.generation(), record.barrier()), (1, 0));
}
