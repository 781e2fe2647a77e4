//! Serves on loopback: `cargo run -p metrics-example`. Visit `/` a few times, then look at `/metrics`.
//!
//! `PORT` changes the port from 3000 (0 takes any free one).

#![expect(clippy::print_stdout, reason = "it tells where it serves")]

use std::{env, error::Error, net::Ipv4Addr, time::Duration};

use metrics_example::{app, record};
use tokio::{net::TcpListener, time::interval};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let page = record()?;
    let recorded = page.clone();
    tokio::spawn(async move {
        // Sums up what was recorded, so that it does not grow when nobody reads the page.
        let mut often = interval(Duration::from_secs(5));
        loop {
            often.tick().await;
            recorded.run_upkeep();
        }
    });
    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!(
        "The app is on http://{0}, its metrics on http://{0}/metrics",
        listener.local_addr()?
    );
    axum::serve(listener, app(page)).await?;
    Ok(())
}
