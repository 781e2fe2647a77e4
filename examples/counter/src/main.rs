//! Serves the counter on loopback: `cargo run -p counter`.
//!
//! Its sessions are in memory, or where `--store` says: `cargo run -p counter -- --store sqlite:sessions.db`,
//! or a server's `postgres://…` or `redis://…`.
//! See `stores.rs` for the three lines that each store takes.
//!
//! `PORT` changes the port from 3000 (0 takes any free one), `SESSION_KEY` sets the key: counters that share a store
//! share it, too.

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

mod stores;

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use session_axum::{Key, KeyError};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = match store()? {
        None => counter::app(key()?),
        Some(url) => stores::app_on(&url, key()?).await?,
    };
    let port = port()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|error| format!("port {port}: {error} (PORT=0 takes a free one)"))?;
    println!("The counter is on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// The key that seals the cookies, from `SESSION_KEY`; without it, a new one.
fn key() -> Result<Key, Box<dyn Error>> {
    match Key::from_env("SESSION_KEY") {
        Ok(key) => Ok(key),
        Err(KeyError::NotSet(_)) => {
            println!(
                "SESSION_KEY is not set, so a new key was generated: neither another process nor this one after a\n\
                 restart opens these cookies, whatever the store. Set it to 32 or more random bytes, the same for all:\n\
                 export SESSION_KEY=$(openssl rand -base64 48)"
            );
            Ok(Key::generate())
        }
        Err(unusable) => Err(format!("SESSION_KEY: {unusable}").into()),
    }
}

/// What `--store` names, if it is there.
fn store() -> Result<Option<String>, String> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &*arguments {
        [] => Ok(None),
        [option, url] if option == "--store" => Ok(Some(url.clone())),
        _ => Err("the only option is `--store URL`".to_owned()),
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
