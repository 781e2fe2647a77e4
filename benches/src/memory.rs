//! Many sessions: what each takes, what a request costs among them, and the worst pause while they come.

use std::{collections::HashMap, hint::black_box, sync::Mutex, time::Instant};

use axum::Router;
use bench_harness::{Adapter, Request, answer, new_session, runtime, send};

use crate::{
    adapters::{AXUM_SESSION, BY_HAND, MOKA, OURS, PRIVATE},
    args::Args,
    clock::{Working, Worst},
    figures::Figures,
    report::{Report, grouped, or_dash},
    requests::median,
    sample::{Numbers, Sample},
    sibling,
};

pub const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 5_000_000];
/// Where the peers stop: they would take too long.
const PEERS_UP_TO: usize = 1_000_000;
/// How many sessions are asked, once each: what is asked again is in the cache.
const ASKED: usize = 20_000;
/// Requests between two looks at the clock.
const CHUNK: usize = 500;
/// How often a store grows, and how far at a time: what the store itself does comes at the same place each time.
const ROUNDS: usize = 5;
const STRETCH: usize = 100_000;
/// So [`Figures`] call a loop that only counts, for as long as ours takes to grow.
const HOST: &str = "host";
const MAP: &str = "bare map";

/// The adapters that have a store of their own, in the order of the table.
#[must_use]
pub fn adapters(args: &Args) -> Vec<Adapter> {
    let all = [OURS, PRIVATE, MOKA, AXUM_SESSION, BY_HAND].into_iter();
    all.filter(|it| args.has(*it)).collect()
}

#[must_use]
pub fn sizes(adapter: Adapter) -> &'static [usize] {
    let largest = if adapter.name == OURS.name {
        usize::MAX
    } else {
        PEERS_UP_TO
    };
    let end = SIZES.iter().position(|&size| size > largest);
    &SIZES[..end.unwrap_or(SIZES.len())]
}

/// A store with room for the largest size.
pub fn build(adapter: Adapter) -> Router {
    let largest = sizes(adapter).iter().max().copied().unwrap_or(0);
    adapter.router((largest + largest / 10) as u64)
}

/// Bytes, costs and pauses.
///
/// # Errors
/// If the program that counts bytes failed.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) -> Result<(), String> {
    let adapters = adapters(args);
    map(figures);
    for adapter in &adapters {
        grow(*adapter, figures);
    }
    let mut words = vec!["memory".to_owned()];
    words.extend(args.filters.iter().cloned());
    for row in sibling::rows("count", &words)? {
        let [adapter, size, bytes] = row.as_slice() else {
            return Err(format!("count: {row:?}"));
        };
        let bytes = bytes.parse().map_err(|_| format!("count: {row:?}"))?;
        figures.set("heap", adapter, size, bytes);
    }
    let mut names: Vec<_> = adapters.iter().map(|it| it.name).collect();
    report.section(
        "Many sessions",
        "Heap bytes per counter session, of everything that the store holds.",
    );
    by_size(report, figures, "heap", &names);
    report.line(
        "\nWorst pause of any request while the store grew so far, in milliseconds of the thread's own time, and in \
         brackets\non the wall clock (other processes included). Of each stretch of 100,000 sessions it is the least of five \
         times that the store\ngrew: what the store does comes at the same place each time, what the machine does comes \
         anywhere.\n",
    );
    pauses(report, figures, &names);
    names.push(MAP);
    for (measure, title) in [("read at", "read"), ("update at", "`update`")] {
        report.line(&format!(
            "\nNanoseconds (of the thread's own time) of one {title} of sessions that were not asked for long (all of it, bare axum included), \
             beside\na `Mutex<HashMap<u128, u64>>` of the same size.\n"
        ));
        by_size(report, figures, measure, &names);
    }
    Ok(())
}

fn by_size(report: &mut Report, figures: &Figures, measure: &str, names: &[&str]) {
    let cell = |name: &str, size: &str| or_dash(figures.get(measure, name, size), grouped);
    table(report, names, cell);
}

fn pauses(report: &mut Report, figures: &Figures, names: &[&str]) {
    let cell = |name: &str, size: &str| {
        let milliseconds = |pause: f64| format!("{pause:.2}");
        let working = or_dash(figures.get("growth", name, size), milliseconds);
        let waiting = or_dash(figures.get("growth, wall", name, size), milliseconds);
        format!("{working} ({waiting})")
    };
    table(report, names, cell);
    let host = |measure| or_dash(figures.get(measure, HOST, HOST), |it| format!("{it:.2}"));
    report.line(&format!(
        "\nThe worst of a loop that only counts, in steps as long as a request and for as long as ours took to grow: {} ({}).\n\
         So much at least the machine itself adds to any of these.",
        host("growth"),
        host("growth, wall"),
    ));
}

fn table(report: &mut Report, names: &[&str], cell: impl Fn(&str, &str) -> String) {
    let mut head = vec!["sessions".to_owned()];
    head.extend(names.iter().map(|&name| name.to_owned()));
    let rows = SIZES.map(|size| {
        let mut row = vec![grouped(size as f64)];
        row.extend(names.iter().map(|name| cell(name, &size.to_string())));
        row
    });
    report.table(&head, &rows);
}

