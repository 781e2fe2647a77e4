//! What SQLite adds to the contract: a file that survives, locks, and sweeping.

use std::{
    env,
    error::Error as _,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use session_core::{Committed, ManualClock, SessionId, SessionStore};
use session_sqlx::SqliteStore;
use session_tests::{Log, PanickingClock, faults::until};
use sqlx::{
    AssertSqlSafe, Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tempfile::TempDir;

use crate::{DAMAGES, LIFETIME, apply, count, create, hex, is_refused, set_count, touch};

async fn pool(options: SqliteConnectOptions) -> SqlitePool {
    SqlitePool::connect_with(options).await.expect("open")
}

async fn open(path: &Path) -> SqliteStore {
    let store = SqliteStore::new(pool(SqliteStore::options(path)).await);
    store.migrate().await.expect("migrate");
    store
}

async fn rows(pool: &SqlitePool) -> i64 {
    let count = sqlx::query("SELECT count(*) FROM sessions");
    count.fetch_one(pool).await.expect("count").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_may_migrate_at_once() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("sessions.db");
    let started: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { create(&open(&path).await).await })
        })
        .collect();
    for task in started {
        let id = task.await.expect("migrated");
        assert!(open(&path).await.load(id).await.expect("load").is_some());
    }
}

#[tokio::test]
async fn a_table_may_have_another_name() {
    let directory = TempDir::new().expect("a directory");
    let pool = pool(SqliteStore::options(directory.path().join("app.db"))).await;
    let named = |name: &str| SqliteStore::builder(pool.clone()).table(name);
    let store = named("app_sessions").expect("a name").build();
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let other = named("other").expect("a name").build();
    other.migrate().await.expect("migrate");
    assert!(other.load(id).await.expect("load").is_none());
    assert!(named("x\"; DROP TABLE sessions").is_err());
}

#[tokio::test]
async fn a_locked_file_is_unavailable_for_writes_alone() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("sessions.db");
    let other = pool(SqliteStore::options(&path)).await;
    let impatient = SqliteStore::options(&path).busy_timeout(Duration::from_millis(50));
    let store = SqliteStore::new(pool(impatient).await);
    store.migrate().await.expect("migrate");
    let id = create(&store).await;

    let locked = other.begin_with("BEGIN IMMEDIATE").await.expect("the lock");
    let error = store.commit(id, crate::ANYTIME, &touch()).await;
    assert!(error.expect_err("locked").is_unavailable());
    assert!(store.load(id).await.expect("load").is_some());
    drop(locked);
    until("the lock is gone", async || {
        store.commit(id, crate::ANYTIME, &touch()).await.is_ok()
    })
    .await;

    let read_only = SqliteStore::options(&path).read_only(true);
    let store = SqliteStore::new(pool(read_only).await);
    assert!(store.load(id).await.expect("load").is_some());
    let error = store.delete(id).await.expect_err("read-only");
    assert!(error.is_unavailable(), "{error:?}");
}

#[tokio::test]
async fn a_row_is_not_written_over_whatever_keeps_it_from_being_read() {
    let directory = TempDir::new().expect("a directory");
    let pool = pool(SqliteStore::options(directory.path().join("sessions.db"))).await;
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.expect("migrate");
    let row = async || {
        let row = "SELECT hex(fields || kept || owner) || version || expires_at FROM sessions";
        let row = sqlx::query(row).fetch_one(&pool).await.expect("a row");
        row.get::<String, _>(0)
    };
    let of_sqlite = [
        "fields = 'nonsense'",
        r#"fields = '{"count":"1","count":"2"}'"#,
        r#"fields = '{"count":"1","\u0063ount":"2"}'"#,
        r#"fields = '{"count":"1","a":"\ud800"}'"#,
        r#"fields = '{"count":"1","\ud800":"1"}'"#,
        r#"fields = '{"count":"1"}' || char(0)"#,
        "fields = CAST(x'7b22636f756e74223a2231ff227d' AS TEXT)",
        "owner = CAST(x'ff' AS TEXT)",
    ];
    for damage in DAMAGES.iter().chain(&of_sqlite) {
        let id = create(&store).await;
        let sql = AssertSqlSafe(format!("UPDATE sessions SET {damage}"));
        sqlx::query(sql).execute(&pool).await.expect("damaged");
        let before = row().await;
        is_refused(&store, id, damage).await;
        assert_eq!(row().await, before, "{damage}");
        assert!(store.delete(id).await.expect("delete"), "{damage}");
    }
}

