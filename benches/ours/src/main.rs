//! The guard: counts the instructions of our own requests, and compares them with those that are kept in a file.
//! Run by `benches/guard`.

use std::{collections::BTreeMap, env, fmt::Write as _, fs, path::Path, process::ExitCode};

use bench_harness::{Adapter, FLOOR, Work, callgrind, compiler};
use bench_ours::ADAPTER;

/// Of many sessions too, whose cookies no table of recent ones remembers.
const WORKS: [Work; 5] = [
    Work::Read,
    Work::ReadMany,
    Work::Update,
    Work::New,
    Work::Unused,
];
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../instructions.toml");
/// Both ways: who makes it faster by more than this writes the file anew, so that it stays so.
const TOLERANCE: f64 = 0.10;
const HEAD: &str = "\
# Instructions of one request of ours above bare axum. Written by `benches/guard --write`, compared by `benches/guard`.
";
/// Then the compiler's name and version.
const COMPILER: &str = "# Counted with ";

fn main() -> ExitCode {
    match run(&env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["once", adapter, work] => once(adapter, work),
        ["--write"] => write(&count()?),
        [] => {
            let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
            compare(&kept(&text)?, &count()?).map_err(|wrong| wrong + &other_compiler(&text))
        }
        _ => Err("usage: benches/guard [--write]".into()),
    }
}

fn once(adapter: &str, work: &str) -> Result<(), String> {
    let adapters = [FLOOR, ADAPTER].into_iter();
    let adapter: Option<Adapter> = adapters.into_iter().find(|it| it.name == adapter);
    let adapter = adapter.ok_or("an unknown adapter")?;
    callgrind::once(adapter, Work::of(work).ok_or("an unknown work")?);
    Ok(())
}

fn count() -> Result<BTreeMap<String, f64>, String> {
    let above_floor = |work: Work| {
        let ours = callgrind::instructions(ADAPTER.name, work)? as f64;
        let floor = callgrind::instructions(FLOOR.name, work)? as f64;
        Ok((work.name().to_owned(), ours - floor))
    };
    WORKS.into_iter().map(above_floor).collect()
}

fn kept(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let (work, figure) = line.split_once('=')?;
        Some((work.trim().to_owned(), figure.trim().parse().ok()?))
    };
    lines
        .map(|line| entry(line).ok_or_else(|| format!("{FILE}: {line}?")))
        .collect()
}

fn write(counted: &BTreeMap<String, f64>) -> Result<(), String> {
    let mut text = format!("{HEAD}{COMPILER}{}\n", compiler());
    for (work, figure) in counted {
        let _ = writeln!(text, "{work} = {figure}");
    }
    print!("{text}");
    fs::write(Path::new(FILE), text).map_err(|error| format!("{FILE}: {error}"))
}

fn compare(kept: &BTreeMap<String, f64>, counted: &BTreeMap<String, f64>) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (work, &figure) in counted {
        let Some(&before) = kept.get(work) else {
            wrong.push(format!("{work} is not in instructions.toml"));
            continue;
        };
        let change = figure / before - 1.0;
        println!(
            "{work:9} {figure:>8} instructions above bare axum, kept: {before:>8} ({:+.1} %)",
            change * 100.0
        );
        if change > TOLERANCE {
            wrong.push(format!("{work} has become slower"));
        } else if change < -TOLERANCE {
            wrong.push(format!("{work} has become faster: good, keep it so"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nIf that is meant, write the new figures with `benches/guard --write` and say why in the commit.",
        wrong.join("\n")
    ))
}

/// Says so if it is not the one that the figures are of.
fn other_compiler(text: &str) -> String {
    let before = text.lines().find_map(|line| line.strip_prefix(COMPILER));
    let (before, now) = (before.unwrap_or("an unknown compiler"), compiler());
    if before == now {
        return String::new();
    }
    format!("\nThey were counted with {before}, and this is {now}.")
}