/// Lets a store grow, and measures at each size. And more of them, for the worst pause: one that is the store's comes
/// each time, one that is the host's does not.
fn grow(adapter: Adapter, figures: &mut Figures) {
    let runtime = runtime();
    let _inside = runtime.enter();
    let sizes = sizes(adapter);
    let ends = ends(sizes);
    let mut least = Vec::new();
    let mut host = Vec::new();
    for round in 0..ROUNDS {
        let mut growing = Growing::new(adapter);
        for (at, &end) in ends.iter().enumerate() {
            let start = Instant::now();
            keep_least(&mut least, at, runtime.block_on(growing.up_to(end)));
            if adapter.name == OURS.name {
                keep_least(&mut host, at, Worst::of_nothing(start.elapsed()));
            }
            if round == 0 && sizes.contains(&end) {
                runtime.block_on(growing.ask(adapter, end, figures));
                tidy();
            }
        }
    }
    let mut set = |name, what: &str, worst: Worst| {
        figures.set("growth", name, what, worst.working);
        figures.set("growth, wall", name, what, worst.waiting);
    };
    for &size in sizes {
        let so_far = ends.iter().zip(&least).take_while(|(end, _)| **end <= size);
        let so_far = so_far.map(|(_, worst)| *worst);
        set(
            adapter.name,
            &size.to_string(),
            so_far.fold(Worst::default(), Worst::worse),
        );
    }
    if let Some(host) = host.into_iter().reduce(Worst::worse) {
        set(HOST, HOST, host);
    }
}

/// Where the stretches end: at each size, and in between.
fn ends(sizes: &[usize]) -> Vec<usize> {
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let mut ends: Vec<_> = (STRETCH..=largest).step_by(STRETCH).collect();
    ends.extend(sizes);
    ends.sort_unstable();
    ends.dedup();
    ends
}

fn keep_least(least: &mut Vec<Worst>, at: usize, worst: Worst) {
    match least.get_mut(at) {
        Some(least) => *least = least.least(worst),
        None => least.push(worst),
    }
}

/// A store that grows.
struct Growing {
    router: Router,
    numbers: Numbers,
    samples: [Sample<String>; 2],
    sessions: usize,
}

impl Growing {
    fn new(adapter: Adapter) -> Self {
        Self {
            router: build(adapter),
            numbers: Numbers::new(),
            samples: [Sample::new(ASKED), Sample::new(ASKED)],
            sessions: 0,
        }
    }

    /// The worst pause on the way.
    async fn up_to(&mut self, size: usize) -> Worst {
        let mut worst = Worst::default();
        while self.sessions < size {
            let mut cookie = String::new();
            let start = async { cookie = new_session(&self.router, "/update").await };
            worst.of(start).await;
            self.samples[self.sessions % 2].pass(&mut self.numbers, cookie);
            self.sessions += 1;
        }
        worst
    }

    /// Those of one sample read, and those of the other are updated.
    async fn ask(&mut self, adapter: Adapter, size: usize, figures: &mut Figures) {
        let works = [("read at", "/read"), ("update at", "/update")];
        for ((measure, path), sample) in works.into_iter().zip(&mut self.samples) {
            let cookies = sample.shuffled(&mut self.numbers);
            let nanos = ask(&self.router, path, cookies).await;
            figures.set(measure, adapter.name, &size.to_string(), nanos);
        }
    }
}

/// Lets the allocator put in order what the measuring itself has freed, before a request would have to: glibc does it
/// at the next large allocation.
fn tidy() {
    for _ in 0..64 {
        drop(black_box(Vec::<u8>::with_capacity(64 * 1024)));
    }
}

/// Asks all these sessions once; and one of them again, for its count.
async fn ask(router: &Router, path: &'static str, cookies: &[String]) -> f64 {
    // Made in the order of their use: only the store's memory is far apart.
    let requests = cookies.iter().map(|it| Request::new(path).cookie(it));
    let requests: Vec<_> = requests.collect();
    let read = Request::new("/read").cookie(&cookies[0]);
    let before = answer(router, &read).await.count();
    let mut chunks = Vec::new();
    for chunk in requests.chunks(CHUNK) {
        let start = Working::start();
        for request in chunk {
            send(router, request).await;
        }
        chunks.push(start.elapsed().as_nanos() as f64 / chunk.len() as f64);
    }
    let after = answer(router, &read).await.count();
    assert_eq!(after - before, u64::from(path == "/update"), "it counts");
    median(chunks)
}

/// What only the cache misses cost.
fn map(figures: &mut Figures) {
    let mut numbers = Numbers::new();
    let map = Mutex::new(HashMap::new());
    let mut samples = [Sample::new(ASKED), Sample::new(ASKED)];
    for size in SIZES {
        let mut lock = map.lock().expect("nobody panics");
        while lock.len() < size {
            let key = u128::from(numbers.next()) << 64 | u128::from(numbers.next());
            lock.insert(key, 1_u64);
            samples[lock.len() % 2].pass(&mut numbers, key);
        }
        drop(lock);
        for (measure, sample) in ["read at", "update at"].into_iter().zip(&mut samples) {
            let keys = sample.shuffled(&mut numbers);
            let mut chunks = Vec::new();
            for chunk in keys.chunks(CHUNK) {
                let start = Working::start();
                for key in chunk {
                    let mut map = map.lock().expect("nobody panics");
                    if measure == "read at" {
                        black_box(map.get(key).copied());
                    } else if let Some(count) = map.get_mut(key) {
                        *count += 1;
                    }
                }
                chunks.push(start.elapsed().as_nanos() as f64 / chunk.len() as f64);
            }
            figures.set(measure, MAP, &size.to_string(), median(chunks));
        }
    }
}

/// How many times more a request costs at the largest size than at the smallest, without what the cache
/// misses explain.
#[must_use]
pub fn flatness(figures: &Figures, one: Adapter, measure: &str) -> Option<f64> {
    let (smallest, largest) = (SIZES[0].to_string(), SIZES[3].to_string());
    let of = |name| {
        Some((
            figures.get(measure, name, &smallest)?,
            figures.get(measure, name, &largest)?,
        ))
    };
    let (its_small, its_large) = of(one.name)?;
    let (map_small, map_large) = of(MAP)?;
    Some((its_large - (map_large - map_small)) / its_small)
}
