//! A PostgreSQL of the test's own, which it may freeze, kill and fill.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, Once},
    time::Duration,
};

use session_tests::{Process, SmallDisk, free_port, is_root, not_tested, prefixed};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) disk: Option<SmallDisk>,
    process: Mutex<Option<Process>>,
    programs: PathBuf,
    /// For the server refuses to run as root, and may have a disk of its own.
    prefix: Vec<String>,
    data: PathBuf,
    _directory: TempDir,
}

/// Where Debian keeps the newest one's programs. Where there are none, says once what is not tested.
fn programs() -> Option<PathBuf> {
    static SAY: Once = Once::new();

    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let programs = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let newest = programs
        .filter(|path| path.join("initdb").exists())
        .max_by_key(|path| version(path));
    if newest.is_none() {
        let line = "No programs in /usr/lib/postgresql: the faults of PostgreSQL are NOT tested";
        not_tested(&SAY, line);
    }
    newest
}

fn version(programs: &Path) -> Option<u32> {
    programs.parent()?.file_name()?.to_str()?.parse().ok()
}

impl Server {
    pub(crate) async fn start() -> Option<Self> {
        Self::start_on(None).await
    }

    pub(crate) async fn start_on_a_small_disk() -> Option<Self> {
        programs()?;
        // Empty it needs 30 MiB.
        Self::start_on(Some(SmallDisk::mount(64)?)).await
    }

    async fn start_on(disk: Option<SmallDisk>) -> Option<Self> {
        let programs = programs()?;
        let directory = TempDir::new().expect("a directory");
        let outside = || (Vec::new(), directory.path().to_owned());
        let (mut prefix, root) = disk.as_ref().map_or_else(outside, SmallDisk::enter);
        if is_root() {
            let own = prefixed(&[], "chown")
                .arg("postgres")
                .arg(directory.path())
                .status();
            assert!(own.expect("chown").success());
            prefix.extend(["runuser", "-u", "postgres", "--"].map(str::to_owned));
        }
        let server = Self {
            port: free_port(),
            disk,
            process: Mutex::default(),
            programs,
            prefix,
            data: root.join("data"),
            _directory: directory,
        };
        let initdb = server.programs.join("initdb");
        let made = prefixed(&server.prefix, initdb.to_str().expect("text"))
            .args([
                "--username=session",
                "--auth=trust",
                "--no-sync",
                "--wal-segsize=1",
            ])
            .arg("--pgdata")
            .arg(&server.data)
            .output()
            .expect("initdb");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        server.start_again().await;
        Some(server)
    }

    /// At the same port, when it is dead.
    pub(crate) async fn start_again(&self) {
        // A new one refuses to start while the old one's id is taken, be it by a zombie.
        drop(self.process.lock().expect("not poisoned").take());
        let program = self.programs.join("postgres");
        let data = self.data.to_str().expect("text");
        let port = format!("port={}", self.port);
        let mut words = vec![program.to_str().expect("text"), "-D", data];
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            &port,
        ] {
            words.extend(["-c", setting]);
        }
        let process = Process::start(&self.prefix, &words);
        *self.process.lock().expect("not poisoned") = Some(process);
        for _ in 0..500 {
            if self.connect().await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("PostgreSQL does not answer on port {}", self.port);
    }

    pub(crate) fn signal(&self, signal: &str) {
        self.with_process(|process| process.signal(signal));
    }

    pub(crate) fn kill(&self) {
        self.with_process(Process::kill);
    }

    fn with_process(&self, act: impl Fn(&Process)) {
        act(self
            .process
            .lock()
            .expect("not poisoned")
            .as_ref()
            .expect("started"));
    }

    /// A replica that no primary feeds: it can be read.
    pub(crate) async fn start_again_as_a_replica(&self) {
        self.kill();
        let signal = self.data.join("standby.signal");
        let made = prefixed(&self.prefix, "touch").arg(signal).status();
        assert!(made.expect("touch").success());
        self.start_again().await;
    }

    /// What a failover does.
    pub(crate) async fn promote(&self) {
        let mut connection = self.connect().await.expect("it can be read");
        let promoted = sqlx::query("SELECT pg_promote()").execute(&mut connection);
        promoted.await.expect("promoted");
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass();
        options
            .host("127.0.0.1")
            .port(self.port)
            .username("session")
            .database("postgres")
    }

    async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connect = self.options();
        let connect = timeout(Duration::from_secs(5), connect.connect());
        connect.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}
