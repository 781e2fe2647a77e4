//! Serves it on loopback, with its sessions in the directory `sessions`, or another one:
//! `cargo run -p custom-store -- DIRECTORY`. Visit it, stop it, start it again: the count goes on.
//!
//! `SESSION_KEY` sets the key, 32 or more random bytes: it has to stay the same. `PORT` changes the port from 3000.

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;
use std::time::Duration;

use custom_store::FileStore;
use session_axum::{Key, SessionStore};
use tokio::net::TcpListener;
use tokio::time::interval;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let key = Key::from_env("SESSION_KEY").map_err(|error| format!("SESSION_KEY: {error}"))?;
    let directory = env::args().nth(1).unwrap_or_else(|| "sessions".to_owned());
    let store = FileStore::open(directory)?;
    tokio::spawn(sweep(store.clone()));

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("Visits are counted on http://{}", listener.local_addr()?);
    axum::serve(listener, custom_store::app(store, key)).await?;
    Ok(())
}

/// Only hygiene: dead sessions are invisible, whether their files are there or not.
async fn sweep(store: FileStore) {
    let mut minutes = interval(Duration::from_mins(5));
    loop {
        minutes.tick().await;
        if let Err(error) = store.delete_expired(1_000).await {
            println!("Expired sessions were not removed: {error}");
        }
    }
}
