//! What a browser sees of a Redis that fails: each fault at each moment of a request.

use std::sync::Arc;

use session_redis::RedisStore;
use session_tests::{
    Proxy, SmallDisk,
    faults::{
        Fault,
        Gets::{Refused, Served},
        Lasts, Moment, Stand,
    },
};
use tempfile::TempDir;

use crate::server::{Server, is_installed, manager};

/// Nothing that was answered may be lost.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

enum What {
    Frozen,
    Killed,
    Cut,
    NoMemory,
    Replica,
    /// It goes on, and refuses what it can't write down.
    Full(SmallDisk),
    /// As it may lose nothing, it ends.
    FullAndDurable(SmallDisk),
}

struct Fails {
    what: What,
    server: Arc<Server>,
    proxy: Proxy,
    _directory: TempDir,
}

impl Fails {
    async fn ask(&self, words: &[&str]) {
        let mut connection = self.server.try_connect().await.expect("it is up");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec_async(&mut connection).await.expect("done");
    }

    /// Where it may lose a second, it notices only afterwards that it could not write something down.
    async fn use_up(&self) {
        let mut connection = self.server.try_connect().await.expect("it is up");
        let mut set = redis::cmd("SET");
        set.arg("other").arg("x".repeat(8_192));
        for _ in 0..1_000 {
            if let Err(error) = set.exec_async(&mut connection).await {
                assert!(error.to_string().contains("MISCONF"), "{error}");
                return;
            }
        }
        panic!("the disk is not full");
    }
}

impl Fault for Fails {
    async fn strike(&self) {
        match &self.what {
            What::Frozen => self.server.signal("-STOP"),
            What::Killed => self.server.kill(),
            What::Cut => self.proxy.cut(),
            What::NoMemory => self.ask(&["CONFIG", "SET", "maxmemory", "1"]).await,
            // Of itself: it waits for that for ever.
            What::Replica => {
                let port = self.server.port.to_string();
                self.ask(&["REPLICAOF", "127.0.0.1", &port]).await;
            }
            What::Full(disk) => {
                disk.fill();
                self.use_up().await;
            }
            What::FullAndDurable(disk) => disk.fill(),
        }
    }

    async fn mend(&self) {
        match &self.what {
            What::Frozen => self.server.signal("-CONT"),
            What::Killed => self.server.start_again().await,
            What::Cut => {}
            What::NoMemory => self.ask(&["CONFIG", "SET", "maxmemory", "0"]).await,
            What::Replica => self.ask(&["REPLICAOF", "NO", "ONE"]).await,
            What::Full(disk) => disk.make_room(),
            What::FullAndDurable(disk) => {
                disk.make_room();
                self.server.start_again().await;
            }
        }
    }

    fn lasts(&self) -> Lasts {
        match self.what {
            What::Frozen | What::Killed | What::FullAndDurable(_) => Lasts::Everything,
            What::Cut => Lasts::Nothing,
            What::Replica | What::Full(_) => Lasts::Writes,
            What::NoMemory => Lasts::Room,
        }
    }

    fn is_of_room(&self) -> bool {
        matches!(self.what, What::NoMemory | What::FullAndDurable(_))
    }

    fn proxy(&self) -> Option<&Proxy> {
        Some(&self.proxy)
    }
}

async fn stand(what: What) -> Stand<Fails> {
    let directory = TempDir::new().expect("a directory");
    let (prefix, root) = match &what {
        What::Full(disk) | What::FullAndDurable(disk) => disk.enter(),
        _ => (Vec::new(), directory.path().to_owned()),
    };
    let mut options = DURABLE.to_vec();
    if let What::Full(_) = what {
        options[3] = "everysec";
    }
    options.extend(["--dir", root.to_str().expect("text")]);
    let server = Arc::new(Server::start_behind(&prefix, &options).await);
    let proxy = Proxy::start(server.port, b"").await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{}", proxy.port)).expect("a URL");
    let store = RedisStore::new(manager(client).await);
    let fault = Fails {
        what,
        server,
        proxy,
        _directory: directory,
    };
    Stand::new(store, fault).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_frozen_refuses_in_time_and_works_again() {
    if !is_installed() {
        return;
    }
    let mut stand = stand(What::Frozen).await;
    stand.strikes(Moment::Before, Refused).await;
    stand.strikes(Moment::Load, Refused).await;
    stand.strikes(Moment::Between, Refused).await;
    stand.strikes(Moment::Commit, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_loses_nothing_that_was_answered() {
    if !is_installed() {
        return;
    }
    let mut stand = stand(What::Killed).await;
    stand.strikes(Moment::Before, Refused).await;
    stand.strikes(Moment::Load, Refused).await;
    stand.strikes(Moment::Between, Refused).await;
    stand.strikes(Moment::Commit, Refused).await;
    stand.strikes(Moment::CommitReply, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_redis_that_is_cut_is_replaced() {
    if !is_installed() {
        return;
    }
    let mut stand = stand(What::Cut).await;
    // A load is tried once more.
    stand.strikes(Moment::Before, Served).await;
    stand.strikes(Moment::Load, Served).await;
    stand.strikes(Moment::LoadReply, Served).await;
    stand.strikes(Moment::Between, Refused).await;
    stand.strikes(Moment::Commit, Refused).await;
    stand.strikes(Moment::CommitReply, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_without_memory_is_read_and_refuses_writes() {
    if !is_installed() {
        return;
    }
    let mut stand = stand(What::NoMemory).await;
    stand.strikes(Moment::Before, Refused).await;
    stand.strikes(Moment::Between, Refused).await;
    stand.strikes(Moment::Commit, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_redis_is_read_and_refuses_writes() {
    if !is_installed() {
        return;
    }
    let mut stand = stand(What::Replica).await;
    stand.strikes(Moment::Before, Refused).await;
    stand.strikes(Moment::Between, Refused).await;
    stand.strikes(Moment::Commit, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_redis_refuses_writes() {
    if !is_installed() {
        return;
    }
    let Some(disk) = SmallDisk::mount(8) else {
        return;
    };
    let mut full = stand(What::Full(disk)).await;
    full.strikes(Moment::Before, Refused).await;
    full.strikes(Moment::Between, Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_a_durable_redis_loses_nothing_that_was_answered() {
    if !is_installed() {
        return;
    }
    let Some(disk) = SmallDisk::mount(8) else {
        return;
    };
    let mut full = stand(What::FullAndDurable(disk)).await;
    full.strikes(Moment::Before, Refused).await;
    full.strikes(Moment::Between, Refused).await;
}
