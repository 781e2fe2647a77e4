//! Connections of the pool, each lent for one call, that come back in bounded time or not at all.

use std::time::Duration;

use parking_lot::Mutex;
use session_core::StoreError;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::error::store_error;

/// So long a connection may take to finish what was given up, and to give a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many calls in a row a connection may serve before it goes back to the pool, where others wait for it, too.
const CALLS: u32 = 16;

/// Lends connections, to as many calls at once as the pool has. While others wait, one that has done its work goes on to
/// the next of them: the pool would ask it twice for a sign of life in between, which takes longer than a call.
pub(crate) struct Lender {
    pool: PgPool,
    /// Taken first come, first served.
    places: Semaphore,
    line: Mutex<Line>,
}

/// Those who wait for a place, and the connections for them: never more.
#[derive(Default)]
struct Line {
    waiting: usize,
    handed_on: Vec<Checkout>,
}

struct Checkout {
    connection: PoolConnection<Postgres>,
    calls: u32,
}

impl Lender {
    pub(crate) fn new(pool: PgPool) -> Self {
        let connections = usize::try_from(pool.options().get_max_connections());
        let places =
            connections.map_or(Semaphore::MAX_PERMITS, |it| it.min(Semaphore::MAX_PERMITS));
        Self {
            pool,
            places: Semaphore::new(places),
            line: Mutex::default(),
        }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits no longer than the pool lets wait.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let patience = self.pool.options().get_acquire_timeout();
        let lent = timeout(patience, self.lend_in_time()).await;
        lent.unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(store_error)
    }

    async fn lend_in_time(&self) -> Result<Lent<'_>, sqlx::Error> {
        let (place, handed_on) = if let Ok(place) = self.places.try_acquire() {
            // Who saw that there was none, but is not in the line yet, finds the next place, and perhaps no connection
            // that was kept for them: as it is with the place, so it is with that.
            (place, self.line.lock().handed_on.pop())
        } else {
            let waiting = Waiting::at(self);
            let place = self.places.acquire().await;
            let place = place.map_err(|_| sqlx::Error::PoolClosed)?;
            (place, waiting.served())
        };
        let mut checkout = match handed_on {
            Some(checkout) => checkout,
            None => Checkout {
                connection: self.pool.acquire().await?,
                calls: 0,
            },
        };
        checkout.calls += 1;
        Ok(Lent {
            lender: self,
            checkout: Some(checkout),
            is_well: false,
            _place: place,
        })
    }

    /// Keeps it for somebody who waits; gives it again where nobody does.
    fn hand_on(&self, checkout: Checkout) -> Option<Checkout> {
        if self.pool.is_closed() || checkout.calls >= CALLS {
            return Some(checkout);
        }
        let mut line = self.line.lock();
        if line.handed_on.len() >= line.waiting {
            return Some(checkout);
        }
        line.handed_on.push(checkout);
        None
    }
}

/// Somebody who waits for a place.
struct Waiting<'a>(&'a Lender);

impl<'a> Waiting<'a> {
    fn at(lender: &'a Lender) -> Self {
        lender.line.lock().waiting += 1;
        Self(lender)
    }

    /// Has a place now, and perhaps a connection.
    fn served(self) -> Option<Checkout> {
        let checkout = self.0.line.lock().handed_on.pop();
        // Its end takes the lock, too.
        drop(self);
        checkout
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let left_over = {
            let mut line = self.0.line.lock();
            line.waiting -= 1;
            // Kept for a call that was given up.
            let is_left = line.handed_on.len() > line.waiting;
            is_left.then(|| line.handed_on.pop()).flatten()
        };
        if let Some(checkout) = left_over {
            checkout.give_back();
        }
    }
}

/// Lent for one call.
pub(crate) struct Lent<'a> {
    lender: &'a Lender,
    checkout: Option<Checkout>,
    is_well: bool,
    /// Given to the next one when the connection is out of our hands.
    _place: SemaphorePermit<'a>,
}

impl Lent<'_> {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        let checkout = self.checkout.as_mut();
        &mut checkout.expect("lent until this is dropped").connection
    }

    /// The call was answered: nothing of it is left on the connection.
    pub(crate) fn was_answered(&mut self) {
        self.is_well = true;
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(mut checkout) = self.checkout.take() else {
            return;
        };
        if self.is_well {
            match self.lender.hand_on(checkout) {
                Some(back) => checkout = back,
                None => return,
            }
        }
        checkout.give_back();
    }
}

impl Checkout {
    /// The pool asks a connection that comes back for a sign of life, and waits for it without a limit: on one that
    /// went silent, until TCP gives up, a quarter of an hour later. Such connections would soon be all that the pool
    /// has. So it is ours to wait, and to close what stays silent.
    fn give_back(mut self) {
        // What the pool's own connection does when it is dropped, had it a limit.
        let back = self.connection.return_to_pool();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // Given up, it is closed, and its place in the pool is free.
                let _ = timeout(PATIENCE, back).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgPoolOptions;

    use super::*;

    #[tokio::test]
    async fn who_has_the_place_takes_the_connection_that_was_kept_for_the_next() {
        let Ok(server) = std::env::var("SESSION_TEST_POSTGRES") else {
            return;
        };
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(2))
            .connect(&server);
        let lender = Lender::new(pool.await.expect("the server"));
        let mut lent = lender.lend().await.expect("a connection");
        // Saw that there is no place, and has not asked for the next one yet.
        let _waiting = Waiting::at(&lender);
        lent.was_answered();
        drop(lent);
        lender.lend().await.expect("the place and its connection");
    }
}
