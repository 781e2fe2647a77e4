//! How long something took: of the thread's own time, so that nobody else on the machine is in it.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// Of the loop that does nothing: some microseconds, as a request.
const STEPS: u32 = 10_000;

/// The worst of many, in milliseconds.
#[derive(Default, Clone, Copy)]
pub(crate) struct Worst {
    /// Of the thread's own time: what the code did, whoever else used the core.
    pub(crate) working: f64,
    /// Of the clock on the wall.
    pub(crate) waiting: f64,
}

impl Worst {
    pub(crate) async fn of(&mut self, request: impl Future<Output = ()>) {
        let start = Instant::now();
        let working = Working::start();
        request.await;
        self.add(&working, start);
    }

    /// Of something that never pauses: what is left is the machine's own.
    pub(crate) fn of_nothing(span: Duration) -> Self {
        let (start, mut worst) = (Instant::now(), Self::default());
        while start.elapsed() < span {
            let (start, working) = (Instant::now(), Working::start());
            for step in 0..STEPS {
                black_box(step);
            }
            worst.add(&working, start);
        }
        worst
    }

    fn add(&mut self, working: &Working, start: Instant) {
        *self = self.worse(Self {
            working: working.elapsed().as_secs_f64() * 1e3,
            waiting: start.elapsed().as_secs_f64() * 1e3,
        });
    }

    /// What either had.
    pub(crate) fn worse(self, other: Self) -> Self {
        Self {
            working: self.working.max(other.working),
            waiting: self.waiting.max(other.waiting),
        }
    }

    /// What both had.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            working: self.working.min(other.working),
            waiting: self.waiting.min(other.waiting),
        }
    }
}

/// The time that this thread works, the kernel's work for it included.
pub(crate) struct Working(Duration);

impl Working {
    pub(crate) fn start() -> Self {
        Self(thread_time())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        thread_time().saturating_sub(self.0)
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("time goes on")
}
