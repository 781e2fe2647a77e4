use session_axum::Key;

fn main() {
    let _ = Key::try_from("a secret");
}
