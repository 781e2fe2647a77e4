//! `cargo run -p cluster -- redis://127.0.0.1:6379` starts three counters, and the balancer on port 3000. It says what
//! to kill. `PORT` changes the port (0 takes any free one).
//!
//! Each counter is this program, too, started as `cluster REDIS counter`.

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use session_axum::Key;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, stdin};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    match &*words {
        [redis] => serve(redis).await,
        [redis, role] if role == "counter" => count(redis).await,
        _ => Err("name the server: `redis://127.0.0.1:6379`".into()),
    }
}

async fn serve(redis: &str) -> Result<(), Box<dyn Error>> {
    // One secret for all. It goes to them in the environment, where only their user sees it.
    let secret: String = rand::random::<[u8; 32]>()
        .map(|byte| format!("{byte:02x}"))
        .concat();
    let mut counters = Vec::new();
    let mut addresses = Vec::new();
    for number in 1..=3 {
        let (counter, address) = start(redis, &secret).await?;
        let process = counter.id().ok_or("a counter ended at once")?;
        println!("Counter {number} is on {address}: kill -KILL {process}");
        counters.push(counter);
        addresses.push(address);
    }
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("All of them are on http://{}", listener.local_addr()?);
    Ok(cluster::balance(listener, addresses).await?)
}

async fn start(redis: &str, secret: &str) -> Result<(Child, SocketAddr), Box<dyn Error>> {
    let mut counter = Command::new(env::current_exe()?)
        .args([redis, "counter"])
        .env("SESSION_KEY", secret)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = counter.stdout.take().ok_or("a counter has an output")?;
    let line = BufReader::new(output).lines().next_line().await?;
    let address = line.ok_or("a counter did not start")?.parse()?;
    Ok((counter, address))
}

/// Tells its address, and serves until its input is closed: so it ends with the program that started it.
async fn count(redis: &str) -> Result<(), Box<dyn Error>> {
    let app = cluster::app(redis, Key::from_env("SESSION_KEY")?).await?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let orphaned = async {
        // Nothing is ever written to it.
        let _ = stdin().read(&mut [0]).await;
    };
    tokio::select! {
        served = axum::serve(listener, app).into_future() => Ok(served?),
        () = orphaned => Ok(()),
    }
}
