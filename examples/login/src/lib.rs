//! Log-in around a session: accounts with hashed passwords, "your devices", step-up, and CSRF protection.
//!
//! Read this file first: it has the views, the routes and the layers. Then the handlers, `log_in`, `devices` and
//! `password`, each a screen or two; `guards` keeps strangers out of them. `accounts` knows passwords and nothing
//! of sessions, `page` is the HTML. As in the counter there is no script, and [`app`] is apart from `main`.

mod accounts;
mod devices;
mod guards;
mod log_in;
mod page;
mod password;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use serde::Deserialize;
use session_axum::{
    AtLimit, Key, MemoryStore, SessionData, SessionError, SessionLayer, Sessions, TypedSession,
};
use tower_http::csrf::CsrfLayer;

use accounts::Accounts;
pub use accounts::DEMO_ACCOUNTS;
use guards::LoggedIn;
use page::Page;

/// Who is logged in. There is no such view in the session of somebody who is not: `user` is required.
///
/// The owner is no field like others. Setting it gives the session a new generation in the same step, so that the
/// cookie from before the log-in is worth nothing; and by it the session is found in the list of devices.
#[derive(SessionData)]
struct Account {
    #[session(owner, required)]
    user: String,
}

/// What the list of devices calls the session. A view of its own, because the list needs no more.
#[derive(SessionData)]
#[session(prefix = "device.")]
struct Device {
    name: String,
}

/// What we keep for everybody. The note of a visitor is still there after the log-in (from no owner to one, fields
/// stay), but not when somebody else logs in on the same browser (from one owner to another, they go).
#[derive(SessionData)]
struct Visitor {
    note: Option<String>,
    /// What the last form has to say, once.
    #[session(flash)]
    notice: Option<String>,
}

#[derive(Clone)]
struct App {
    accounts: Arc<Accounts>,
    sessions: Sessions,
}

/// The whole application. `key` seals the cookies, `store` holds the sessions for as long as the accounts live:
/// both are in memory.
pub fn app(key: Key, store: MemoryStore) -> Router {
    let sessions = SessionLayer::new(store, key)
        .cookie_name("login_sid")
        .max_sessions_per_owner(10, AtLimit::EvictOldest)
        // Only because this example serves plain http on loopback, where not every client sends a cookie marked
        // `Secure` back. Leave the line out of whatever you deploy, and name the cookie `__Host-…`.
        .secure(false);
    let app = App {
        accounts: Arc::new(Accounts::with_demo_accounts()),
        sessions: sessions.sessions(),
    };

    Router::new()
        .route("/", get(home))
        .route("/note", post(save_note))
        .route("/sign-up", get(log_in::sign_up_page).post(log_in::sign_up))
        .route("/log-in", get(log_in::log_in_page).post(log_in::log_in))
        .route("/log-out", post(log_in::log_out))
        .route("/devices/log-out", post(devices::log_out_there))
        .route("/devices/log-out-others", post(devices::log_out_others))
        .route("/password", get(password::page).post(password::change))
        .route(
            "/confirm",
            get(password::confirm_page).post(password::confirm),
        )
        .route("/page.css", get(page::css))
        // No form here is longer: a password or a note has this bound, too.
        .layer(DefaultBodyLimit::max(8 * 1024))
        .layer(sessions)
        // The last layer is the outermost: a form that another site sent is refused before the session layer and
        // everything below see it. It loads and touches no session, can log nobody in or out, and gets no cookie.
        // It is judged by the browser's own headers (`Sec-Fetch-Site`, `Origin`), so no form has to carry a token.
        // GET passes: that is why nothing here is changed by GET.
        .layer(CsrfLayer::new().with_rejection_response(|_| page::from_elsewhere()))
        .with_state(app)
}

/// The page of somebody who is logged in; [`LoggedIn`] shows everybody else the way to the log-in.
async fn home(
    State(app): State<App>,
    LoggedIn(account): LoggedIn,
    visitor: TypedSession<Visitor>,
) -> Result<Page, SessionError> {
    // The views share one session, loaded once. The list is a call of the store.
    let user = account.user();
    let devices = app.sessions.list(&user, Some(account.session())).await?;
    Ok(page::home(&user, &devices, &visitor))
}

#[derive(Deserialize)]
struct NoteForm {
    note: String,
}

/// Saves the note, for visitors too.
async fn save_note(visitor: TypedSession<Visitor>, Form(form): Form<NoteForm>) -> Redirect {
    let note = form.note.trim();
    visitor.set_note((!note.is_empty()).then(|| note.to_owned()));
    visitor.set_notice(Some("Your note is saved.".to_owned()));
    Redirect::to("/")
}
