//! What was measured, by name.

use std::collections::BTreeMap;

use bench_harness::Adapter;

use crate::adapters::FLOOR;

/// (measure, adapter, what) and the figure.
#[derive(Default)]
pub struct Figures(BTreeMap<(String, String, String), f64>);

impl Figures {
    pub fn set(&mut self, measure: &str, adapter: &str, what: &str, figure: f64) {
        self.0
            .insert((measure.into(), adapter.into(), what.into()), figure);
    }

    #[must_use]
    pub fn get(&self, measure: &str, adapter: &str, what: &str) -> Option<f64> {
        let name = (measure.into(), adapter.into(), what.into());
        self.0.get(&name).copied()
    }

    /// What an adapter costs above bare axum.
    #[must_use]
    pub fn above_floor(&self, measure: &str, adapter: &str, what: &str) -> Option<f64> {
        Some(self.get(measure, adapter, what)? - self.get(measure, FLOOR.name, what)?)
    }

    /// A rate as a part of bare axum's.
    #[must_use]
    pub fn of_floor(&self, measure: &str, adapter: &str, what: &str) -> Option<f64> {
        Some(self.get(measure, adapter, what)? / self.get(measure, FLOOR.name, what)?)
    }

    /// What one costs above bare axum, as a part of what a peer does.
    #[must_use]
    pub fn of_peer(&self, measure: &str, one: Adapter, peer: Adapter, what: &str) -> Option<f64> {
        let cost = self.above_floor(measure, one.name, what)?;
        Some(cost / self.above_floor(measure, peer.name, what)?)
    }
}
