//! What the heap sees, in a program of its own: the counting would cost the others time.
//! Writes lines of words between tabs.

use std::{alloc::System, env, process::ExitCode};

use bench_harness::{Prepared, Request, answer, new_session, runtime};
use session_benches::{
    args::Args,
    memory::{adapters, build, sizes},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let args = match Args::parse(env::args().skip(1)) {
        Ok(args) => args,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match args.command.as_str() {
        "allocations" => allocations(&args),
        "memory" => memory(&args),
        unknown => {
            eprintln!("{unknown}?");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Of one request: adapter, work, allocations, bytes.
fn allocations(args: &Args) {
    const TIMES: usize = 1_000;
    let runtime = runtime();
    let _inside = runtime.enter();
    for &work in &args.works {
        for &adapter in &args.adapters {
            let mut prepared = runtime.block_on(Prepared::new(adapter, work));
            let region = Region::new(HEAP);
            runtime.block_on(prepared.send(TIMES));
            let change = region.change();
            runtime.block_on(prepared.verify());
            let of_one = |figure: usize| figure as f64 / TIMES as f64;
            println!(
                "{}\t{}\t{:.1}\t{:.0}",
                adapter.name,
                work.name(),
                of_one(change.allocations + change.reallocations),
                of_one(change.bytes_allocated),
            );
        }
    }
}

/// Of one session among many: adapter, sessions, bytes.
fn memory(args: &Args) {
    let runtime = runtime();
    let _inside = runtime.enter();
    for adapter in adapters(args) {
        let router = build(adapter);
        let region = Region::new(HEAP);
        let (mut sessions, mut last) = (0, String::new());
        for &size in sizes(adapter) {
            runtime.block_on(async {
                while sessions < size {
                    last = new_session(&router, "/update").await;
                    sessions += 1;
                }
            });
            let change = region.change();
            let read = Request::new("/read").cookie(&last);
            assert_eq!(runtime.block_on(answer(&router, &read)).count(), 1);
            // Both have their part of what was reallocated.
            let grown = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
            println!("{}\t{size}\t{:.0}", adapter.name, grown / size as f64);
        }
    }
}
