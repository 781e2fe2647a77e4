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
    let mut lines = vec![
        std::iter::once("what happens").chain(SUBJECTS.map(|subject| subject.name)).collect(),
        vec!["---"; SUBJECTS.len() + 1],
    ]
    .into_iter()
    .map(row)
    .collect::<Vec<_>>();
    for question in QUESTIONS {
        let mut cells = vec![question.asks.to_owned()];
        for subject in SUBJECTS {
            cells.push((question.put)(subject).await);
        }
        lines.push(row(cells.iter().map(String::as_str).collect()));
    }
    println!("{}", lines.join("\n"));
}

fn row(cells: Vec<&str>) -> String {
    format!("| {} |", cells.join(" | "))
}
