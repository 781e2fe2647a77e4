//! What a browser sees of a SQLite file that fails: each fault at each moment of a request.
//!
//! There is no server and no message that could be on its way: the process itself reads and writes the file. What its
//! death loses is tested beside the file's other properties.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _, stderr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
};

use session_sqlx::SqliteStore;
use session_tests::{
    SmallDisk,
    faults::{Fault, Gets::Refused, Lasts, Moment, Stand},
    fill, make_room,
};
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqlitePoolOptions};
use tempfile::TempDir;

enum What {
    /// By another process.
    Locked(Mutex<Option<Child>>),
    ReadOnly,
    /// This one has no room.
    Disk(PathBuf),
}

struct Fails {
    what: What,
    file: PathBuf,
    pool: SqlitePool,
}

impl Fails {
    async fn pragma(&self, setting: &str) {
        let pragma = AssertSqlSafe(format!("PRAGMA {setting}"));
        let done = sqlx::query(pragma).execute(&self.pool).await;
        done.expect("set");
    }
}

impl Fault for Fails {
    async fn strike(&self) {
        match &self.what {
            What::Locked(holder) => {
                *holder.lock().expect("not poisoned") = Some(start_locking(&self.file));
            }
            What::ReadOnly => self.pragma("query_only = on").await,
            What::Disk(disk) => fill(disk),
        }
    }

    async fn mend(&self) {
        match &self.what {
            What::Locked(holder) => {
                if let Some(mut holder) = holder.lock().expect("not poisoned").take() {
                    holder.kill().expect("killed");
                    holder.wait().expect("dead");
                }
            }
            What::ReadOnly => self.pragma("query_only = off").await,
            What::Disk(disk) => make_room(disk),
        }
    }

    fn lasts(&self) -> Lasts {
        match self.what {
            What::Locked(_) | What::ReadOnly => Lasts::Writes,
            What::Disk(_) => Lasts::Room,
        }
    }
}

/// On one connection, where the fault is one of the connection.
async fn strikes(directory: &Path, connections: u32, what: What) {
    let file = directory.join("sessions.db");
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .connect_lazy_with(SqliteStore::options(&file));
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.expect("migrate");
    let mut stand = Stand::new(store, Fails { what, file, pool }).await;
    stand.strikes(Moment::Before, Refused).await;
    stand.strikes(Moment::Between, Refused).await;
}

const LOCKED: &str = "SESSION_TEST_SQLITE_LOCKED";

/// This test, in a process of its own.
fn again(test: &str) -> [String; 3] {
    let test = format!("sqlite_faults::{test}");
    ["--exact".to_owned(), test, "--nocapture".to_owned()]
}

fn this() -> PathBuf {
    env::current_exe().expect("this test")
}

fn start_locking(file: &Path) -> Child {
    let mut holder = Command::new(this())
        .args(again("a_process_that_locks_the_file_for_the_next_test"))
        .env(LOCKED, file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let said = BufReader::new(holder.stdout.take().expect("piped"));
    let mut lines = said.lines().map(|line| line.expect("a line"));
    assert!(lines.any(|line| line == "locked"));
    holder
}

/// Not a test by itself: the process that the next one starts and kills.
#[tokio::test]
async fn a_process_that_locks_the_file_for_the_next_test() {
    let Ok(file) = env::var(LOCKED) else { return };
    let pool = SqlitePool::connect_with(SqliteStore::options(file)).await;
    let pool = pool.expect("open");
    let lock = pool.begin_with("BEGIN EXCLUSIVE").await.expect("the lock");
    println!("\nlocked");
    let mut line = String::new();
    // Until the other one kills it, or ends.
    std::io::stdin().read_line(&mut line).expect("an end");
    drop(lock);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_another_process_locks_is_read_and_refuses_writes_in_time() {
    let directory = TempDir::new().expect("a directory");
    let what = What::Locked(Mutex::default());
    strikes(directory.path(), 4, what).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_file_is_read_and_refuses_writes() {
    let directory = TempDir::new().expect("a directory");
    strikes(directory.path(), 1, What::ReadOnly).await;
}

const SMALL: &str = "SESSION_TEST_SQLITE_ON_A_SMALL_DISK";

/// Not a test by itself: the next one starts it where `/mnt` is a small disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_on_a_small_disk_for_the_next_test() {
    if env::var_os(SMALL).is_none() {
        return;
    }
    let disk = Path::new("/mnt");
    strikes(disk, 4, What::Disk(disk.to_owned())).await;
}

#[test]
fn a_full_disk_of_sqlite_refuses_writes_alone() {
    // Says so if it can't.
    if SmallDisk::mount(1).is_none() {
        return;
    }
    let mut app = SmallDisk::command(4, &this());
    app.args(again("an_app_on_a_small_disk_for_the_next_test"));
    let ran = app.env(SMALL, "1").output().expect("a process");
    let _ = stderr().write_all(&[ran.stdout, ran.stderr].concat());
    assert!(ran.status.success());
}

#[test]
fn a_disk_that_can_not_be_mounted_is_missed_unless_it_is_said_that_there_is_none() {
    let passes_with = |disks| {
        let mut test = Command::new(this());
        test.args(again("a_full_disk_of_sqlite_refuses_writes_alone"));
        // Without the program that mounts.
        test.env("PATH", "")
            .env("SESSION_TEST_STORES", "required")
            .env("SESSION_TEST_DISKS", disks);
        test.output().expect("a process").status.success()
    };
    assert!(!passes_with("required"));
    assert!(passes_with("none"));
}
