//! The pages that somebody looked at last. A second library: a middleware that asks nothing of the handlers below it.

use axum::Json;
use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use session_axum::{SessionData, SessionError, TypedSession};

/// The last pages, the newest first.
///
/// Its field has the same name as the basket's. The prefixes keep them apart.
#[derive(SessionData)]
#[session(prefix = "history.")]
pub(crate) struct History {
    items: Vec<String>,
}

/// As many are kept.
const KEPT: usize = 20;

/// `GET /history`.
pub(crate) fn routes() -> Router {
    Router::new().route("/history", get(show))
}

async fn show(history: TypedSession<History>) -> Json<Vec<String>> {
    Json(history.items())
}

/// Notes each page that was shown.
///
/// The handler below may take the session, too, with a view of its own: it is loaded once for both.
pub(crate) async fn note(
    history: TypedSession<History>,
    request: Request,
    next: Next,
) -> Result<Response, SessionError> {
    let page = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.status().is_success() {
        let newest_first = |history: &mut History| {
            history.items.retain(|other| *other != page);
            history.items.insert(0, page.clone());
            history.items.truncate(KEPT);
        };
        history.update(newest_first).await?;
    }
    Ok(response)
}
