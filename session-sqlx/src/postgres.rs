//! [`PostgresStore`]: one row per session in PostgreSQL.

use std::{fmt, sync::Arc, time::Duration};

use session_core::{
    Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore, StoreError,
};
use sqlx::{
    AssertSqlSafe, PgPool, Postgres, Row,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};

use crate::{
    InvalidName,
    error::{is_rolled_back, store_error},
    lent::Lender,
    name::checked,
    row::{
        CommitParameters, FieldParameters, counted, decode, decode_all, encode, encode_owner,
        is_dead, lifetime, lived, refusal,
    },
    sql::{Dialect, Statements, bind_commit, bind_fields},
    store::session_store,
    sweep::Sweeper,
};

/// Sessions in PostgreSQL 12 or newer, in the pool that the application already has.
///
/// Any number of processes may share one table. Each call is one statement and one round trip
/// (and one more where a commit of fields is refused, to learn why); deadlines are made by
/// the server's clock, so the clocks of the application's machines don't matter.
///
/// Clones are the same store.
///
/// ```no_run
/// use std::time::Duration;
/// use session_sqlx::PostgresStore;
/// use sqlx::PgPool;
///
/// # async fn example(url: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let pool = PgPool::connect_with(PostgresStore::options(url.parse()?)).await?;
/// let store = PostgresStore::new(pool);
/// store.migrate().await?;
/// store.sweep_every(Duration::from_secs(300));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    inner: Arc<Inner>,
}

struct Inner {
    lender: Lender,
    migration: Migration,
    statements: Statements,
    sweeper: Sweeper,
}

/// Options of a [`PostgresStore`].
#[derive(Debug)]
pub struct PostgresStoreBuilder {
    pool: PgPool,
    schema: Option<String>,
    table: String,
}

impl PostgresStoreBuilder {
    /// The schema of the table. Default: the first one of the connection's search path.
    pub fn schema(self, schema: impl Into<String>) -> Result<Self, InvalidName> {
        let schema = Some(checked(schema)?);
        Ok(Self { schema, ..self })
    }

    /// The table. Default: `sessions`.
    pub fn table(self, table: impl Into<String>) -> Result<Self, InvalidName> {
        let table = checked(table)?;
        Ok(Self { table, ..self })
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> PostgresStore {
        let table = match &self.schema {
            Some(schema) => format!("\"{schema}\".\"{}\"", self.table),
            None => format!("\"{}\"", self.table),
        };
        let dialect = Dialect {
            table,
            now: Some("CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"),
            least: "least",
            greatest: "greatest",
            json: "CAST({a} AS jsonb)",
            text: "CAST({a} AS text)",
            merge: "jsonb_strip_nulls({a} || CAST({b} AS jsonb))",
            // Strict: the other mode would look into arrays.
            holds_texts: "(jsonb_typeof({a}) = 'object' AND NOT {a} @? 'strict $.* ? (@.type() <> \"string\")')",
            looks_first: false,
        };
        let inner = Inner {
            migration: Migration::new(&dialect, self.schema, self.table),
            lender: Lender::new(self.pool),
            statements: Statements::new(&dialect, COMMIT, REVOKE_OWNER, DELETE_EXPIRED),
            sweeper: Sweeper::default(),
        };
        PostgresStore {
            inner: Arc::new(inner),
        }
    }
}

/// Locks the row first, and only then looks at the clock: who had to wait for the lock judges the newest row at the
/// newest time. Nobody can change it between that and the update. (A query that locks is never merged into the one
/// around it, nor one that asks the clock; as queries in one another they cost less than as CTEs.)
const COMMIT: &str = "
    WITH judged AS MATERIALIZED (
        SELECT t.*, {findings}
            CASE
                WHEN t.expires_at <= now THEN 3
                WHEN NOT {is_readable} THEN 4
                WHEN $2 < t.barrier THEN 2
                WHEN $3 <> t.version THEN 1
                ELSE 0
            END AS outcome
        FROM (
            SELECT *, {now} AS now FROM (SELECT * FROM {table} WHERE id = $1 FOR NO KEY UPDATE) AS locked
        ) AS t
    ),
    changed AS (
        UPDATE {table} AS t SET {changes}
        FROM judged AS j WHERE t.id = j.id AND j.outcome = 0
        RETURNING t.*, j.now
    )
    SELECT 0 AS outcome, {columns}, now FROM changed
    UNION ALL SELECT outcome, {columns}, now FROM judged WHERE outcome > 0";

/// $1 owner, $2 the session to keep. In the order of the ids, so that two of them never wait for one another.
const REVOKE_OWNER: &str = "DELETE FROM {table} WHERE owner = $1 AND id = ANY(ARRAY(
        SELECT id FROM {table} WHERE owner = $1 AND id IS DISTINCT FROM $2 ORDER BY id FOR UPDATE
    )) RETURNING expires_at > {now} AS lived";

