//! A store of one's own: [`FileStore`] keeps each session in a file.
//!
//! Read `store` first: it is the contract, in eight methods. `file` is what is in a file. The test `conformance` is as
//! important as both: it has thirty lines, and runs the suite that every store has to pass.
//!
//! The application around it only counts visits. Whatever the store, it looks the same.

mod file;
mod store;

use axum::Router;
use axum::routing::get;
use session_axum::{Key, SessionData, SessionError, SessionLayer, SessionStore, TypedSession};

pub use store::FileStore;

#[derive(SessionData)]
struct Visitor {
    visits: u64,
}

/// The whole application, with its sessions in `store`. `key` seals the cookies.
pub fn app(store: impl SessionStore, key: Key) -> Router {
    // `secure(false)` is here only because this example serves plain http on loopback, where not
    // every client sends a cookie marked `Secure` back. Leave the line out of whatever you deploy.
    let sessions = SessionLayer::new(store, key).secure(false);
    Router::new().route("/", get(visit)).layer(sessions)
}

async fn visit(visitor: TypedSession<Visitor>) -> Result<String, SessionError> {
    let visits = visitor.update(|visitor| {
        visitor.visits += 1;
        visitor.visits
    });
    Ok(format!("Visit {}\n", visits.await?))
}
