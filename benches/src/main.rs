//! Measures ours beside its peers; see the README.

use std::{env, process::ExitCode};

use bench_harness::{Work, callgrind};
use session_benches::{adapters, args::Args, figures::Figures, report::Report, requests};

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
    if let [once, adapter, work] = words.as_slice()
        && once == "once"
    {
        let adapter = adapters::of(adapter).ok_or("an unknown adapter")?;
        callgrind::once(adapter, Work::of(work).ok_or("an unknown work")?);
        return Ok(());
    }
    let args = Args::parse(words.into_iter())?;
    let mut report = Report::default();
    let mut figures = Figures::default();
    match args.command.as_str() {
        "requests" => requests::run(&args, &mut report, &mut figures),
        "instructions" => requests::run_instructions(&args, &mut report, &mut figures),
        unknown => Err(format!("{unknown}?")),
    }
}
