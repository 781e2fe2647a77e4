use session_axum::{Key, MemoryStore, SessionLayer};

fn main() {
    let _ = SessionLayer::new(MemoryStore::new(), Key::generate()).same_site("lax");
}
