//! [`SqliteStore`]: one row per session in SQLite.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    time::Duration,
};

use session_core::{
    Clock, Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore,
    StoreError, SystemClock,
};
use sqlx::{
    AssertSqlSafe, Row as _, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous,
    },
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    InvalidName,
    error::store_error,
    name::checked,
    row::{
        CommitParameters, FieldParameters, counted, decode, decode_all, encode, encode_owner,
        is_dead, lifetime, lived, now, refusal,
    },
    sql::{Dialect, Statements, bind_commit, bind_fields},
    store::session_store,
    sweep::Sweeper,
};

/// Sessions in a file, for one machine: they outlive the process.
///
/// Several processes may share the file. Writes of one process take turns among themselves, so that they don't run
/// into the file's lock; deadlines are made by the process's clock.
///
/// Clones are the same store.
///
/// ```no_run
/// use std::time::Duration;
/// use session_sqlx::SqliteStore;
/// use sqlx::SqlitePool;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = SqlitePool::connect_with(SqliteStore::options("sessions.db")).await?;
/// let store = SqliteStore::new(pool);
/// store.migrate().await?;
/// store.sweep_every(Duration::from_secs(300));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    pool: SqlitePool,
    clock: Box<dyn Clock>,
    /// SQLite has one writer at a time, and lets the others try again now and then: a queue is faster, and fair.
    turn: Arc<Mutex<()>>,
    table: String,
    migration: [Arc<str>; 3],
    statements: Statements,
    sweeper: Sweeper,
}

/// Options of a [`SqliteStore`].
pub struct SqliteStoreBuilder {
    pool: SqlitePool,
    table: String,
    clock: Box<dyn Clock>,
}

impl SqliteStoreBuilder {
    /// The table. Default: `sessions`.
    pub fn table(self, table: impl Into<String>) -> Result<Self, InvalidName> {
        let table = checked(table)?;
        Ok(Self { table, ..self })
    }

    /// Where the time comes from. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            ..self
        }
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> SqliteStore {
        let dialect = Dialect {
            table: format!("\"{}\"", self.table),
            now: None,
            least: "min",
            greatest: "max",
            json: "{a}",
            text: "{a}",
            merge: "json_patch({a}, {b})",
            holds_texts: "json_valid({a})",
            looks_first: true,
        };
        let index = |column| {
            let name = format!("\"{}_{column}\"", self.table);
            let rest = format!("ON {{table}} ({column}) WHERE {column} IS NOT NULL");
            dialect.statement(&format!("CREATE INDEX IF NOT EXISTS {name} {rest}"))
        };
        let inner = Inner {
            migration: [
                dialect.statement(TABLE),
                index("owner"),
                index("expires_at"),
            ],
            statements: Statements::new(&dialect, COMMIT, REVOKE_OWNER, DELETE_EXPIRED),
            table: self.table,
            pool: self.pool,
            clock: self.clock,
            turn: Arc::default(),
            sweeper: Sweeper::default(),
        };
        SqliteStore {
            inner: Arc::new(inner),
        }
    }
}

/// No row: it may not be applied.
const COMMIT: &str = "
    UPDATE {table} AS t SET {changes}
    FROM (
        SELECT {findings} t.id, now FROM {table} AS t, (SELECT {now} AS now)
        WHERE t.id = $1 AND t.expires_at > now AND $2 >= t.barrier AND ($3 IS NULL OR $3 = t.version)
            AND {is_readable}
    ) AS j
    WHERE t.id = j.id
    RETURNING {columns}, {now} AS now";

/// $1 owner, $2 the session to keep.
const REVOKE_OWNER: &str =
    "DELETE FROM {table} WHERE owner = $1 AND id IS NOT $2 RETURNING expires_at > {now} AS lived";

/// $1 at most.
const DELETE_EXPIRED: &str = "DELETE FROM {table} WHERE id IN (
        SELECT id FROM {table} WHERE expires_at <= {now} LIMIT $1
    ) RETURNING 1";

/// So many rows go at a time, so that requests get between.
const BATCH: u32 = 500;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS {table} (
        id BLOB NOT NULL PRIMARY KEY,
        fields TEXT NOT NULL,
        kept TEXT NOT NULL,
        owner TEXT,
        owner_since INTEGER,
        created_at INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        touched_at INTEGER NOT NULL,
        rotated_at INTEGER NOT NULL,
        confirmed_at INTEGER,
        expires_at INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        barrier INTEGER NOT NULL,
        version INTEGER NOT NULL,
        remembered INTEGER
    ) STRICT";

/// After a table was renamed, its indexes still have their names.
#[derive(Debug, thiserror::Error)]
#[error("the index `{0}` belongs to another table: drop it or give it another name")]
struct Taken(String);

impl SqliteStore {
    /// Sessions in the table `sessions`. See [`options`](Self::options) for how to open the file.
    #[must_use]
    pub fn new(pool: SqlitePool) -> Self {
        Self::builder(pool).build()
    }

    /// A store with options.
    #[must_use]
    pub fn builder(pool: SqlitePool) -> SqliteStoreBuilder {
        SqliteStoreBuilder {
            pool,
            table: "sessions".to_owned(),
            clock: Box::new(SystemClock),
        }
    }

