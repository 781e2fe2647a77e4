//! What other programs tell.

use std::process::Command;

/// What a program says; nothing where there is none.
#[must_use]
pub fn told(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// The compiler, as it calls itself.
#[must_use]
pub fn compiler() -> String {
    told("rustc", &["--version"])
}
