//! A shop whose page sends many requests at once: none of what they add is lost.
//!
//! The session is shared by two libraries, `basket` and `history`, which know nothing of each other. Each has a view
//! of its own, with a prefix of its own. Read them after this file; `page` is the HTML, with a script of one screen.

mod basket;
mod history;
mod page;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Html;
use axum::routing::get;
use session_axum::{Key, MemoryStore, SessionLayer, TypedSession};
use tower_http::csrf::CsrfLayer;

use basket::Basket;
use history::History;

/// What is sold here: a name for the address, and what is said of it.
pub const GOODS: [(&str, &str); 12] = [
    ("bell", "Heard around the corner."),
    ("brake", "The best part of going fast."),
    ("chain", "116 links, and none is the weakest."),
    ("fork", "Not for the lunch box."),
    ("helmet", "For the one head that you have."),
    ("lamp", "Sees, and is seen."),
    ("lock", "Stays when you go."),
    ("pedal", "Left or right: say so at the counter."),
    ("pump", "Twelve strokes to the bar."),
    ("saddle", "Hard for a week, then for ever yours."),
    ("spoke", "Sold one by one."),
    ("tyre", "Round, black, and holds air."),
];

/// The whole application. `key` seals the cookies, `store` holds the sessions.
pub fn app(key: Key, store: MemoryStore) -> Router {
    // `secure(false)` is here only because this example serves plain http on loopback, where not
    // every client sends a cookie marked `Secure` back. Leave the line out of whatever you deploy.
    let sessions = SessionLayer::new(store, key).secure(false);

    Router::new()
        .route("/goods/{item}", get(describe))
        .route_layer(from_fn(history::note))
        .route("/", get(shop))
        .merge(basket::routes(|item| about(item).is_some()))
        .merge(history::routes())
        // One layer for all: the libraries bring none of their own.
        .layer(sessions)
        // The last layer is the outermost: what a page of another site sends is refused before it meets the session.
        .layer(CsrfLayer::new())
}

fn about(item: &str) -> Option<&'static str> {
    let goods = GOODS.iter().find(|(name, _)| *name == item);
    goods.map(|(_, about)| *about)
}

/// The page. It reads both views, from one load.
async fn shop(basket: TypedSession<Basket>, history: TypedSession<History>) -> Html<String> {
    Html(page::shop(&basket.items(), &history.items()))
}

async fn describe(Path(item): Path<String>) -> Result<Html<String>, StatusCode> {
    let about = about(&item).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Html(page::item(&item, about)))
}
