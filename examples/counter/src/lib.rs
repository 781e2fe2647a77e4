//! A counter in a session, the first program to read.
//!
//! A page with a count, a name and a few buttons, and the same count as JSON. There is no script on
//! the page: each button is a form that is posted, changes the session and leads back to the page.
//!
//! [`app`] is apart from `main`, so that the tests can call it without a server.

mod page;

use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use session_axum::{
    Key, MemoryStore, SessionData, SessionError, SessionLayer, SessionStore, TypedSession,
};
use tower_http::csrf::CsrfLayer;

/// What we remember of a visitor.
///
/// The derive gives `TypedSession<Visitor>` a getter and a setter for each field: `count()`,
/// `set_count(..)`, and so on. A field that was never set reads as its default.
#[derive(SessionData)]
struct Visitor {
    count: u64,
    name: Option<String>,
    /// What the last form has to say. Reading a flash field removes it, so it is shown once.
    #[session(flash)]
    notice: Option<String>,
}

/// The whole application, with its sessions in the memory of this process. `key` seals the cookies.
pub fn app(key: Key) -> Router {
    app_on(MemoryStore::new(), key)
}

/// The same with its sessions in any store: several processes with one database and one key count as one.
pub fn app_on(store: impl SessionStore, key: Key) -> Router {
    // `secure(false)` is here only because this example serves plain http on loopback, where not
    // every client sends a cookie marked `Secure` back. Leave the line out of whatever you deploy.
    let sessions = SessionLayer::new(store, key).secure(false);

    Router::new()
        .route("/", get(show))
        .route("/increment", post(increment))
        .route("/name", post(save_name))
        .route("/clear", post(start_afresh))
        .route("/end", post(end))
        .route("/api/counter", get(count_up))
        .layer(sessions)
        // The last layer is the outermost: a form that another site sent is refused before it meets the session. GET
        // passes, so others can make `/api/counter` count: what matters more than a count is never changed by GET.
        .layer(CsrfLayer::new())
}

/// Shows the page. Reading is synchronous and can't fail: the record was loaded with the extractor.
///
/// Somebody who only looks gets no cookie and takes no place in the store. The one thing that this
/// handler may change is the notice, which is gone once it was shown.
async fn show(session: TypedSession<Visitor>) -> Html<String> {
    Html(page::render(&page::Page {
        has_session: !session.session().is_new(),
        count: session.count(),
        name: session.name(),
        notice: session.notice(),
    }))
}

/// The same count for programs: `{"test_counter": 1}`, then 2, then 3.
///
/// `update` is atomic. However many requests of one visitor run at once, each counts exactly once.
/// `session.set_count(session.count() + 1)` would lose some: between the two calls, another request
/// may have counted.
async fn count_up(session: TypedSession<Visitor>) -> Result<Json<Count>, SessionError> {
    let test_counter = session.update(count_one).await?;
    Ok(Json(Count { test_counter }))
}

#[derive(Serialize)]
struct Count {
    test_counter: u64,
}

/// The button. Each of the forms answers 303, so that a reload shows the page and posts nothing again.
async fn increment(session: TypedSession<Visitor>) -> Result<Redirect, SessionError> {
    session.update(count_one).await?;
    Ok(Redirect::to("/"))
}

fn count_one(visitor: &mut Visitor) -> u64 {
    visitor.count += 1;
    visitor.count
}

/// The longest name that we keep. A session is a small thing, and what goes in should have a bound.
const LONGEST_NAME: usize = 40;

#[derive(Deserialize)]
struct NameForm {
    name: String,
}

/// Saves the name. A setter only stages: the change is stored in one commit before the response
/// leaves, and a request that counts meanwhile keeps its count, because only these two fields are sent.
async fn save_name(session: TypedSession<Visitor>, Form(form): Form<NameForm>) -> Redirect {
    let name = form.name.trim();
    let notice = if name.is_empty() {
        session.remove_name();
        "Your name is forgotten.".to_owned()
    } else if name.chars().count() > LONGEST_NAME {
        format!("A name has at most {LONGEST_NAME} characters.")
    } else {
        session.set_name(Some(name.to_owned()));
        format!("Your name is saved, {name}.")
    };
    session.set_notice(Some(notice));
    Redirect::to("/")
}

/// Sets every field of `Visitor` back to its default. The session and its cookie stay.
async fn start_afresh(session: TypedSession<Visitor>) -> Redirect {
    session.clear();
    session.set_notice(Some("A fresh start.".to_owned()));
    Redirect::to("/")
}

/// Deletes the session and removes the cookie, as a logout does.
async fn end(session: TypedSession<Visitor>) -> Redirect {
    session.session().destroy();
    Redirect::to("/")
}
