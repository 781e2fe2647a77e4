//! What the derive says to a mistake, and what it writes for a view.

mod mistakes;
mod snapshots;
