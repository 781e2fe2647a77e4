//! The end of tests that would not end.

use std::{
    panic,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
};

use super::Harness;

/// Runs the test of a rule on a thread of its own, and fails if that takes too long. The thread is left to itself then:
/// a loop that never waits can't be stopped, by no runtime either.
#[track_caller]
pub fn within_limit<H: Harness>(rule: &str, test: impl FnOnce() + Send + 'static) {
    let (running, end) = mpsc::channel::<()>();
    let test = thread::Builder::new()
        .name(rule.to_owned())
        .spawn(move || {
            // Dropped at the end, also by a panic.
            let _running = running;
            test();
        })
        .expect("a thread");
    assert!(
        end.recv_timeout(H::LIMIT) != Err(RecvTimeoutError::Timeout),
        "the rule `{rule}` did not finish within {:?} (`Harness::LIMIT`). Usually the store waits for a lock that \
             it holds itself, or for a server that does not answer; or its `commit` answers `Conflict` for ever, also \
             to the version that came with the last `Conflict`",
        H::LIMIT
    );
    if let Err(failure) = test.join() {
        panic::resume_unwind(failure);
    }
}
