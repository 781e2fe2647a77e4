use session_axum::{Key, MemoryStore, SessionLayer};

fn main() {
    let _ = SessionLayer::named(MemoryStore::new(), Key::generate());
}
