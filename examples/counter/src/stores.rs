//! Where the sessions live, by the URL behind `--store`.

use std::error::Error;
use std::time::Duration;

use axum::Router;
use session_axum::Key;
use session_redis::RedisStore;
use session_sqlx::{PostgresStore, SqliteStore};
use sqlx::{PgPool, SqlitePool};

/// How often expired sessions are removed from a database. They are invisible anyhow.
const SWEEP: Duration = Duration::from_mins(5);

/// The counter with its sessions in `sqlite:sessions.db`, `postgres://…` or `redis://…`.
pub(crate) async fn app_on(url: &str, key: Key) -> Result<Router, Box<dyn Error>> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let store = SqliteStore::new(SqlitePool::connect_with(SqliteStore::options(path)).await?);
        store.migrate().await?;
        store.sweep_every(SWEEP);
        return Ok(counter::app_on(store, key));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let pool = PgPool::connect_with(PostgresStore::options(url.parse()?));
        let store = PostgresStore::new(pool.await?);
        store.migrate().await?;
        store.sweep_every(SWEEP);
        return Ok(counter::app_on(store, key));
    }
    if url.starts_with("redis:") {
        // Connects again by itself. The dead vanish by themselves.
        let connection = redis::Client::open(url)?.get_connection_manager().await?;
        let store = RedisStore::new(connection);
        return Ok(counter::app_on(store, key));
    }
    Err("a store is `sqlite:` and a file, or `postgres://` or `redis://` and a server".into())
}
