//! Over Redis and PostgreSQL, by the program beside this one that knows them.

use crate::{
    adapters::OURS,
    args::Args,
    figures::Figures,
    report::{Report, grouped, or_dash},
    sibling,
};

const PEER: &str = "tower-sessions";

/// Requests per second.
///
/// # Errors
/// If the other program failed.
pub fn run(args: &Args, report: &mut Report, figures: &mut Figures) -> Result<(), String> {
    report.section(
        "Over Redis and PostgreSQL",
        "Requests per second at equal concurrency, beside tower-sessions 0.14 with its own stores (they are not yet \
         made for 0.15).\nOf what tower-sessions calls a write, concurrent ones on one session would be lost; ours \
         are atomic.",
    );
    let mut rows = Vec::new();
    for row in sibling::rows("stores", &args.filters)? {
        match row.as_slice() {
            [missing] => report.line(missing),
            [store, adapter, work, rate] => {
                let rate = rate.parse().map_err(|_| format!("stores: {row:?}"))?;
                figures.set(store, adapter, work, rate);
                rows.push((store.clone(), work.clone()));
            }
            _ => return Err(format!("stores: {row:?}")),
        }
    }
    rows.dedup();
    let rows = rows.into_iter().map(|(store, work)| {
        let rate = |adapter| figures.get(&store, adapter, &work);
        let (ours, theirs) = (rate(OURS.name), rate(PEER));
        let ratio = ours.zip(theirs).map(|(ours, theirs)| ours / theirs);
        let mut row = vec![format!("{store}, {work}")];
        row.extend([ours, theirs].map(|rate| or_dash(rate, grouped)));
        row.push(or_dash(ratio, |ratio| format!("{ratio:.2}")));
        row
    });
    let head = ["", "ours", "tower-sessions", "ours of theirs"];
    report.table(&head.map(str::to_owned), &rows.collect::<Vec<_>>());
    Ok(())
}
