//! What is to be reached, beside what was measured.

use bench_harness::{Adapter, Work};

use crate::{
    adapters::{BY_HAND, OURS, PRIVATE, SKETCH},
    expiry::HALF_EXPIRES,
    figures::Figures,
    memory::{SIZES, flatness},
    report::{Report, or_dash},
    threads::{APART, TOGETHER},
};

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

use Limit::{AtLeast, AtMost};

/// A target: what, how much, and what was measured.
type Target = (&'static str, Limit, Option<f64>);

/// All of them, and in a sentence those that are not reached.
pub fn run(report: &mut Report, figures: &Figures) {
    report.section(
        "Targets",
        "Overhead is what a request costs above bare axum in the same run; \"of\" a peer is our overhead as a part \
         of its overhead.\n\
         The sketch shows about the least that one request over a layer of axum can cost.",
    );
    let mut missed = Vec::new();
    let mut rows = Vec::new();
    let sketch = targets(figures, SKETCH).into_iter();
    for ((what, limit, measured), (.., sketch)) in targets(figures, OURS).into_iter().zip(sketch) {
        let (wanted, reached) = match limit {
            AtMost(most) => (format!("≤ {most}"), measured.map(|it| it <= most)),
            AtLeast(least) => (format!("≥ {least}"), measured.map(|it| it >= least)),
        };
        if reached == Some(false) {
            missed.push(what);
        }
        let reached = match reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let [measured, sketch] = [measured, sketch].map(|it| or_dash(it, |it| format!("{it:.2}")));
        rows.push(vec![
            what.to_owned(),
            wanted,
            measured,
            reached.to_owned(),
            sketch,
        ]);
    }
    let head = ["what", "wanted", "measured", "reached", "the sketch"];
    report.table(&head.map(str::to_owned), &rows);
    report.line(&if missed.is_empty() {
        "\nEvery target that was measured is reached.".to_owned()
    } else {
        format!("\nNot reached: {}.", missed.join("; "))
    });
}

/// Of us, or of another one.
fn targets(figures: &Figures, of: Adapter) -> Vec<Target> {
    let mut targets = requests(figures, of);
    targets.extend(processes(figures, of));
    targets.extend(stores(figures, of));
    targets
}

fn requests(figures: &Figures, one: Adapter) -> Vec<Target> {
    let of = |peer, work: Work| figures.of_peer("ns", one, peer, work.name());
    let instructions = |peer, work: Work| figures.of_peer("instructions", one, peer, work.name());
    let allocations = |work: Work| figures.above_floor("allocations", one.name, work.name());
    let beyond_read = |work: Work| {
        let nanos = figures.get("ns", one.name, work.name())?;
        Some((nanos - figures.get("ns", one.name, Work::Read.name())?) / 1e3)
    };
    vec![
        (
            "read, of tower-sessions private",
            AtMost(0.30),
            of(PRIVATE, Work::Read),
        ),
        (
            "read, of tower-sessions private, in instructions",
            AtMost(0.30),
            instructions(PRIVATE, Work::Read),
        ),
        ("read, of by hand", AtMost(0.40), of(BY_HAND, Work::Read)),
        (
            "write by `update`, of tower-sessions private",
            AtMost(0.20),
            of(PRIVATE, Work::Update),
        ),
        (
            "write by `update`, of tower-sessions private, in instructions",
            AtMost(0.20),
            instructions(PRIVATE, Work::Update),
        ),
        (
            "write one field of ten, of tower-sessions private",
            AtMost(0.12),
            of(PRIVATE, Work::WriteOne),
        ),
        (
            "new session, of tower-sessions private",
            AtMost(0.45),
            of(PRIVATE, Work::New),
        ),
        (
            "session unused, of tower-sessions private",
            AtMost(0.10),
            of(PRIVATE, Work::Unused),
        ),
        (
            "session unused, allocations above bare axum",
            AtMost(3.0),
            allocations(Work::Unused),
        ),
        (
            "read, allocations above bare axum",
            AtMost(10.0),
            allocations(Work::Read),
        ),
        (
            "write by `update`, allocations above bare axum",
            AtMost(14.0),
            allocations(Work::Update),
        ),
        (
            "garbage cookie, µs more than a read",
            AtMost(1.0),
            beyond_read(Work::Garbage),
        ),
        (
            "20 other cookies, µs more than a read",
            AtMost(1.0),
            beyond_read(Work::Foreign),
        ),
    ]
}

fn processes(figures: &Figures, one: Adapter) -> Vec<Target> {
    let its = |measure, what: &str| figures.get(measure, one.name, what);
    let loopback = |work: Work| figures.of_floor("loopback", one.name, work.name());
    let (read, update) = (Work::Read.name(), Work::Update.name());
    let largest = SIZES[3].to_string();
    let bytes = SIZES
        .iter()
        .filter_map(|size| its("heap", &size.to_string()));
    vec![
        ("two threads of one, read", AtLeast(1.7), its(APART, read)),
        (
            "two threads of one, `update`",
            AtLeast(1.7),
            its(APART, update),
        ),
        (
            "two threads of one, all on one session, read",
            AtLeast(0.9),
            its(TOGETHER, read),
        ),
        (
            "two threads of one, all on one session, `update`",
            AtLeast(0.9),
            its(TOGETHER, update),
        ),
        (
            "loopback, of bare axum's requests per second, read",
            AtLeast(0.85),
            loopback(Work::Read),
        ),
        (
            "loopback, of bare axum's requests per second, `update`",
            AtLeast(0.85),
            loopback(Work::Update),
        ),
        (
            "heap bytes per counter session, at the worst size",
            AtMost(160.0),
            bytes.reduce(f64::max),
        ),
        (
            "read among 5,000,000 of among 10,000, beyond cache misses",
            AtMost(1.25),
            flatness(figures, one, "read at"),
        ),
        (
            "`update` among 5,000,000 of among 10,000, beyond cache misses",
            AtMost(1.25),
            flatness(figures, one, "update at"),
        ),
        (
            "worst pause while the map grows, ms",
            AtMost(2.0),
            its("growth", &largest),
        ),
        (
            "worst pause while half a million expire, ms",
            AtMost(2.0),
            its(HALF_EXPIRES, "working"),
        ),
    ]
}

fn stores(figures: &Figures, one: Adapter) -> Vec<Target> {
    let beside = |store: &str, what: &str| {
        let of = |name| figures.get(store, name, what);
        Some(of(one.name)? / of("tower-sessions")?)
    };
    vec![
        (
            "Redis, reads per second of tower-sessions'",
            AtLeast(1.0),
            beside("Redis", "read"),
        ),
        (
            "Redis, writes per second of tower-sessions'",
            AtLeast(1.0),
            beside("Redis", "update"),
        ),
        (
            "PostgreSQL, reads per second of tower-sessions'",
            AtLeast(1.0),
            beside("PostgreSQL", "read"),
        ),
        (
            "PostgreSQL, writes per second of tower-sessions'",
            AtLeast(1.0),
            beside("PostgreSQL", "update"),
        ),
    ]
}
