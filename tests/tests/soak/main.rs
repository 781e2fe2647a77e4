//! Many browsers for a long time: whatever they do at once, and whatever the store does, each sees what it may see,
//! and nothing grows.
//!
//! Time is tokio's own, paused: it moves as soon as everybody waits, so hours pass in seconds, and a seed repeats what
//! the browsers and the store's faults do. The variables, with their defaults:
//!
//! - `SESSION_SOAK_SECONDS=12`: for so long, by the clock on the wall.
//! - `SESSION_SOAK_SEED`: by default another one at each run. A failure tells it.

mod app;
mod browser;
mod growth;
mod model;
mod store;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use browser::{Soaked, Tally};
use growth::Growth;
use session_axum::{MemoryStore, SessionStore as _};
use store::{Unreliable, VirtualClock};
use tokio::{runtime::Handle, task::JoinSet, time::sleep};

const BROWSERS: u64 = 200;

fn variable(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

#[tokio::test(start_paused = true)]
async fn every_browser_sees_what_it_may_see_and_nothing_grows() {
    let length = Duration::from_secs(variable("SESSION_SOAK_SECONDS").unwrap_or(12));
    let seed = variable("SESSION_SOAK_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        u64::from(now.expect("after 1970").subsec_nanos())
    });
    if let Err(fault) = soak(length, seed).await {
        panic!("SESSION_SOAK_SEED={seed}: {fault}");
    }
}

async fn soak(length: Duration, seed: u64) -> Result<(), String> {
    let begin = Instant::now();
    let memory = MemoryStore::builder().clock(VirtualClock::new()).build();
    let store = Unreliable::new(memory, seed);
    let app = app::app(&store);
    let stop = Arc::new(AtomicBool::new(false));
    let mut browsers = JoinSet::new();
    for number in 0..BROWSERS {
        let soaked = Soaked::new(number, seed, app.clone(), store.clone(), Arc::clone(&stop));
        browsers.spawn(soaked.live());
    }

    let mut growth = Growth::new();
    let mut tally = Tally::default();
    while begin.elapsed() < length && !browsers.is_empty() {
        sleep(Duration::from_mins(1)).await;
        let sessions = store.count().await.map_err(|error| error.to_string())?;
        growth.sample(begin.elapsed().div_duration_f64(length), sessions)?;
        // One ends before its time only by a fault.
        if let Some(ended) = browsers.try_join_next() {
            ended.map_err(|error| error.to_string())??;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = browsers.join_next().await {
        tally += ended.map_err(|error| error.to_string())??;
    }

    // What nobody uses any more is gone in time, and nobody works on for nobody.
    sleep(app::IDLE + Duration::from_mins(1)).await;
    let left = store.count().await.map_err(|error| error.to_string())?;
    let tasks = Handle::current().metrics().num_alive_tasks();
    if (left, tasks) != (0, 0) {
        return Err(format!("{left} sessions and {tasks} tasks are left"));
    }
    let text = format!("{tally:?} {growth:?} in {:?}, seed {seed}", begin.elapsed());
    tally
        .assert_all_happened()
        .map_err(|missing| format!("{missing}: {text}"))?;
    growth.judge()?;
    tell(&text);
    Ok(())
}

/// For those who run it by hand, with `--nocapture`.
#[expect(clippy::print_stdout, reason = "it is asked for")]
fn tell(text: &str) {
    println!("{text}");
}