    /// How to open a file of sessions, which is made if it is missing: with a write-ahead log, so that readers and
    /// the writer don't wait for one another; with 4 seconds of patience for other processes, less than a layer has
    /// for the store; and synced at each commit, so that nothing that was answered is lost, whether the process is
    /// killed or the power fails.
    ///
    /// `.synchronous(SqliteSynchronous::Normal)` is several times as fast, and loses nothing when the process is
    /// killed, either. But after a power failure the last moments may be missing: a session that was ended may be
    /// back.
    ///
    /// For tests there is `:memory:`, with a pool of one connection that is never closed for idleness or age.
    #[must_use]
    pub fn options(path: impl AsRef<Path>) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(4))
    }

    /// Makes the table and its indexes, where they are missing. Any number of processes may do it at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let _turn = self.turn().await;
        for statement in &self.inner.migration {
            let done = query(statement).execute(&self.inner.pool).await;
            done.map_err(store_error)?;
        }
        // Which `IF NOT EXISTS` takes for ours.
        let taken = sqlx::query(
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name <> $1 COLLATE NOCASE
                AND name COLLATE NOCASE IN ($1 || '_owner', $1 || '_expires_at')",
        );
        let taken = taken.bind(&self.inner.table);
        let taken = taken.fetch_optional(&self.inner.pool).await;
        match taken.map_err(store_error)? {
            Some(index) => Err(StoreError::internal(Taken(index.get(0)))),
            None => Ok(()),
        }
    }

    /// Removes expired sessions in the background: a few at a time, about this often, until the last clone of the
    /// store is dropped. A failure is traced, and it goes on. The first call counts, for all clones.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn sweep_every(&self, every: Duration) {
        let inner = Arc::downgrade(&self.inner);
        self.inner.sweeper.start(every, BATCH, move || {
            let inner = inner.upgrade()?;
            Some(Self { inner })
        });
    }

    /// One statement, at the time of the clock when nothing is waited for any more.
    async fn read(
        &self,
        statement: &Arc<str>,
        bind: impl Fn(Statement) -> Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let connection = self.inner.pool.acquire().await;
        let mut connection = connection.map_err(store_error)?;
        let query = bind(query(statement)).bind(now(&*self.inner.clock));
        query.fetch_all(&mut *connection).await.map_err(store_error)
    }

    async fn write(
        &self,
        statement: &Arc<str>,
        bind: impl Fn(Statement) -> Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.transact(statement, bind, |_| Ok(())).await
    }

    /// A commit, whose first row is how the record was. What can't be read is not written over, and of that SQLite
    /// knows too little: its texts may be no UTF-8, and its JSON no Unicode.
    async fn write_over(
        &self,
        statement: &Arc<str>,
        bind: impl Fn(Statement) -> Statement,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        self.transact(statement, bind, take_former).await
    }

    /// The file's lock comes first, and only then the time: another process may have held it for seconds, in which
    /// others saw who died.
    ///
    /// Who gives up leaves the turn to the statement, which may have to wait for another process: otherwise one
    /// after the other would wait there, each with a connection that readers could use, and an early write could come
    /// after a later one.
    async fn transact(
        &self,
        statement: &Arc<str>,
        bind: impl Fn(Statement) -> Statement,
        check: Check,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let turn = self.turn().await;
        let connection = self.inner.pool.acquire().await;
        let mut connection = connection.map_err(store_error)?;
        let (query, inner) = (bind(query(statement)), Arc::clone(&self.inner));
        let written = tokio::spawn(async move {
            let rows = locked(&mut connection, || query.bind(now(&*inner.clock)), check).await;
            drop(turn);
            rows
        });
        // The task was ended before its answer: the runtime shuts down.
        written.await.map_err(StoreError::unavailable)?
    }

    async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.turn).lock_owned().await
    }

    async fn apply(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let commit =
            |query: Statement| bind_commit!(query, id, CommitParameters::new(guard, patch));
        let rows = self
            .write_over(&self.inner.statements.commit, commit)
            .await?;
        match rows.first() {
            Some(row) => Ok(Committed::Applied(decode(row)?)),
            None => self.refused(id, guard).await,
        }
    }
}

/// What has to be so of the rows, or nothing is done.
type Check = fn(&mut Vec<SqliteRow>) -> Result<(), StoreError>;

/// Takes away how the record was.
fn take_former(rows: &mut Vec<SqliteRow>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let former = rows.remove(0);
    if !is_dead(&former)? {
        decode(&former)?;
    }
    Ok(())
}

/// A statement, or two, that have the file for themselves. Plain statements around it: `sqlx` would count transactions, and not
/// notice those that SQLite rolls back by itself when the disk is full; nor would the connection be of use afterwards.
async fn locked(
    connection: &mut SqliteConnection,
    statement: impl FnOnce() -> Statement,
    check: Check,
) -> Result<Vec<SqliteRow>, StoreError> {
    let written = async {
        let begin = sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection);
        begin.await.map_err(store_error)?;
        // A clock of somebody else's may panic: the lock is not to stay for it.
        let statement = catch_unwind(AssertUnwindSafe(statement))
            .map_err(|_| StoreError::unavailable("the clock panicked"))?;
        let rows = statement.fetch_all(&mut *connection).await;
        let mut rows = rows.map_err(store_error)?;
        check(&mut rows)?;
        let commit = sqlx::query("COMMIT").execute(&mut *connection);
        commit.await.map_err(store_error)?;
        Ok(rows)
    };
    let written = written.await;
    if written.is_err() {
        // An error says that SQLite has done so already, or that there was nothing to undo. Where it could not begin,
        // a transaction may be open that somebody else left on the connection.
        let _ = sqlx::query("ROLLBACK").execute(connection).await;
    }
    written
}

type Statement = Query<'static, Sqlite, SqliteArguments>;

/// The table's name was checked when the store was built; everything else is bound.
fn query(statement: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
}

session_store!(SqliteStore, reads: read, writes: write, commits: write_over);

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("connections", &self.inner.pool.size())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SqliteStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStoreBuilder")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
