//! Serves the shop on loopback: `cargo run -p cart`. `PORT` changes the port from 3000 (0 takes any free one).

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::env;
use std::error::Error;
use std::net::Ipv4Addr;

use session_axum::{Key, MemoryStore};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("The shop is on http://{}", listener.local_addr()?);
    // A new key at each start: the sessions are in memory, and end with the process anyhow.
    let app = cart::app(Key::generate(), MemoryStore::new());
    axum::serve(listener, app).await?;
    Ok(())
}
