//! What becomes of sessions whose requests overlap, here and in the peers: `cargo run --release -p bench-behaviour`
//! in `benches/` prints the table that stands in the README.
//!
//! Each question is put to each library in the same way: the same site, the same browser, the same order of steps.

mod axum_session;
mod browser;
mod gate;
mod ours;
mod questions;
mod subject;
mod tower_sessions;

use questions::ALL as QUESTIONS;
use subject::ALL as SUBJECTS;

#[tokio::main]
async fn main() {
    let names = SUBJECTS.iter().map(|subject| subject.name.to_owned());
    let head: Vec<_> = std::iter::once("what happens".to_owned())
        .chain(names)
        .collect();
    println!("{}", row(&head));
    println!("{}", row(&vec!["---".to_owned(); head.len()]));
    for question in QUESTIONS {
        let mut cells = vec![question.asks.to_owned()];
        for subject in SUBJECTS {
            cells.push((question.put)(subject).await);
        }
        println!("{}", row(&cells));
    }
}

fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}
