//! A basket. It stands for a library by somebody else: it knows neither what is sold here nor who else is in the session.

use std::collections::BTreeMap;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use session_axum::{SessionData, SessionError, TypedSession};

/// What somebody wants to buy.
///
/// The prefix is part of the stored names: this field is `basket.items`, and another library's `items` is another one.
#[derive(SessionData)]
#[session(prefix = "basket.")]
pub(crate) struct Basket {
    items: BTreeMap<String, u32>,
}

/// Tells whether something is for sale.
pub(crate) type Sells = fn(&str) -> bool;

/// `GET /basket`, `POST /basket/{item}` for one more, and `DELETE /basket`.
pub(crate) fn routes(sells: Sells) -> Router {
    Router::new()
        .route("/basket", get(show).delete(empty))
        .route("/basket/{item}", post(add))
        .with_state(sells)
}

async fn show(basket: TypedSession<Basket>) -> Json<BTreeMap<String, u32>> {
    Json(basket.items())
}

/// One more of an item.
///
/// All items are one field, and of two requests that set one field the later wins. So this is an `update`: it sees
/// the newest basket, and runs again if another request was faster. None of many at once is lost.
async fn add(
    State(sells): State<Sells>,
    Path(item): Path<String>,
    basket: TypedSession<Basket>,
) -> Result<Response, SessionError> {
    // Also the bound of what a session can hold.
    if !sells(&item) {
        return Ok(StatusCode::NOT_FOUND.into_response());
    }
    let wanted = basket.update(|basket| {
        let wanted = basket.items.entry(item.clone()).or_default();
        *wanted = wanted.saturating_add(1);
        *wanted
    });
    Ok(Json(wanted.await?).into_response())
}

/// Clears this view's fields only.
async fn empty(basket: TypedSession<Basket>) -> StatusCode {
    basket.clear();
    StatusCode::NO_CONTENT
}
