//! [`PostgresStore`]: one row per session in PostgreSQL.

use std::{fmt, sync::Arc, time::Duration};

use session_core::{
    Committed, Created, Guard, NewRecord, Patch, Record, SessionId, SessionStore, StoreError,
};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row, postgres::PgArguments, query::Query};

use crate::{
    InvalidName,
    error::store_error,
    lent::Lent,
    name::checked,
    row::{CommitParameters, decode, decode_all, encode, lifetime},
    sql::{self, Dialect, bind_commit},
    sweep::Sweeper,
};

/// Sessions in PostgreSQL 12 or newer, in the pool that the application already has.
///
/// Any number of processes may share one table. Each call is one statement and one round trip; deadlines are made by
/// the server's clock, so the clocks of the application's machines don't matter.
///
/// Clones are the same store.
///
/// ```no_run
/// use std::time::Duration;
/// use session_sqlx::PostgresStore;
///
/// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
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
    pool: PgPool,
    migration: Migration,
    load: Arc<str>,
    create: Arc<str>,
    commit: Arc<str>,
    delete: Arc<str>,
    find_by_owner: Arc<str>,
    revoke_owner: Arc<str>,
    delete_expired: Arc<str>,
    count: Arc<str>,
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
        };
        let commit = COMMIT
            .replace("{findings}", sql::FINDINGS)
            .replace("{changes}", sql::CHANGES);
        let inner = Inner {
            migration: Migration::new(&dialect, self.schema, &self.table),
            pool: self.pool,
            load: dialect.statement(sql::LOAD),
            create: dialect.statement(sql::CREATE),
            commit: dialect.statement(&commit),
            delete: dialect.statement(sql::DELETE),
            find_by_owner: dialect.statement(sql::FIND_BY_OWNER),
            revoke_owner: dialect.statement(REVOKE_OWNER),
            delete_expired: dialect.statement(DELETE_EXPIRED),
            count: dialect.statement(sql::COUNT),
            sweeper: Sweeper::default(),
        };
        PostgresStore {
            inner: Arc::new(inner),
        }
    }
}

/// Locks the row first, and only then looks at the clock: who had to wait for the lock judges the newest row at the
/// newest time. Nobody can change it between that and the update.
const COMMIT: &str = "
    WITH locked AS MATERIALIZED (SELECT * FROM {table} WHERE id = $1 FOR NO KEY UPDATE),
    clock AS MATERIALIZED (SELECT {now} AS now FROM locked),
    judged AS MATERIALIZED (
        SELECT t.*, now, {findings},
            CASE
                WHEN t.expires_at <= now THEN 3
                WHEN jsonb_typeof(t.fields) <> 'object' OR jsonb_typeof(t.kept) <> 'object' THEN 4
                WHEN $2 < t.barrier THEN 2
                WHEN $3 <> t.version THEN 1
                ELSE 0
            END AS outcome
        FROM locked AS t, clock
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
    ))";

/// How to make the table.
struct Migration {
    schema: Option<String>,
    statements: [Arc<str>; 2],
}

impl Migration {
    fn new(dialect: &Dialect, schema: Option<String>, table: &str) -> Self {
        let index = format!(
            "CREATE INDEX IF NOT EXISTS \"{table}_owner\" ON {{table}} USING hash (owner) WHERE owner IS NOT NULL"
        );
        Self {
            schema,
            statements: [dialect.statement(TABLE), dialect.statement(&index)],
        }
    }
}

/// No index on what a touch changes, and room in each page: so the new row lies beside the old one, and no index
/// learns of it (a HOT update).
const TABLE: &str = "CREATE TABLE IF NOT EXISTS {table} (
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
    /// Sessions in the table `sessions`.
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

    /// Makes the table and its index, and the schema if one was named, where they are missing. Any number of
    /// processes may do it at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrate = async {
            let mut transaction = self.inner.pool.begin().await?;
            // `IF NOT EXISTS` alone fails for one of two who make it at once.
            sqlx::query("SELECT pg_advisory_xact_lock(8315168223)")
                .execute(&mut *transaction)
                .await?;
            if let Some(schema) = &self.inner.migration.schema {
                // Asked before, because even `IF NOT EXISTS` needs the right to create one.
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
            for statement in &self.inner.migration.statements {
                query(statement).execute(&mut *transaction).await?;
            }
            transaction.commit().await
        };
        migrate.await.map_err(store_error)
    }

    /// Removes expired sessions in the background: a few at a time, about this often, until the last clone of the
    /// store is dropped. A failure is traced, and it goes on. The first call counts, for all clones.
    ///
    /// It reads the table once each time, for there is no index on the expiry (touches would have to keep it up):
    /// some minutes are often enough, the dead are invisible anyhow. Several processes may sweep one table.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime.
    pub fn sweep_every(&self, every: Duration) {
        let inner = Arc::downgrade(&self.inner);
        self.inner.sweeper.start(every, move || {
            let inner = inner.upgrade()?;
            Some(Self { inner })
        });
    }
}

