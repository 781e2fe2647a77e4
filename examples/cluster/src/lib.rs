//! Three counters behind a small balancer, on one Redis. Kill one: nobody notices.
//!
//! Each counter is the example `counter`, in a process of its own. What makes one application of them is that all have
//! the same key, which opens the cookies of each other, and the same store. None keeps anything of a visitor, so every
//! request may go to any of them, and there are no "sticky" sessions.
//!
//! [`app`] is one of the counters, [`balance`] is the balancer, and `main` starts three of the one behind the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use redis::RedisError;
use session_axum::Key;
use session_redis::RedisStore;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// One of the counters.
pub async fn app(redis: &str, key: Key) -> Result<Router, RedisError> {
    // Connects again by itself.
    let connection = redis::Client::open(redis)?.get_connection_manager().await?;
    Ok(counter::app_on(RedisStore::new(connection), key))
}

/// Passes each connection on to one of the counters, to each in turn.
///
/// It knows nothing of HTTP, and so nothing of sessions. A real one also asks whether a counter is well, and sends no
/// more to one that is not; this one finds out whenever it connects.
pub async fn balance(listener: TcpListener, counters: Vec<SocketAddr>) -> io::Result<()> {
    let counters: Arc<[_]> = counters.into();
    let turn = Arc::new(AtomicUsize::new(0));
    loop {
        let (mut client, _) = listener.accept().await?;
        let (counters, turn) = (Arc::clone(&counters), Arc::clone(&turn));
        tokio::spawn(async move {
            // Without any, the client's connection is closed.
            if let Some(mut counter) = connect(&counters, &turn).await {
                // Whoever of the two goes first: it is no affair of ours.
                let _ = copy_bidirectional(&mut client, &mut counter).await;
            }
        });
    }
}

/// The next counter that is there.
///
/// One that is dead refuses the connection, before anything was sent: so nothing is ever sent twice, and no click counts
/// twice. A request that is under way when its counter dies fails, and whether it was counted is known to Redis alone.
async fn connect(counters: &[SocketAddr], turn: &AtomicUsize) -> Option<TcpStream> {
    let first = turn.fetch_add(1, Ordering::Relaxed) % counters.len().max(1);
    // From there once around: with a turn for each attempt, a crowd could meet the same dead one again and again.
    let (before, from) = counters.split_at(first);
    for counter in from.iter().chain(before) {
        if let Ok(stream) = TcpStream::connect(counter).await {
            return Some(stream);
        }
    }
    None
}
