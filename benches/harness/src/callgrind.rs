//! Instructions as callgrind counts them: the same at every run, whatever else the machine does.

use std::{env, process::Command};

use crate::{Adapter, Prepared, Work, runtime};

const TIMES: usize = 500;
/// What every `x86_64` has, so that each machine takes the same `memcpy` and its like: glibc picks them by the processor.
const OLDEST: &str = "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-SSSE3,-SSE4_1,-SSE4_2";

/// Counts the instructions of one request, by this program itself under valgrind:
/// it has to call [`once`] when it is started with `once ADAPTER WORK`.
///
/// # Errors
/// Says what valgrind said.
pub fn instructions(adapter: &str, work: Work) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .env("GLIBC_TUNABLES", OLDEST)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Only what the measured function calls: neither set-up nor proof.
        .args([
            "--collect-atstart=no",
            "--toggle-collect=*callgrind::measured*",
        ])
        .arg(program)
        .args(["once", adapter, work.name()])
        .output()
        .map_err(|error| format!("valgrind can't be started: {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let collected: Option<u64> = told
        .lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match collected {
        Some(collected) if output.status.success() => Ok(collected / TIMES as u64),
        _ => Err(told.into_owned()),
    }
}

/// What runs under valgrind.
pub fn once(adapter: Adapter, work: Work) {
    let runtime = runtime();
    let mut prepared = runtime.block_on(Prepared::new(adapter, work));
    measured(|| runtime.block_on(prepared.send(TIMES)));
    runtime.block_on(prepared.verify());
}

/// By this name valgrind knows where to count.
#[inline(never)]
fn measured(requests: impl FnOnce()) {
    requests();
}