/// Names in it were checked when the store was built; everything else is bound.
fn query(statement: &Arc<str>) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(statement)))
}

impl SessionStore for PostgresStore {
    async fn load(&self, id: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        let load = query(&self.inner.load).bind(id.as_bytes().to_vec());
        let mut lent = Lent::by(&self.inner.pool).await?;
        let row = load.fetch_optional(lent.connection()).await;
        row.map_err(store_error)?.as_ref().map(decode).transpose()
    }

    async fn create(&self, id: SessionId, new: NewRecord) -> Result<Created, StoreError> {
        let [fields, kept] = encode(&new.fields);
        let [idle, absolute] = lifetime(Some(new.lifetime));
        let create = query(&self.inner.create)
            .bind(id.as_bytes().to_vec())
            .bind(fields)
            .bind(kept)
            .bind(new.owner)
            .bind(idle)
            .bind(absolute);
        let mut lent = Lent::by(&self.inner.pool).await?;
        let row = create.fetch_optional(lent.connection()).await;
        Ok(match row.map_err(store_error)? {
            Some(row) => Created::Created(decode(&row)?),
            None => Created::IdTaken,
        })
    }

    async fn commit(
        &self,
        id: SessionId,
        guard: Guard,
        patch: &Patch,
    ) -> Result<Committed, StoreError> {
        let parameters = CommitParameters::new(guard, patch);
        let commit = bind_commit!(query(&self.inner.commit), id, parameters);
        let mut lent = Lent::by(&self.inner.pool).await?;
        let row = commit.fetch_optional(lent.connection()).await;
        let Some(row) = row.map_err(store_error)? else {
            return Ok(Committed::Gone);
        };
        let outcome: i32 = row.try_get("outcome").map_err(store_error)?;
        if outcome == 3 {
            return Ok(Committed::Gone);
        }
        let record = decode(&row)?;
        Ok(match outcome {
            0 => Committed::Applied(record),
            1 => Committed::Conflict(record),
            _ => Committed::Superseded(record),
        })
    }

    async fn delete(&self, id: SessionId) -> Result<bool, StoreError> {
        let delete = query(&self.inner.delete).bind(id.as_bytes().to_vec());
        let mut lent = Lent::by(&self.inner.pool).await?;
        let row = delete.fetch_optional(lent.connection()).await;
        match row.map_err(store_error)? {
            Some(row) => row.try_get("lived").map_err(store_error),
            None => Ok(false),
        }
    }

    async fn find_by_owner(
        &self,
        owner: &str,
    ) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        let find = query(&self.inner.find_by_owner).bind(owner.to_owned());
        let mut lent = Lent::by(&self.inner.pool).await?;
        let rows = find.fetch_all(lent.connection()).await;
        decode_all(&rows.map_err(store_error)?)
    }

    async fn revoke_owner(&self, owner: &str, keep: Option<SessionId>) -> Result<u64, StoreError> {
        let revoke = query(&self.inner.revoke_owner)
            .bind(owner.to_owned())
            .bind(keep.map(|id| id.as_bytes().to_vec()));
        let mut lent = Lent::by(&self.inner.pool).await?;
        let rows = revoke.fetch_all(lent.connection()).await;
        let mut revoked = 0;
        for row in rows.map_err(store_error)? {
            let lived: bool = row.try_get("lived").map_err(store_error)?;
            revoked += u64::from(lived);
        }
        Ok(revoked)
    }

    async fn delete_expired(&self, at_most: usize) -> Result<u64, StoreError> {
        let at_most = i64::try_from(at_most).unwrap_or(i64::MAX);
        let sweep = query(&self.inner.delete_expired).bind(at_most);
        let mut lent = Lent::by(&self.inner.pool).await?;
        let done = sweep.execute(lent.connection()).await;
        Ok(done.map_err(store_error)?.rows_affected())
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let mut lent = Lent::by(&self.inner.pool).await?;
        let row = query(&self.inner.count).fetch_one(lent.connection()).await;
        let count: i64 = row.and_then(|row| row.try_get(0)).map_err(store_error)?;
        Ok(count.unsigned_abs())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("connections", &self.inner.pool.size())
            .finish_non_exhaustive()
    }
}
