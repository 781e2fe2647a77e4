//! The worst pause of any request.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

/// The worst of many, in milliseconds.
#[derive(Default, Clone, Copy)]
pub(crate) struct Worst {
    /// Of the thread's own time, the kernel's work for it included: what the code did, whoever else used the core.
    pub(crate) working: f64,
    /// Of the clock on the wall.
    pub(crate) waiting: f64,
}

impl Worst {
    pub(crate) async fn of(&mut self, request: impl Future<Output = ()>) {
        let start = Instant::now();
        let working = thread_time();
        request.await;
        self.working = self.working.max(thread_time() - working);
        let waiting = start.elapsed().as_secs_f64() * 1e3;
        self.waiting = self.waiting.max(waiting);
    }
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
