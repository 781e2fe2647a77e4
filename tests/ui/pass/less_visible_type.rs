//! A public view with a field whose type is private: the accessor is there for who sees the type.

#![deny(
    warnings,
    clippy::pedantic,
    missing_docs,
    private_interfaces,
    private_bounds
)]

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use session_axum::{SessionData, TypedSession};

/// The public view.
#[derive(Debug, SessionData)]
pub struct Visit<T> {
    secret: Secret,
    #[session(required)]
    both: (T, Secret),
}

#[derive(Clone, Copy, Debug, Default)]
struct Secret(u8);

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u8::deserialize(deserializer).map(Secret)
    }
}

/// Uses it.
pub fn main() {
    let _ = |session: &TypedSession<Visit<u8>>| session.secret().0 + session.state().both.0;
}
