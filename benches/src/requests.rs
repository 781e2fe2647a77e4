//! One request in process: nanoseconds, allocations, instructions.

use bench_harness::{Adapter, Prepared, Work, callgrind, runtime};

use crate::{
    adapters::{AXUM_SESSION, BY_HAND, FLOOR, OURS, PRIVATE, SKETCH},
    args::Args,
    clock::Working,
    figures::Figures,
    report::{Report, grouped, or_dash},
    sibling,
};

const ROUNDS: usize = 150;
const PER_ROUND: usize = 200;

/// Nanoseconds and allocations.
///
/// # Errors
/// If the program that counts allocations failed.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) -> Result<(), String> {
    for &work in &args.works {
        for (adapter, nanos) in time(&args.adapters, work) {
            figures.set("ns", adapter.name, work.name(), nanos);
        }
    }
    let mut words = vec!["allocations".to_owned()];
    words.extend(args.filters.iter().cloned());
    for row in sibling::rows("count", &words)? {
        let [adapter, work, allocations, bytes] = row.as_slice() else {
            return Err(format!("count: {row:?}"));
        };
        for (measure, figure) in [("allocations", allocations), ("bytes", bytes)] {
            let figure = figure.parse().map_err(|_| format!("count: {row:?}"))?;
            figures.set(measure, adapter, work, figure);
        }
    }
    report.section(
        "Requests in process",
        &format!(
            "Nanoseconds (of the thread's own time) of one request through the router: the median of {ROUNDS} rounds of {PER_ROUND} requests,\n\
             the libraries taking turns. Bare axum in full, the others above it."
        ),
    );
    table(&args.works, report, figures, "ns", &args.adapters);
    report.line("\nAllocations of one request, likewise.\n");
    table(&args.works, report, figures, "allocations", &args.adapters);
    report.line("\nBytes allocated by one request, likewise.\n");
    table(&args.works, report, figures, "bytes", &args.adapters);
    Ok(())
}

/// Instructions; of the libraries that the targets name, and not of the slowest with many sessions, for valgrind takes its
/// time.
///
/// # Errors
/// If valgrind failed.
pub fn run_instructions(
    args: &Args,
    report: &mut Report,
    figures: &mut Figures,
) -> Result<(), String> {
    let of_targets = [FLOOR, OURS, PRIVATE, AXUM_SESSION, BY_HAND, SKETCH];
    let adapters: Vec<_> = of_targets.into_iter().filter(|it| args.has(*it)).collect();
    for &work in &args.works {
        for adapter in &adapters {
            if adapter.name == AXUM_SESSION.name && work.is_many() {
                continue;
            }
            let count = callgrind::instructions(adapter.name, work)?;
            figures.set("instructions", adapter.name, work.name(), count as f64);
        }
    }
    report.section(
        "Instructions",
        "Of one request, as callgrind counts them, where glibc takes what every `x86_64` can. Bare axum in full, the others\n\
         above it.",
    );
    table(&args.works, report, figures, "instructions", &adapters);
    Ok(())
}

/// The median of the rounds of each, in nanoseconds of one request.
fn time(adapters: &[Adapter], work: Work) -> Vec<(Adapter, f64)> {
    let runtime = runtime();
    let _inside = runtime.enter();
    let mut all: Vec<_> = adapters
        .iter()
        .map(|&it| (it, runtime.block_on(Prepared::new(it, work)), Vec::new()))
        .collect();
    for _ in 0..ROUNDS {
        for (_, prepared, rounds) in &mut all {
            let start = Working::start();
            runtime.block_on(prepared.send(PER_ROUND));
            rounds.push(start.elapsed().as_nanos() as f64 / PER_ROUND as f64);
        }
    }
    let done = all.into_iter().map(|(adapter, prepared, rounds)| {
        runtime.block_on(prepared.verify());
        (adapter, median(rounds))
    });
    done.collect()
}

/// The one in the middle.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn table(
    works: &[Work],
    report: &mut Report,
    figures: &Figures,
    measure: &str,
    adapters: &[Adapter],
) {
    let mut head = vec!["work".to_owned()];
    head.extend(adapters.iter().map(|adapter| adapter.name.to_owned()));
    let row = |work: &Work| {
        let figure = |adapter: &Adapter| {
            let figure = if adapter.counts {
                figures.above_floor(measure, adapter.name, work.name())
            } else {
                figures.get(measure, adapter.name, work.name())
            };
            or_dash(figure, grouped)
        };
        let mut row = vec![work.title().to_owned()];
        row.extend(adapters.iter().map(figure));
        row
    };
    report.table(&head, &works.iter().map(row).collect::<Vec<_>>());
}
