//! Half of a million sessions expire: the worst pause of any request meanwhile.

use std::time::{Duration, Instant};

use axum::Router;
use bench_harness::{Request, answer, new_session, runtime, send};
use session_axum::{ManualClock, MemoryStore, SessionStore as _};
use time::OffsetDateTime;
use tokio::time::{Duration as Wait, sleep};
use tower_sessions::cookie::Key;
use tower_sessions_moka_store::MokaStore;

use crate::{
    adapters::{MOKA, OURS, older_router},
    args::Args,
    clock::Worst,
    figures::Figures,
    report::{Report, grouped, or_dash},
};

const HALF: usize = 500_000;
/// Enough that every dead one is swept on the way.
const ASKED: usize = 300_000;
/// How many of those that live on are asked.
const LIVE: usize = 1_000;
/// What is asked of them that are measured, as [`Figures`] call it.
pub const HALF_EXPIRES: &str = "half expires";

/// The worst pause, in milliseconds.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) {
    report.section(
        "Half of a million sessions expires",
        &format!(
            "The worst pause of any of {} requests (reads, updates and new sessions) from the moment on when {}\n\
             of a million sessions are dead: milliseconds of the thread's own time, and on the wall clock.",
            grouped(ASKED as f64),
            grouped(HALF as f64),
        ),
    );
    let mut rows = Vec::new();
    if args.has(OURS) {
        let (worst, left) = ours();
        let freed = format!("all but {left} on the way");
        rows.push(row(OURS.name, worst, &freed, figures));
    }
    if args.has(MOKA) {
        rows.push(row(MOKA.name, moka(), "by its housekeeping", figures));
    }
    for (name, freed) in [
        ("ts-private", "never: its memory store keeps the dead"),
        ("axum_session", "not before an hour: not measured"),
        ("by-hand", "never"),
    ] {
        if args.adapters.iter().any(|it| it.name == name) {
            rows.push([name, "–", "–", freed].map(str::to_owned).to_vec());
        }
    }
    let head = ["", "own time, ms", "wall, ms", "the dead are freed"];
    report.table(&head.map(str::to_owned), &rows);
}

fn row(name: &str, worst: Worst, freed: &str, figures: &mut Figures) -> Vec<String> {
    figures.set(HALF_EXPIRES, name, "working", worst.working);
    let milliseconds = |pause| or_dash(Some(pause), |pause| format!("{pause:.2}"));
    vec![
        name.to_owned(),
        milliseconds(worst.working),
        milliseconds(worst.waiting),
        freed.to_owned(),
    ]
}

/// With a clock that is set forward; and how many of the dead are still there in the end.
fn ours() -> (Worst, u64) {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().max_sessions(2_000_000);
    let store = store.clock(clock.clone()).build();
    let router = bench_ours::router(store.clone());
    let hour = Duration::from_hours(1);
    runtime().block_on(async {
        start(&router, HALF).await;
        clock.advance(12 * hour);
        let live = start(&router, HALF).await;
        clock.advance(13 * hour);
        let worst = ask(&router, &live).await;
        let left = store.delete_expired(HALF).await;
        (worst, left.expect("a store in memory"))
    })
}

/// With two layers over one store: one of them gives its sessions a short life.
fn moka() -> Worst {
    runtime().block_on(async {
        let store = MokaStore::new(Some(2_000_000));
        let key = Key::generate();
        let lasting = older_router(store.clone(), key.clone(), None);
        let begun = Instant::now();
        let live = start(&lasting, HALF).await;
        // Long enough to start as many again.
        let end = OffsetDateTime::now_utc() + 3 * begun.elapsed();
        start(&older_router(store, key, Some(end)), HALF).await;
        let rest = end - OffsetDateTime::now_utc();
        assert!(rest.is_positive(), "they were to die together");
        sleep(Wait::try_from(rest).expect("positive")).await;
        ask(&lasting, &live).await
    })
}

/// Starts so many sessions, and gives some of them.
async fn start(router: &Router, sessions: usize) -> Vec<String> {
    let mut some = Vec::new();
    for at in 0..sessions {
        let cookie = new_session(router, "/update").await;
        if at < LIVE {
            some.push(cookie);
        }
    }
    some
}

async fn ask(router: &Router, live: &[String]) -> Worst {
    let mut worst = Worst::default();
    let new = Request::new("/update");
    let mut counts = vec![1; live.len()];
    for at in 0..ASKED {
        let cookie = &live[at % live.len()];
        let request = match at % 3 {
            0 => new.clone(),
            1 => Request::new("/read").cookie(cookie),
            _ => {
                counts[at % live.len()] += 1;
                Request::new("/update").cookie(cookie)
            }
        };
        worst.of(send(router, &request)).await;
    }
    for (cookie, count) in live.iter().zip(counts) {
        let read = Request::new("/read").cookie(cookie);
        assert_eq!(answer(router, &read).await.count(), count, "it counts");
    }
    worst
}
