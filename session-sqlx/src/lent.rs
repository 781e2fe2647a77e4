//! A connection for one call, that comes back to the pool in bounded time or not at all.

use std::time::Duration;

use session_core::StoreError;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{runtime::Handle, time::timeout};

use crate::error::store_error;

/// So long a connection may take to finish what was given up, and to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lent by the pool for one call.
///
/// The pool asks a connection that comes back for a sign of life, and waits for it without a limit: on one that went
/// silent, until TCP gives up, a quarter of an hour later. Such connections would soon be all that the pool has. So it
/// is ours to wait, and to close what stays silent.
pub(crate) struct Lent(PoolConnection<Postgres>);

impl Lent {
    pub(crate) async fn by(pool: &PgPool) -> Result<Self, StoreError> {
        pool.acquire().await.map(Self).map_err(store_error)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // What the pool's own connection does when it is dropped, had it a limit.
        let back = self.0.return_to_pool();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // Given up, it is closed, and its place in the pool is free.
                let _ = timeout(PATIENCE, back).await;
            });
        }
    }
}
