//! Parts that need a process of their own.

use std::{
    env,
    process::{Command, Stdio},
};

/// A program of this workspace, beside this one.
///
/// # Panics
/// If this program's own path is not known.
#[must_use]
pub fn command(name: &str) -> Command {
    let path = env::current_exe().expect("the path of this program");
    Command::new(path.with_file_name(name))
}

/// Runs it, and gives what it wrote: lines of words between tabs.
///
/// # Errors
/// If it can't be started, or failed. (What it says then is seen.)
pub fn rows(name: &str, args: &[String]) -> Result<Vec<Vec<String>>, String> {
    let mut command = command(name);
    command.args(args).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| {
        format!("`{name}` can't be started ({error}): build with `cargo build --release --workspace --bins`")
    })?;
    if !output.status.success() {
        return Err(format!("`{name} {}` failed", args.join(" ")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let words = |line: &str| line.split('\t').map(str::to_owned).collect();
    Ok(text.lines().map(words).collect())
}