/// $1 at most. Rows that somebody works on are left for the next time; who came back to life meanwhile stays.
const DELETE_EXPIRED: &str = "WITH clock AS MATERIALIZED (SELECT {now} AS now)
    DELETE FROM {table} WHERE expires_at <= (SELECT now FROM clock) AND id = ANY(ARRAY(
        SELECT id FROM {table} AS t, clock WHERE expires_at <= now LIMIT $1 FOR UPDATE OF t SKIP LOCKED
    )) RETURNING 1";

/// So many rows go at a time, in a fraction of a second, for each time the table is read anew. So long may somebody wait
/// who revokes their owner, or commits to what died meanwhile.
const BATCH: u32 = 10_000;

/// How to make the table.
struct Migration {
    schema: Option<String>,
    table: String,
    statements: [Arc<str>; 2],
}

impl Migration {
    fn new(dialect: &Dialect, schema: Option<String>, table: String) -> Self {
        let index = format!(
            "CREATE INDEX \"{table}_owner\" ON {{table}} USING hash (owner) WHERE owner IS NOT NULL"
        );
        Self {
            schema,
            table,
            statements: [dialect.statement(TABLE), dialect.statement(&index)],
        }
    }
}

/// $1 schema, $2 table: whether it has its index. No row: there is no table.
const FOUND: &str = "SELECT EXISTS (
        SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE i.indrelid = t.oid AND c.relname = $2 || '_owner'
    ) FROM pg_class AS t
    WHERE relname = $2 AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = coalesce($1, current_schema()))";

/// No index on what a touch changes, and room in each page: so the new row lies beside the old one, and no index
/// learns of it (a HOT update).
const TABLE: &str = "CREATE TABLE {table} (
        id bytea PRIMARY KEY,
        fields jsonb NOT NULL,
        kept jsonb NOT NULL,
        owner text,
        owner_since bigint,
        created_at bigint NOT NULL,
        started_at bigint NOT NULL,
        touched_at bigint NOT NULL,
        rotated_at bigint NOT NULL,
        confirmed_at bigint,
        expires_at bigint NOT NULL,
        generation bigint NOT NULL,
        barrier bigint NOT NULL,
        version bigint NOT NULL,
        remembered bigint
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)";

