use session_axum::{Key, MemoryStore, SessionLayer};

fn main() {
    let store = MemoryStore::new();
    let _ = SessionLayer::new(&store, Key::generate());
}
