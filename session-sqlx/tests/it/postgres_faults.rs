//! What a browser sees of a PostgreSQL that fails: each fault at each moment of a request.

use std::{sync::Arc, time::Duration};

use session_core::SessionStore as _;
use session_sqlx::PostgresStore;
use session_tests::{
    Proxy,
    faults::{
        Fault,
        Gets::{Refused, Served},
        Lasts, Moment, Stand,
    },
};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgPoolOptions};
use tokio::{sync::Mutex, time::timeout};

use crate::{create, postgres_server::Server};

/// What the pool asks before it hands a connection out, and when that comes back.
pub(crate) const PING: &[u8] = b"S\0\0\0\x04";

#[derive(Clone, Copy, PartialEq)]
enum What {
    Frozen,
    Killed,
    Cut,
    Stalled,
    Locked,
    Replica,
    Full,
}

struct Fails {
    what: What,
    server: Arc<Server>,
    proxy: Proxy,
    /// Has the lock.
    other: Mutex<Option<PgConnection>>,
}

/// Until the connection is closed.
async fn lock_table(server: &Server) -> PgConnection {
    let mut other = server.options().connect().await.expect("a connection");
    let lock = sqlx::raw_sql("BEGIN; LOCK TABLE sessions").execute(&mut other);
    lock.await.expect("locked");
    other
}

impl Fault for Fails {
    async fn strike(&self) {
        match self.what {
            What::Frozen => self.server.signal("-STOP"),
            What::Killed => self.server.kill(),
            What::Cut => self.proxy.cut(),
            What::Stalled => self.proxy.stall(),
            What::Locked => *self.other.lock().await = Some(lock_table(&self.server).await),
            What::Replica => self.server.start_again_as_a_replica().await,
            What::Full => self.server.disk.as_ref().expect("a disk").fill(),
        }
    }

    async fn mend(&self) {
        match self.what {
            What::Frozen => self.server.signal("-CONT"),
            What::Killed => self.server.start_again().await,
            What::Cut | What::Stalled => {}
            What::Locked => {
                let other = self.other.lock().await.take().expect("it has the lock");
                other.close().await.expect("closed");
            }
            What::Replica => self.server.promote().await,
            What::Full => self.server.disk.as_ref().expect("a disk").make_room(),
        }
    }

    fn lasts(&self) -> Lasts {
        match self.what {
            What::Frozen | What::Killed | What::Locked => Lasts::Everything,
            What::Cut | What::Stalled => Lasts::Nothing,
            What::Replica => Lasts::Writes,
            What::Full => Lasts::Room,
        }
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }
}

type Stands = [Stand<Fails>; 2];

/// An app that speaks with the server itself, and one that does so through a proxy, over one connection.
async fn stands(what: What) -> Option<Stands> {
    let server = match what {
        What::Full => Server::start_on_a_small_disk().await?,
        _ => Server::start().await?,
    };
    let server = Arc::new(server);
    let proxy = Proxy::start(server.port, PING).await;
    let direct = PgPoolOptions::new()
        .max_connections(4)
        .connect_lazy_with(PostgresStore::options(server.options()));
    let proxied = PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(server.options().port(proxy.port));
    let stand = async |pool| {
        let store = PostgresStore::new(pool);
        store.migrate().await.expect("migrate");
        let (server, proxy) = (Arc::clone(&server), proxy.clone());
        let fault = Fails {
            what,
            server,
            proxy,
            other: Mutex::default(),
        };
        Stand::new(store, fault).await
    };
    Some([stand(direct).await, stand(proxied).await])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_frozen_refuses_in_time_and_works_again() {
    let Some([mut direct, mut proxied]) = stands(What::Frozen).await else {
        return;
    };
    direct.strikes(Moment::Before, Refused).await;
    direct.strikes(Moment::Between, Refused).await;
    proxied.strikes(Moment::Load, Refused).await;
    proxied.strikes(Moment::Commit, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_killed_loses_nothing_that_was_answered() {
    let Some([mut direct, mut proxied]) = stands(What::Killed).await else {
        return;
    };
    direct.strikes(Moment::Before, Refused).await;
    direct.strikes(Moment::Between, Refused).await;
    proxied.strikes(Moment::Load, Refused).await;
    proxied.strikes(Moment::Commit, Refused).await;
    proxied.strikes(Moment::CommitReply, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_postgres_that_is_cut_is_replaced() {
    let Some([_, mut proxied]) = stands(What::Cut).await else {
        return;
    };
    // The pool looks before it hands a connection out.
    proxied.strikes(Moment::Before, Served).await;
    proxied.strikes(Moment::Between, Served).await;
    proxied.strikes(Moment::Load, Refused).await;
    proxied.strikes(Moment::LoadReply, Refused).await;
    proxied.strikes(Moment::Commit, Refused).await;
    proxied.strikes(Moment::CommitReply, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_postgres_that_stalls_for_ever_is_replaced() {
    let Some([_, mut proxied]) = stands(What::Stalled).await else {
        return;
    };
    proxied.strikes(Moment::Before, Refused).await;
    proxied.strikes(Moment::Between, Refused).await;
    proxied.strikes(Moment::Load, Refused).await;
    proxied.strikes(Moment::Commit, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_postgres_that_is_locked_refuses_in_time_and_works_again() {
    let Some([mut direct, _]) = stands(What::Locked).await else {
        return;
    };
    direct.strikes(Moment::Before, Refused).await;
    direct.strikes(Moment::Between, Refused).await;
}

/// On a server of its own: what waits here would keep those of the other tests from tidying up.
#[tokio::test]
async fn calls_at_a_locked_table_take_no_connections_without_end() {
    let Some(server) = Server::start().await else {
        return;
    };
    let two = PgPoolOptions::new().max_connections(2);
    let store = PostgresStore::new(two.connect_lazy_with(PostgresStore::options(server.options())));
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let mut other = lock_table(&server).await;

    let given_up = async || {
        for _ in 0..60 {
            let call = timeout(Duration::from_millis(100), store.load(id));
            assert!(!matches!(call.await, Ok(Ok(_))));
        }
    };
    tokio::join!(given_up(), given_up());
    let all = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    let all = sqlx::query(all).fetch_one(&mut other).await;
    let all: i64 = all.expect("activity").get(0);
    assert!(all - 1 <= 4, "{all} with the one that has the lock");
    other.close().await.expect("closed");
    assert!(store.load(id).await.expect("load").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_postgres_is_read_and_refuses_writes() {
    let Some([mut direct, _]) = stands(What::Replica).await else {
        return;
    };
    direct.strikes(Moment::Before, Refused).await;
    direct.strikes(Moment::Between, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgres_refuses_writes_alone() {
    let Some([mut direct, mut proxied]) = stands(What::Full).await else {
        return;
    };
    direct.strikes(Moment::Before, Refused).await;
    direct.strikes(Moment::Between, Refused).await;
    proxied.strikes(Moment::Commit, Refused).await;
}
