//! Measures ours beside its peers, by `benches/run`.

use std::{env, fs, process::ExitCode};

use bench_harness::{Work, callgrind};
use session_benches::{
    adapters,
    args::{Args, USAGE},
    expiry,
    figures::Figures,
    head, loopback, memory,
    report::Report,
    requests, stores, targets, threads,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let words: Vec<_> = env::args().skip(1).collect();
    let adapter = |name: &str| adapters::of(name).ok_or("an unknown adapter");
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // What this program starts itself as.
        ["once", name, work] => {
            callgrind::once(adapter(name)?, Work::of(work).ok_or("an unknown work")?);
            Ok(())
        }
        ["serve", name] => {
            loopback::serve(adapter(name)?);
            Ok(())
        }
        _ => measure(&Args::parse(words.into_iter())?),
    }
}

fn measure(args: &Args) -> Result<(), String> {
    let mut report = Report::default();
    let mut figures = Figures::default();
    if args.command == "all" {
        head::run(&mut report);
        for part in PARTS {
            run_part(part, args, &mut report, &mut figures)?;
        }
        targets::run(&mut report, &figures);
        if args.filters.is_empty() {
            fs::write(FILE, report.text()).map_err(|error| format!("{FILE}: {error}"))?;
        }
        return Ok(());
    }
    run_part(&args.command, args, &mut report, &mut figures)
}

const PARTS: [&str; 7] = [
    "requests",
    "instructions",
    "loopback",
    "threads",
    "memory",
    "expiry",
    "stores",
];

fn run_part(
    part: &str,
    args: &Args,
    report: &mut Report,
    figures: &mut Figures,
) -> Result<(), String> {
    match part {
        "requests" => requests::run(args, report, figures)?,
        "instructions" => requests::run_instructions(args, report, figures)?,
        "loopback" => loopback::run(args, report, figures),
        "threads" => threads::run(args, report, figures),
        "memory" => memory::run(args, report, figures)?,
        "expiry" => expiry::run(args, report, figures),
        "stores" => stores::run(args, report, figures)?,
        unknown => return Err(format!("{unknown}?\n{USAGE}")),
    }
    Ok(())
}
