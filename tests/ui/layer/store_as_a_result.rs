use std::io;

use session_axum::{Key, MemoryStore, SessionLayer};

fn connect() -> Result<MemoryStore, io::Error> {
    Ok(MemoryStore::new())
}

fn main() {
    let _ = SessionLayer::new(connect(), Key::generate());
}
