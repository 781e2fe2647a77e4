//! Serves the clicks on loopback, with its sessions in a SQLite file: `cargo run -p websocket -- sessions.db`.
//! Start a second one with the same file and key, and another port: log out there, and see the socket here close.
//!
//! `SESSION_KEY` sets the key, 32 or more random bytes. `PORT` changes the port from 3000 (0 takes any free one).

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;

use session_axum::Key;
use session_sqlx::SqliteStore;
use sqlx::SqlitePool;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = Key::from_env("SESSION_KEY").map_err(|error| format!("SESSION_KEY: {error}"))?;
    let file = env::args().nth(1).ok_or("name a file for the sessions")?;
    let store = SqliteStore::new(SqlitePool::connect_with(SqliteStore::options(file)).await?);
    store.migrate().await?;
    store.sweep_every(Duration::from_mins(5));

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("Clicks are counted on http://{}", listener.local_addr()?);
    // Ten seconds is also what `ended()` takes by itself.
    let app = websocket::app(store, key, Duration::from_secs(10));
    axum::serve(listener, app).await?;
    Ok(())
}
