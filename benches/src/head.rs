//! What was measured, where, and how to do it again.

use std::{fs, thread};

use bench_harness::{compiler, told};
use time::OffsetDateTime;

use crate::report::Report;

/// The peers, as the lock file calls them.
const PEERS: [&str; 9] = [
    "axum",
    "axum-extra",
    "tower-sessions",
    "tower-sessions-memory-store",
    "tower-sessions-moka-store",
    "tower-sessions-redis-store",
    "tower-sessions-sqlx-store",
    "axum_session",
    "moka",
];

/// The beginning of the file.
pub fn run(report: &mut Report) {
    report.line(
        "# Results\n\n\
         Written by `benches/run` (all of it) and printed by `benches/run PART` (one part: `requests`, `instructions`, \
         `loopback`,\n`threads`, `memory`, `expiry` or `stores`; `--only ours,ts-private` and `--works read,update` \
         measure less).\n\n\
         Every application has the same routes, and proves after each measurement that its counter counted (in process \
         also\nbefore). What two threads lose is told; of the many sessions of a store that grows, one is proven.\n\
         Most works, `read` and `update` among them, send one cookie again and again, and ours remembers what it opened \
         lately.\nThe cookies of \"10,000 sessions in turn\" and of a store that grows it has to open each time.\n\
         The state of ten fields has about 1 KiB. A cookie is sealed, signed or plain as the adapter's name says: \
         `ours`,\n`ts-private`, `ts-moka`, `axum_session`, `by-hand` (axum-extra's `PrivateCookieJar` and a \
         `Mutex<HashMap>`) and `sketch`\n(a layer with nothing of what makes a session right; it remembers every cookie \
         that opened) seal it.\n",
    );
    let processor = processor().unwrap_or_else(|| "an unknown processor".into());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let commit = told("git", &["describe", "--always", "--dirty"]);
    let date = OffsetDateTime::now_utc().date();
    report.line(&format!("Measured on {date}, at commit {commit}."));
    report.line(&format!(
        "Machine: {processor}, {cores} cores. {}.",
        compiler()
    ));
    report.line(&format!("Versions: {}.", versions().join(", ")));
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}

/// As they are locked: `name = "…"` and the version on the next line.
fn versions() -> Vec<String> {
    let lock = include_str!("../Cargo.lock");
    let lines: Vec<_> = lock.lines().collect();
    let pairs = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("name = ")?.trim_matches('"');
        let version = pair[1].strip_prefix("version = ")?.trim_matches('"');
        PEERS.contains(&name).then(|| format!("{name} {version}"))
    });
    pairs.collect()
}
