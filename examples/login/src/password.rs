//! Changing the password, after typing it once more.

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use session_axum::{SessionError, TypedSession};

use crate::guards::{Confirmed, LoggedIn};
use crate::page::{self, Page};
use crate::{App, Visitor};

#[derive(Deserialize)]
pub(crate) struct PasswordForm {
    password: String,
}

pub(crate) async fn page(Confirmed(account): Confirmed) -> Page {
    page::change_password(None, &account.user())
}

/// Changes the password and logs out all other devices: one of them may be why it is changed.
pub(crate) async fn change(
    State(app): State<App>,
    Confirmed(account): Confirmed,
    visitor: TypedSession<Visitor>,
    Form(form): Form<PasswordForm>,
) -> Result<Response, SessionError> {
    let user = account.user();
    let refused = |why| {
        let page = page::change_password(Some(why), &user);
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let old = app.accounts.hash_of(&user);
    let new = match app.accounts.hash_new(form.password).await {
        Ok(new) => new,
        Err(why) => return refused(why),
    };
    // That took a while. Whoever was logged out meanwhile, or came second, must not undo the change of the other.
    account.session().refresh().await?;
    if !app.accounts.replace(&user, old.as_ref(), new) {
        return refused("Your password was changed meanwhile.");
    }
    // In this order: whoever logs in from now on needs the new password.
    app.sessions.revoke_others(&user, account.session()).await?;
    visitor.set_notice(Some(
        "Your password is changed, and all other devices are logged out.".to_owned(),
    ));
    Ok(Redirect::to("/").into_response())
}

pub(crate) async fn confirm_page(LoggedIn(account): LoggedIn) -> Page {
    page::confirm(None, &account.user())
}

/// Step-up. Setting the same owner again is a log-in like the first: it renews the time that `require_fresh` looks
/// at, and the cookie. The fields stay.
///
/// It leads back to the one page that asks for it. With several of them, keep the way back in the session, not in
/// the address or the form, where others could write where it leads.
pub(crate) async fn confirm(
    State(app): State<App>,
    LoggedIn(account): LoggedIn,
    Form(form): Form<PasswordForm>,
) -> Response {
    let user = account.user();
    if app.accounts.verify(&user, form.password).await.is_none() {
        let page = page::confirm(Some("That is not your password."), &user);
        return (StatusCode::UNPROCESSABLE_ENTITY, page).into_response();
    }
    account.set_user(user);
    Redirect::to("/password").into_response()
}
