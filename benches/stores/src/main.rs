//! Ours and tower-sessions over Redis and PostgreSQL, each with its own store. Writes lines of words between tabs.

mod server;

use std::{
    env,
    time::{Duration, Instant},
};

use axum::Router;
use bench_harness::{Adapter, Request, Work, answer, new_session, send};
use redis::{Client, aio::ConnectionManager};
use session_benches::{
    adapters::{OURS, PRIVATE, older_over},
    args::Args,
};
use session_redis::RedisStore;
use session_sqlx::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use tokio::{runtime::Builder, task::JoinSet};
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::sqlx::postgres::PgPoolOptions as TheirPoolOptions;

use server::Server;

const WORKS: [Work; 3] = [Work::Read, Work::Update, Work::New];
/// Requests under way at once.
const CONCURRENCY: usize = 32;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);
/// Connections of each pool.
const CONNECTIONS: u32 = 8;

/// A name, who it is on the command line, and the application.
type Application = (&'static str, Adapter, Router);

fn main() {
    let args = Args::parse(env::args().skip(1)).expect("as `bench` got them");
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        match Server::redis() {
            Some(server) => measure("Redis", &redis(&server).await, &args).await,
            None => println!("Redis is not measured: there is no redis-server."),
        }
        match Server::postgres() {
            Some(server) => measure("PostgreSQL", &postgres(&server).await, &args).await,
            None => println!("PostgreSQL is not measured: it is not installed."),
        }
    });
}

/// Ours over one connection that all share; tower-sessions' over a pool of such, as its documentation shows.
async fn redis(server: &Server) -> [Application; 2] {
    let url = format!("redis://127.0.0.1:{}", server.port);
    let client = Client::open(url.as_str()).expect("a URL");
    let connection = ConnectionManager::new(client).await.expect("it is up");

    let config = Config::from_url(&url).expect("a URL");
    let connections = usize::try_from(CONNECTIONS).expect("few");
    let pool = Pool::new(config, None, None, None, connections).expect("a pool");
    pool.init().await.expect("it is up");
    let theirs = tower_sessions_redis_store::RedisStore::new(pool);
    [
        (
            "ours",
            OURS,
            bench_ours::router(RedisStore::new(connection)),
        ),
        ("tower-sessions", PRIVATE, older_over(theirs)),
    ]
}

async fn postgres(server: &Server) -> [Application; 2] {
    let url = format!("postgres://session@127.0.0.1:{}/postgres", server.port);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
    let ours = PostgresStore::new(pool.connect(&url).await.expect("it is up"));
    ours.migrate().await.expect("a table");

    let pool = TheirPoolOptions::new().max_connections(CONNECTIONS);
    let pool = pool.connect(&url).await.expect("it is up");
    let theirs = tower_sessions_sqlx_store::PostgresStore::new(pool);
    theirs.migrate().await.expect("a table");
    [
        ("ours", OURS, bench_ours::router(ours)),
        ("tower-sessions", PRIVATE, older_over(theirs)),
    ]
}

/// Requests per second, the applications that are asked for taking turns.
async fn measure(store: &str, applications: &[Application], args: &Args) {
    let applications = applications.iter().filter(|(_, it, _)| args.has(*it));
    let applications: Vec<_> = applications.collect();
    for work in WORKS.into_iter().filter(|it| args.works.contains(it)) {
        let mut rounds = vec![Vec::new(); applications.len()];
        for _ in 0..ROUNDS {
            for (rates, (_, _, router)) in rounds.iter_mut().zip(&applications) {
                rates.push(round(router, work).await);
            }
        }
        for (mut rates, (name, ..)) in rounds.into_iter().zip(&applications) {
            rates.sort_by(f64::total_cmp);
            println!("{store}\t{name}\t{}\t{:.0}", work.name(), rates[ROUNDS / 2]);
        }
    }
}

async fn round(router: &Router, work: Work) -> f64 {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..CONCURRENCY {
        tasks.spawn(ask(router.clone(), work, start + ROUND));
    }
    let asked = tasks.join_all().await.into_iter().sum::<u64>();
    asked as f64 / start.elapsed().as_secs_f64()
}

/// A session of its own, whose counter has to have counted everything in the end.
async fn ask(router: Router, work: Work, until: Instant) -> u64 {
    let cookie = new_session(&router, "/update").await;
    let request = match work {
        Work::New => Request::new(work.path()),
        _ => Request::new(work.path()).cookie(&cookie),
    };
    let mut asked = 0;
    while Instant::now() < until {
        send(&router, &request).await;
        asked += 1;
    }
    let read = answer(&router, &Request::new("/read").cookie(&cookie)).await;
    let expected = if work == Work::Update { 1 + asked } else { 1 };
    assert_eq!(read.count(), expected, "it counts");
    asked
}
