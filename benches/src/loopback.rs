//! Over loopback: a server process and a load generator, a core for each.

use std::{
    io::{self, BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{self, Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use bench_harness::{Adapter, CAPACITY, COOKIE, Work, runtime};
use tokio::{
    net::TcpListener,
    task::{JoinSet, yield_now},
};

use crate::{
    args::Args,
    connection::Connection,
    figures::Figures,
    report::{Report, grouped, or_dash},
    requests::median,
    sibling,
};

const WORKS: [Work; 3] = [Work::Read, Work::Update, Work::Unused];
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);

/// The server: tells its port, and ends with whoever started it.
///
/// # Panics
/// If there is no port to listen on.
pub fn serve(adapter: Adapter) {
    thread::spawn(|| {
        // Until the pipe is closed.
        let _ = io::stdin().read_line(&mut String::new());
        process::exit(0);
    });
    runtime().block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        println!("{}", listener.local_addr().expect("bound").port());
        let served = axum::serve(listener, adapter.router(CAPACITY));
        served.await.expect("it serves");
    });
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(adapter: Adapter) -> Self {
        let mut command = sibling::command("bench");
        command.args(["serve", adapter.name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this program itself");
        let mut told = String::new();
        let output = process.stdout.take().expect("piped");
        BufReader::new(output)
            .read_line(&mut told)
            .expect("its port");
        let port = told.trim().parse().expect("a port");
        Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Requests per second.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) {
    let runtime = runtime();
    let start = |it: &Adapter| (*it, Server::start(*it));
    let servers: Vec<_> = args.adapters.iter().map(start).collect();
    for work in WORKS {
        let mut rounds = vec![Vec::new(); servers.len()];
        for _ in 0..ROUNDS {
            for (at, (adapter, server)) in servers.iter().enumerate() {
                rounds[at].push(runtime.block_on(load(*adapter, server.address, work)));
            }
        }
        for ((adapter, _), rounds) in servers.iter().zip(rounds) {
            figures.set("loopback", adapter.name, work.name(), median(rounds));
        }
    }
    report.section(
        "Over loopback",
        &format!(
            "Requests per second over {CONNECTIONS} keep-alive connections, each with a session of its own: one thread \
             serves,\nanother process asks, and never sleeps. In brackets: of bare axum's. The median of {ROUNDS} rounds, in \
             turn."
        ),
    );
    let mut head = vec!["work".to_owned()];
    head.extend(args.adapters.iter().map(|it| it.name.to_owned()));
    let rows = WORKS.map(|work| {
        let mut row = vec![work.title().to_owned()];
        row.extend(args.adapters.iter().map(|adapter| {
            let rate = figures.get("loopback", adapter.name, work.name());
            let ratio = figures.of_floor("loopback", adapter.name, work.name());
            let ratio = or_dash(ratio, |ratio| format!("{ratio:.2}"));
            format!("{} ({ratio})", or_dash(rate, grouped))
        }));
        row
    });
    report.table(&head, &rows);
}

/// Asks for a round, on all connections at once.
async fn load(adapter: Adapter, server: SocketAddr, work: Work) -> f64 {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        tasks.spawn(ask(adapter, server, work, start + ROUND));
    }
    // The generator never sleeps, for waking it would be the server's work.
    let awake = tokio::spawn(async {
        loop {
            yield_now().await;
        }
    });
    let asked = tasks.join_all().await.into_iter().sum::<u64>();
    awake.abort();
    asked as f64 / start.elapsed().as_secs_f64()
}

/// One connection with one session, whose counter has to have counted everything in the end.
async fn ask(adapter: Adapter, server: SocketAddr, work: Work, until: Instant) -> u64 {
    let mut connection = Connection::open(server).await;
    let cookies = connection.ask("/update", "").await.cookies;
    assert_eq!(adapter.counts, !cookies.is_empty(), "a session was started");
    let cookie = if adapter.counts {
        cookies.join("; ")
    } else {
        COOKIE.to_owned()
    };
    let mut asked = 0;
    while Instant::now() < until {
        connection.ask(work.path(), &cookie).await;
        asked += 1;
    }
    let counted = connection.ask("/read", &cookie).await.text;
    if adapter.counts {
        let expected = if work == Work::Update { 1 + asked } else { 1 };
        assert_eq!(counted, expected.to_string(), "{}", adapter.name);
    }
    asked
}
