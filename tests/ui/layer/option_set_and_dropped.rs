#![deny(unused_must_use)]

use session_axum::{Key, MemoryStore, SessionLayer};

fn main() {
    let layer = SessionLayer::new(MemoryStore::new(), Key::generate());
    layer.clone().secure(false);
    let _ = layer;
}
