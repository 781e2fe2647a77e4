use std::collections::HashMap;

use session_axum::{Key, SessionLayer};

fn main() {
    let _ = SessionLayer::new(HashMap::<String, String>::new(), Key::generate());
}
