use session_axum::{Key, MemoryStore, SessionLayer};

fn main() {
    let _ = SessionLayer::new(MemoryStore::new(), Key::from_env("SESSION_KEY"));
}