impl PostgresStore {
    /// Sessions in the table `sessions`. See [`options`](Self::options) for how to connect.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self::builder(pool).build()
    }

    /// A store with options.
    #[must_use]
    pub fn builder(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder {
            pool,
            schema: None,
            table: "sessions".to_owned(),
        }
    }

    /// How to connect, in a pool of the application's: with a server that notices within a second when a connection was
    /// closed, even if a statement of it still waits. Otherwise each call that is given up while it waits for a lock
    /// leaves a connection behind at the server, until the lock is gone: where somebody locks the table for long, in the
    /// end all that the server has.
    ///
    /// It is a setting of PostgreSQL 14 and newer, not on Windows, and of the connection, so that no store can make it in a
    /// pool that is there already. Older servers, and those that can't, refuse such a connection: connect without it, and
    /// think of `statement_timeout`, which ends the application's own long statements, too. Where a pooler in between
    /// refuses it, `ALTER ROLE app SET client_connection_check_interval = '1s'` does the same.
    #[must_use]
    pub fn options(options: PgConnectOptions) -> PgConnectOptions {
        options.options([("client_connection_check_interval", "1s")])
    }

    /// Makes the table and its index, and the schema if one was named, where they are missing: this needs a
    /// right to only then. Any number of processes may do it at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrate = async {
            // Who waits for the lock must see what its holder has made.
            let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
            let mut transaction = self.inner.lender.pool().begin_with(begin).await?;
            // `IF NOT EXISTS` alone fails for one of two who make it at once.
            sqlx::query("SELECT pg_advisory_xact_lock(8315168223)")
                .execute(&mut *transaction)
                .await?;
            if let Some(schema) = &self.inner.migration.schema {
                // Asked for first, because even `IF NOT EXISTS` needs the right to create one.
                let there = sqlx::query("SELECT FROM pg_namespace WHERE nspname = $1")
                    .bind(schema)
                    .fetch_optional(&mut *transaction)
                    .await?;
                if there.is_none() {
                    let create = format!("CREATE SCHEMA \"{schema}\"");
                    sqlx::query(AssertSqlSafe(create))
                        .execute(&mut *transaction)
                        .await?;
                }
            }
            // So are these; and it would take the index of another table for ours.
            let found = sqlx::query(FOUND)
                .bind(&self.inner.migration.schema)
                .bind(&self.inner.migration.table)
                .fetch_optional(&mut *transaction)
                .await?;
            let [table, index] = &self.inner.migration.statements;
            if found.is_none() {
                query(table).execute(&mut *transaction).await?;
            }
            if !found.map_or(Ok(false), |row| row.try_get(0))? {
                query(index).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        migrate.await.map_err(store_error)
    }

    /// Removes expired sessions in the background: a batch at a time, about this often, until the last clone of the
    /// store is dropped. A failure is traced, and it goes on. The first call counts, for all clones.
    ///
    /// It reads the table once for each 10,000 that died, and once where nobody did, for there is no index on the
    /// expiry (touches would have to keep it up): some minutes are often enough, the dead are invisible anyhow. Several processes may sweep one table.
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

    /// One statement, and once more where it was rolled back because somebody else was first: on connections whose
    /// isolation level is stricter than the usual one, that is whoever had to wait for a row.
    async fn ask(
        &self,
        statement: &Arc<str>,
        bind: impl Fn(Statement) -> Statement,
    ) -> Result<Vec<PgRow>, StoreError> {
        let mut attempt = 1;
        loop {
            let mut lent = self.inner.lender.lend().await?;
            let rows = bind(query(statement)).fetch_all(lent.connection()).await;
            if rows.is_ok() {
                lent.was_answered();
            }
            drop(lent);
            match rows {
                Err(error) if is_rolled_back(&error) && attempt < ATTEMPTS => {
                    tokio::time::sleep(Duration::from_millis(attempt)).await;
                    attempt += 1;
                }
                rows => return rows.map_err(store_error),
            }
        }
    }

    async fn apply(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let commit =
            |query: Statement| bind_commit!(query, id, CommitParameters::new(guard, patch));
        let rows = self.ask(&self.inner.statements.commit, commit).await?;
        let Some(row) = rows.first() else {
            return Ok(Committed::Gone);
        };
        let outcome: i32 = row.try_get("outcome").map_err(store_error)?;
        if outcome == 3 {
            return Ok(Committed::Gone);
        }
        let record = decode(row)?;
        Ok(match outcome {
            0 => Committed::Applied(record),
            1 => Committed::Conflict(record),
            _ => Committed::Superseded(record),
        })
    }
}

/// Of those who wait for a row, one gets it each time.
const ATTEMPTS: u64 = 100;

type Statement = Query<'static, Postgres, PgArguments>;

/// Names in it were checked when the store was built; everything else is bound.
fn query(statement: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
}

session_store!(PostgresStore, reads: ask, writes: ask, commits: ask);

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("connections", &self.inner.lender.pool().size())
            .finish_non_exhaustive()
    }
}