#[tokio::test]
async fn what_can_not_be_read_is_left_out_of_the_list_and_logged_without_its_values() {
    let directory = TempDir::new().expect("a directory");
    let pool = pool(SqliteStore::options(directory.path().join("sessions.db"))).await;
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.expect("migrate");
    let (damaged, well) = (create(&store).await, create(&store).await);
    let damage = r#"UPDATE sessions SET fields = '{"pin":493817}' WHERE id = $1"#;
    let damage = sqlx::query(damage).bind(damaged.as_bytes().to_vec());
    damage.execute(&pool).await.expect("damaged");
    let foreign = "CREATE TEMPORARY TABLE copy AS SELECT * FROM sessions LIMIT 1;
        UPDATE copy SET id = x'00';
        INSERT INTO sessions SELECT * FROM copy";
    let foreign = sqlx::raw_sql(foreign).execute(&pool).await;
    foreign.expect("a row of somebody else's");

    let log = Log::start();
    let found = store.find_by_owner("ada").await.expect("find");
    let found: Vec<_> = found.into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, [well]);
    let log = log.lines();
    assert_eq!(log.matches("left out").count(), 2, "{log}");
    assert!(!log.contains("493817"), "{log}");
}

/// Long enough for a call to get to where it has to wait.
const A_WHILE: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waited_for_the_file_brings_nobody_back_who_died_meanwhile() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("sessions.db");
    let clock = ManualClock::new();
    let builder = SqliteStore::builder(pool(SqliteStore::options(&path)).await);
    let store = builder.clock(clock.clone()).build();
    store.migrate().await.expect("migrate");
    for patch in [touch(), set_count(1)] {
        let id = create(&store).await;
        clock.advance(LIFETIME.idle.saturating_sub(Duration::from_micros(1)));
        let other = pool(SqliteStore::options(&path)).await;
        let locked = other.begin_with("BEGIN IMMEDIATE").await.expect("the lock");
        let waiting = store.clone();
        let commit = tokio::spawn(async move { waiting.commit(id, crate::ANYTIME, &patch).await });
        tokio::time::sleep(A_WHILE).await;
        clock.advance(Duration::from_micros(1));
        assert!(store.load(id).await.expect("load").is_none());
        locked.rollback().await.expect("rollback");
        let answer = commit.await.expect("no panic").expect("commit");
        assert!(matches!(answer, Committed::Gone), "{answer:?}");
        assert!(store.load(id).await.expect("load").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_waited_for_a_connection_does_not_see_who_died_meanwhile() {
    let directory = TempDir::new().expect("a directory");
    let options = SqliteStore::options(directory.path().join("sessions.db"));
    let one = SqlitePoolOptions::new().max_connections(1);
    let pool = one.connect_with(options).await.expect("open");
    let clock = ManualClock::new();
    let builder = SqliteStore::builder(pool.clone());
    let store = builder.clock(clock.clone()).build();
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let busy = pool.acquire().await.expect("a connection");
    let load = tokio::spawn(async move { store.load(id).await });
    tokio::time::sleep(A_WHILE).await;
    clock.advance(LIFETIME.idle);
    drop(busy);
    let loaded = load.await.expect("no panic").expect("load");
    assert!(loaded.is_none(), "{loaded:?}");
}

#[tokio::test]
async fn the_sweeper_survives_errors_and_ends_with_the_store() {
    let directory = TempDir::new().expect("a directory");
    let pool = pool(SqliteStore::options(directory.path().join("sessions.db"))).await;
    let clock = Arc::new(ManualClock::new());
    let store = SqliteStore::builder(pool.clone())
        .clock(Arc::clone(&clock))
        .build();
    // There is no table yet.
    store.sweep_every(Duration::from_millis(10));
    store.sweep_every(Duration::from_millis(10));
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.migrate().await.expect("migrate");
    for _ in 0..20 {
        create(&store).await;
    }
    clock.advance(LIFETIME.idle / 2);
    let live = create(&store).await;
    clock.advance(LIFETIME.idle / 2);
    until("the dead are gone", async || rows(&pool).await == 1).await;
    assert!(store.load(live).await.expect("load").is_some());

    // A sweep under way is carried to its end, and has the store for so long.
    drop(store);
    until("the store is gone", async || Arc::strong_count(&clock) == 1).await;
    clock.advance(LIFETIME.idle);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(rows(&pool).await, 1);
}

const WRITER: &str = "SESSION_TEST_SQLITE_WRITER";

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
async fn a_writer_for_the_next_test() {
    let Ok(path) = env::var(WRITER) else { return };
    let store = open(Path::new(&path)).await;
    let id = create(&store).await;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "\nid {}", hex(id)).expect("heard");
    for at in 1..1_000_000 {
        apply(&store, id, &set_count(at)).await;
        writeln!(stdout, "answered {at}").expect("heard");
    }
}

#[tokio::test]
async fn nothing_that_was_answered_is_lost_when_the_process_is_killed() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("sessions.db");
    let mut writer = Command::new(env::current_exe().expect("this test"))
        .args([
            "--exact",
            "sqlite_alone::a_writer_for_the_next_test",
            "--nocapture",
        ])
        .env(WRITER, &path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let (mut id, mut answered) = (Vec::new(), 0);
    let stdout = BufReader::new(writer.stdout.take().expect("piped"));
    for line in stdout.lines() {
        let line = line.expect("a line");
        if let Some(hex) = line.strip_prefix("id ") {
            let bytes = (0..hex.len()).step_by(2);
            id = bytes
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                .collect();
        }
        if let Some(at) = line.strip_prefix("answered ") {
            answered = at.parse().expect("a number");
            if answered == 50 {
                // SIGKILL, while it writes; what it says until it is dead counts, too.
                writer.kill().expect("killed");
            }
        }
    }
    writer.wait().expect("dead");
    assert!(answered >= 50);
    let id = SessionId::try_from(&*id).expect("an id");
    let record = open(&path).await.load(id).await.expect("load");
    let kept = count(&record.expect("alive"));
    assert!(
        (answered..=answered + 1).contains(&kept),
        "{answered} {kept}"
    );
}

#[tokio::test]
async fn a_clock_that_panics_leaves_no_lock_behind() {
    let directory = TempDir::new().expect("a directory");
    let options = SqliteStore::options(directory.path().join("sessions.db"))
        .busy_timeout(Duration::from_millis(50));
    let clock = PanickingClock::default();
    let store = SqliteStore::builder(pool(options.clone()).await)
        .clock(clock.clone())
        .build();
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    clock.panic();
    let error = store.commit(id, crate::ANYTIME, &touch()).await;
    assert!(error.expect_err("no time").is_unavailable());
    let other = SqliteStore::new(pool(options).await);
    apply(&other, id, &touch()).await;
    apply(&store, id, &touch()).await;
}

#[tokio::test]
async fn a_transaction_that_somebody_left_open_is_undone_by_the_next_write() {
    let one = SqlitePoolOptions::new().max_connections(1);
    let pool = one.connect("sqlite::memory:").await.expect("open");
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.expect("migrate");
    let id = create(&store).await;
    let left = sqlx::query("BEGIN").execute(&pool).await;
    left.expect("begun");
    let error = store.commit(id, crate::ANYTIME, &touch()).await;
    error.expect_err("within somebody else's");
    apply(&store, id, &touch()).await;
}

#[tokio::test]
async fn an_index_of_another_table_is_not_taken_for_ours() {
    let directory = TempDir::new().expect("a directory");
    let pool = pool(SqliteStore::options(directory.path().join("sessions.db"))).await;
    let store = SqliteStore::new(pool.clone());
    store.migrate().await.expect("migrate");
    let renamed = sqlx::raw_sql("ALTER TABLE sessions RENAME TO old").execute(&pool);
    renamed.await.expect("renamed");
    let error = store.migrate().await.expect_err("no index");
    let source = error.source().expect("a cause").to_string();
    assert!(source.contains("`sessions_owner`"), "{source}");
}
