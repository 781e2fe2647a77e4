//! PostgreSQL, at `SESSION_TEST_POSTGRES`: a schema for each test.

use std::{
    env,
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::hex;
use session_core::{SessionId, conformance::Harness};
use session_sqlx::PostgresStore;
use session_tests::not_tested;
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

const SERVER: &str = "SESSION_TEST_POSTGRES";

/// Where the server is. Without one, that is said once, and the tests test nothing.
fn server() -> Option<String> {
    static SAY: Once = Once::new();

    let server = env::var(SERVER).ok();
    if server.is_none() {
        not_tested(
            &SAY,
            &format!("{SERVER} is not set: PostgreSQL is NOT tested"),
        );
    }
    server
}

pub(crate) struct Schema {
    pub(crate) server: String,
    pub(crate) name: String,
    pub(crate) pool: PgPool,
}

impl Schema {
    pub(crate) fn store_in(&self, pool: PgPool) -> PostgresStore {
        let builder = PostgresStore::builder(pool);
        builder.schema(&*self.name).expect("a name").build()
    }

    fn pool_options() -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_mins(1))
    }

    pub(crate) async fn pool(server: &str) -> PgPool {
        let pool = Self::pool_options().connect(server).await;
        pool.expect("the server")
    }

    pub(crate) async fn run(&self, sql: &str) -> u64 {
        let sql = sql.replace("sessions", &format!("\"{}\".sessions", self.name));
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        done.expect("run").rows_affected()
    }
}

impl Harness for Schema {
    type Store = PostgresStore;

    async fn start() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        let server = server()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let pool = Self::pool(&server).await;
        let drop_old = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
        let dropped = sqlx::query(AssertSqlSafe(drop_old)).execute(&pool).await;
        dropped.expect("drop");
        Some(Self { server, name, pool })
    }

    async fn store(&self) -> PostgresStore {
        let store = self.store_in(Self::pool(&self.server).await);
        store.migrate().await.expect("migrate");
        store
    }

    /// All that has happened was so much earlier.
    async fn pass(&self, span: Duration) {
        let columns = [
            "owner_since",
            "created_at",
            "started_at",
            "touched_at",
            "rotated_at",
            "confirmed_at",
            "expires_at",
        ];
        let earlier = columns.map(|column| format!("{column} = {column} - {}", span.as_micros()));
        let update = format!("UPDATE sessions SET {}", earlier.join(", "));
        self.run(&update).await;
    }

    async fn damage(&self, id: SessionId) -> bool {
        let hex = hex(id);
        let damage = format!("UPDATE sessions SET fields = '[1]' WHERE id = '\\x{hex}'");
        assert_eq!(self.run(&damage).await, 1);
        true
    }
}

mod conformance {
    session_core::conformance!(super::Schema);
}

/// An application whose connections are of the strictest isolation level.
struct Serializable(Schema);

impl Harness for Serializable {
    type Store = PostgresStore;

    async fn start() -> Option<Self> {
        Schema::start().await.map(Self)
    }

    async fn store(&self) -> PostgresStore {
        let options: PgConnectOptions = self.0.server.parse().expect("a URL");
        let options = options.options([("default_transaction_isolation", "serializable")]);
        let pool = Schema::pool_options().connect_with(options).await;
        let store = self.0.store_in(pool.expect("the server"));
        store.migrate().await.expect("migrate");
        store
    }

    async fn pass(&self, span: Duration) {
        self.0.pass(span).await;
    }

    async fn damage(&self, id: SessionId) -> bool {
        self.0.damage(id).await
    }
}

mod serializable {
    session_core::conformance!(super::Serializable);
}
