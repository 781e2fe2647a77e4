//! Serves the log-in on loopback: `cargo run -p login`.
//!
//! `PORT` changes the port from 3000 (0 takes any free one), `SESSION_KEY` sets the key.

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use login::DEMO_ACCOUNTS;
use session_axum::{Key, KeyError, MemoryStore};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = login::app(key()?, MemoryStore::new());
    let port = port()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("port {port}: {error} (PORT=0 takes a free one)"))?;
    println!("The log-in is on http://{}", listener.local_addr()?);
    for (name, password) in DEMO_ACCOUNTS {
        println!("  {name}, with the password \"{password}\"");
    }
    axum::serve(listener, app).await?;
    Ok(())
}

/// The key that seals the cookies, from `SESSION_KEY`; without it, a new one.
fn key() -> Result<Key, Box<dyn Error>> {
    match Key::from_env("SESSION_KEY") {
        Ok(key) => Ok(key),
        Err(KeyError::NotSet(_)) => {
            println!(
                "SESSION_KEY is not set, so a new key was generated: every session ends at a restart.\n\
                 In production, set it to 32 or more random bytes and use a store that outlives the process."
            );
            Ok(Key::generate())
        }
        Err(unusable) => Err(format!("SESSION_KEY: {unusable}").into()),
    }
}

fn port() -> Result<u16, Box<dyn Error>> {
    match env::var("PORT") {
        Ok(port) => port
            .parse()
            .map_err(|_| format!("PORT is {port}, not a number up to 65535").into()),
        Err(_) => Ok(3000),
    }
}
