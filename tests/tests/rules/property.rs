//! Properties that hold for any input, tried with many.

mod cookies;
mod fields;
mod values;

use proptest::prelude::ProptestConfig;

/// So many cases. A failing one is shown, and kept in no file: what it teaches becomes a test with a name.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    }
}
