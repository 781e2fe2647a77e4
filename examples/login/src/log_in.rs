//! Sign up, log in, log out.
//!
//! What a real application adds: a limit of attempts for each account and address.

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use session_axum::{Session, SessionError, TypedSession};

use crate::accounts::Proof;
use crate::page::{self, Page};
use crate::{Account, App, Device, Visitor, devices};

/// What is typed into the forms. Without `Debug`, so that no log can have it.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

pub(crate) async fn log_in_page(visitor: TypedSession<Visitor>) -> Response {
    if visitor.session().owner().is_some() {
        return Redirect::to("/").into_response();
    }
    page::log_in(None, "", &visitor).into_response()
}

/// Logs in. A wrong name and a wrong password get the same answer, after the same work.
pub(crate) async fn log_in(
    State(app): State<App>,
    visitor: TypedSession<Visitor>,
    device: TypedSession<Device>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, SessionError> {
    let Some(proof) = app.accounts.verify(&form.name, form.password).await else {
        let wrong = Some("That is not a name and password that we know.");
        let page = page::log_in(wrong, &form.name, &visitor);
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
    };
    begin(&app, &device, &proof, &headers).await
}

pub(crate) async fn sign_up_page() -> Page {
    page::sign_up(None, "")
}

/// Makes an account, and logs in.
pub(crate) async fn sign_up(
    State(app): State<App>,
    device: TypedSession<Device>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Result<Response, SessionError> {
    match app.accounts.sign_up(&form.name, form.password).await {
        Ok(proof) => begin(&app, &device, &proof, &headers).await,
        Err(why) => {
            let page = page::sign_up(Some(why), &form.name);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Logs the session in: it gets an owner. That gives it a new generation, and so the browser a new cookie; there is
/// no other step to forget. Never log in by `destroy` and write: the note would be gone, and a request beside this
/// one could overwrite the new cookie.
async fn begin(
    app: &App,
    device: &TypedSession<Device>,
    proof: &Proof,
    headers: &HeaderMap,
) -> Result<Response, SessionError> {
    let session = device.session();
    session.set_state(Account {
        user: proof.user().to_owned(),
    });
    device.set_name(devices::name(headers));
    // Otherwise the commit would be left to the layer, like everywhere else here. But the password may have been
    // changed since it was checked, and the owner's sessions ended while this was not one of them yet. So look
    // again, now that it is.
    match session.commit().await {
        Ok(()) if app.accounts.is_current(proof) => {}
        Ok(()) => session.destroy(),
        // The form was sent twice, and the other one has logged in.
        Err(SessionError::Gone) => {}
        Err(other) => return Err(other),
    }
    Ok(Redirect::to("/").into_response())
}

/// Deletes the session and removes the cookie. A request that is still running can't bring it back.
pub(crate) async fn log_out(session: Session) -> Redirect {
    session.destroy();
    Redirect::to("/log-in")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::routing::get;
    use session_axum::test_util::TestClient;
    use session_axum::{Key, MemoryStore, SessionLayer};

    use super::*;
    use crate::DEMO_ACCOUNTS;
    use crate::accounts::Accounts;

    /// What happens when it is changed between the two steps of `log_in`.
    async fn log_in_while_the_password_is_changed(
        State(app): State<App>,
        device: TypedSession<Device>,
        headers: HeaderMap,
    ) -> Result<Response, SessionError> {
        let (name, password) = DEMO_ACCOUNTS[0];
        let proof = app.accounts.verify(name, password.to_owned()).await;
        let old = app.accounts.hash_of(name);
        let new = app.accounts.hash_new("another password".into()).await;
        let new = new.expect("it is long enough");
        assert!(app.accounts.replace(name, old.as_ref(), new));
        begin(&app, &device, &proof.expect("it is right"), &headers).await
    }

    #[tokio::test]
    async fn a_password_that_is_changed_meanwhile_logs_nobody_in() {
        let layer = SessionLayer::new(MemoryStore::new(), Key::generate());
        let state = App {
            accounts: Arc::new(Accounts::with_demo_accounts()),
            sessions: layer.sessions(),
        };
        let app = Router::new()
            .route("/", get(log_in_while_the_password_is_changed))
            .layer(layer)
            .with_state(state.clone());
        let response = TestClient::new(app).get("/").await;
        let cookie = response.header("set-cookie");
        assert!(cookie.contains("Max-Age=0"), "{cookie}");
        let (name, _) = DEMO_ACCOUNTS[0];
        assert_eq!(state.sessions.count(name).await.unwrap(), 0);
    }
}
