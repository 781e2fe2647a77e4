//! Two threads against one: on sessions of their own, and all on the same session.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axum::Router;
use bench_harness::{Adapter, CAPACITY, COOKIE, Request, Work, answer, new_session, runtime, send};
use tokio::runtime::Runtime;

use crate::{
    adapters::OURS,
    args::Args,
    figures::Figures,
    report::{Report, or_dash},
    requests::median,
};

const WORKS: [Work; 2] = [Work::Read, Work::Update];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(200);

/// As [`Figures`] call them.
pub const APART: &str = "two threads, each a session";
pub const TOGETHER: &str = "two threads, one session";

/// Requests per second of two threads, as a multiple of one.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) {
    report.section(
        "Two threads against one",
        &format!(
            "Requests per second of two threads, as a multiple of one thread's: the median of {ROUNDS} rounds.\n\
             Increments that were answered and then missing from the counter are lost updates."
        ),
    );
    let rows = args.adapters.iter().map(|adapter| {
        let lost = WORKS.map(|work| contest(*adapter, work, figures));
        let mut row = vec![adapter.name.to_owned()];
        for measure in [APART, TOGETHER] {
            row.extend(WORKS.map(|work| {
                let ratio = figures.get(measure, adapter.name, work.name());
                or_dash(ratio, |ratio| format!("{ratio:.2}"))
            }));
        }
        let lost = adapter.counts.then_some(lost[1] * 100.0);
        row.push(or_dash(lost, |lost| format!("{lost:.1} %")));
        row
    });
    let rows: Vec<_> = rows.collect();
    let head = [
        "",
        "read, own",
        "update, own",
        "read, same",
        "update, same",
        "lost updates",
    ];
    report.table(&head.map(str::to_owned), &rows);
}

/// Measures both ways, and gives what part of the updates of one session was lost.
fn contest(adapter: Adapter, work: Work, figures: &mut Figures) -> f64 {
    let runtime = runtime();
    // Some libraries start a task when they are put on a router.
    let _inside = runtime.enter();
    let contest = Contest::new(&runtime, adapter, work);
    let (mut apart, mut together) = (Vec::new(), Vec::new());
    let (mut sent, mut lost) = (0, 0);
    for _ in 0..ROUNDS {
        let one = contest.round(&[0]);
        let two_apart = contest.round(&[0, 1]);
        let two_together = contest.round(&[0, 0]);
        assert_eq!(one.lost + two_apart.lost, 0, "{}", adapter.name);
        apart.push(two_apart.rate / one.rate);
        together.push(two_together.rate / one.rate);
        sent += two_together.sent;
        lost += two_together.lost;
    }
    if adapter.name == OURS.name {
        assert_eq!(lost, 0, "ours");
    }
    figures.set(APART, adapter.name, work.name(), median(apart));
    figures.set(TOGETHER, adapter.name, work.name(), median(together));
    lost as f64 / sent as f64
}

struct Contest<'a> {
    runtime: &'a Runtime,
    adapter: Adapter,
    work: Work,
    router: Router,
    sessions: [String; 2],
}

struct Round {
    rate: f64,
    sent: u64,
    lost: u64,
}

impl<'a> Contest<'a> {
    fn new(runtime: &'a Runtime, adapter: Adapter, work: Work) -> Self {
        let router = adapter.router(CAPACITY);
        let session = || {
            if adapter.counts {
                runtime.block_on(new_session(&router, "/update"))
            } else {
                COOKIE.to_owned()
            }
        };
        Self {
            sessions: [session(), session()],
            runtime,
            adapter,
            work,
            router,
        }
    }

    /// A thread for each of these sessions, for a while.
    fn round(&self, sessions: &[usize]) -> Round {
        let before = self.counted();
        let stop = AtomicBool::new(false);
        let together = Barrier::new(sessions.len() + 1);
        let (sent, elapsed) = thread::scope(|scope| {
            let ask = |&session: &usize| {
                let request = Request::new(self.work.path()).cookie(&self.sessions[session]);
                let (stop, together, router) = (&stop, &together, &self.router);
                scope.spawn(move || {
                    let runtime = runtime();
                    together.wait();
                    runtime.block_on(ask_until(stop, router, &request))
                })
            };
            let threads: Vec<_> = sessions.iter().map(ask).collect();
            together.wait();
            let start = Instant::now();
            thread::sleep(ROUND);
            stop.store(true, Ordering::Relaxed);
            let sent = threads.into_iter().map(|it| it.join().expect("it asks"));
            (sent.sum::<u64>(), start.elapsed())
        });
        let expected = match self.work {
            Work::Update if self.adapter.counts => before + sent,
            _ => before,
        };
        Round {
            rate: sent as f64 / elapsed.as_secs_f64(),
            sent,
            lost: expected - self.counted(),
        }
    }

    /// What both counters say.
    fn counted(&self) -> u64 {
        let count = |session: &String| {
            let read = Request::new("/read").cookie(session);
            self.runtime.block_on(answer(&self.router, &read)).count()
        };
        self.sessions.iter().map(count).sum()
    }
}

async fn ask_until(stop: &AtomicBool, router: &Router, request: &Request) -> u64 {
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        send(router, request).await;
        sent += 1;
    }
    sent
}
