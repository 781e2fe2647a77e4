//! Two requests of one session at once, in every order: R4, R5, R8, R11, R13, R14.

mod counting;
mod model;
mod run;

use model::{Interleaving, Op, Step, interleavings};
use run::{Processes, Run, Setting, Site};
use session_axum::Key;

/// Where the browser can end without the token of a session that lives, in the order of the commits; and why.
/// No store can help it: the browser keeps what comes last.
const KNOWN_CASES: &[(&[Op], &[Op], Why)] = &[
    (
        &[Op::Read, Op::Touch, Op::Write, Op::WriteShared, Op::Update],
        &[Op::Rotate, Op::LogIn, Op::DestroyThenWrite],
        Why::Renewed,
    ),
    (
        &[Op::Rotate, Op::LogIn],
        &[Op::DestroyThenWrite],
        Why::Overtaken,
    ),
    (
        &[Op::Destroy],
        &[
            Op::Write,
            Op::WriteShared,
            Op::Update,
            Op::LogIn,
            Op::DestroyThenWrite,
        ],
        Why::Overtaken,
    ),
    (&[Op::DestroyThenWrite], &[Op::Destroy], Why::EndedTwice),
];

/// Each with what is committed first and what second.
fn known_cases() -> impl Iterator<Item = ([Op; 2], Why)> {
    KNOWN_CASES.iter().flat_map(|(firsts, seconds, why)| {
        let pairs = firsts
            .iter()
            .flat_map(|first| seconds.iter().map(|second| [*first, *second]));
        pairs.map(|pair| (pair, *why))
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The response committed first is delivered last.
    Overtaken,
    /// So it is, and it has a cookie only because it renewed the expiry.
    Renewed,
    /// Both end the session that they loaded, one starts another (R14: log in by setting the owner).
    EndedTwice,
}

impl Why {
    fn explains(self, setting: Setting, order: &Interleaving) -> bool {
        let overtaken = who(order, Step::Commit) != who(order, Step::Deliver);
        match self {
            Self::Overtaken => overtaken,
            Self::Renewed => overtaken && setting.touch_due,
            Self::EndedTwice => !overtaken,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Read).await;
}

#[tokio::test(start_paused = true)]
async fn a_touch_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Touch).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Write).await;
    beside_anything(Op::WriteShared).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Update).await;
}

#[tokio::test(start_paused = true)]
async fn a_rotation_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Rotate).await;
}

#[tokio::test(start_paused = true)]
async fn a_login_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::LogIn).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_beside_anything_ends_as_the_rules_say() {
    beside_anything(Op::Destroy).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_and_a_write_beside_anything_end_as_the_rules_say() {
    beside_anything(Op::DestroyThenWrite).await;
}

#[tokio::test(start_paused = true)]
async fn each_known_case_is_still_one() {
    let key = Key::generate();
    'cases: for (pair @ [first, second], why) in known_cases() {
        for ops in [pair, [second, first]] {
            let setting = Setting {
                ops,
                processes: Processes::One,
                touch_due: why == Why::Renewed,
            };
            let site = Site::new(setting, &key);
            for order in setting.interleavings() {
                if !play(&site, &order).await {
                    continue 'cases;
                }
            }
        }
        panic!("{first:?} and {second:?} lose no cookie any more");
    }
}

/// A request that is the first to load, and another one that does anything.
async fn beside_anything(first: Op) {
    let key = Key::generate();
    for second in Op::ALL {
        for (processes, touch_due) in [
            (Processes::One, false),
            (Processes::One, true),
            (Processes::Two, false),
            (Processes::OneAtOnce, false),
            (Processes::OneAtOnce, true),
        ] {
            // Only updates know of those beside them in their process.
            if processes == Processes::Two && ![first, second].contains(&Op::Update) {
                continue;
            }
            let setting = Setting {
                ops: [first, second],
                processes,
                touch_due,
            };
            let site = Site::new(setting, &key);
            for order in setting.interleavings() {
                if !play(&site, &order).await {
                    let committed = who(&order, Step::Commit).map(|who| setting.ops[who]);
                    let known = known_cases()
                        .any(|(pair, why)| pair == committed && why.explains(setting, &order));
                    assert!(known, "a cookie is lost: {setting:?} {order:?}");
                }
            }
        }
    }
}

/// Whether the browser can still open a session, if any lives.
async fn play(site: &Site, order: &Interleaving) -> bool {
    let steps = order.clone();
    let mut run = Run::new(site.clone()).await;
    let run = tokio::spawn(async move {
        for (who, step) in steps {
            run.step(who, step).await;
        }
        run.finish().await
    });
    run.await
        .unwrap_or_else(|error| panic!("{:?} {order:?}: {error}", site.setting))
}

/// The order in which both take this step.
fn who(order: &Interleaving, step: Step) -> [usize; 2] {
    let first = order.iter().find(|(_, other)| *other == step);
    match first {
        Some((0, _)) => [0, 1],
        _ => [1, 0],
    }
}

impl Setting {
    /// Those that can be and that differ.
    fn interleavings(self) -> impl Iterator<Item = Interleaving> {
        interleavings().into_iter().filter(move |order| {
            let at = |step| order.iter().position(|other| *other == step);
            let sends = [0, 1].map(|who| at((who, Step::Send)));
            let commits = [0, 1].map(|who| at((who, Step::Commit)));
            match self.processes {
                // Sent and done are one step.
                Processes::OneAtOnce => {
                    (0..2).all(|who| sends[who].map(|at| at + 1) == commits[who])
                }
                // Updates take turns: none is sent while another one is.
                Processes::One if self.ops == [Op::Update; 2] => {
                    commits[0] < sends[1] || commits[1] < sends[0]
                }
                Processes::One | Processes::Two => true,
            }
        })
    }
}
