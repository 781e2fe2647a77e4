//! A to-do list for clients without cookies: command lines, apps, other servers.
//!
//! The session is the same as behind a cookie; only the token travels otherwise. A client has two things to do:
//!
//! 1. It sends the token that it holds as `Authorization: Bearer …`.
//! 2. Whenever a response has the header `x-session-token`, that is its token from now on; an empty one means that it
//!    has none any more. Most responses have no such header.
//!
//! ```text
//! $ curl -i localhost:3000/session -H 'content-type: application/json' -d '{"name": "ada"}'
//! x-session-token: LqQJ…
//! $ curl localhost:3000/tasks -H 'authorization: Bearer LqQJ…' -H 'content-type: application/json' -d '"oil the engine"'
//! ["oil the engine"]
//! ```
//!
//! A token is a secret, as a password is. It belongs into no URL and no log.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use session_axum::{
    Key, MemoryStore, Session, SessionData, SessionError, SessionLayer, TypedSession,
};

/// Somebody who is logged in. `user` is required, so without it there is no such view: a handler that takes one is
/// for those who are logged in, and everybody else gets a 401.
#[derive(SessionData)]
struct Account {
    #[session(owner, required)]
    user: String,
    tasks: Vec<String>,
}

/// The name of the header that brings a new token.
pub const TOKEN_HEADER: &str = "x-session-token";

/// A session is a small thing, and what goes in has a bound. All together stay below the layer's `max_record_size` of
/// 64 KiB, beyond which there is a 500: a character takes up to 6 bytes as JSON (`\u0001`), and a text two quotes and a comma.
const MOST_TASKS: usize = 100;
const LONGEST_TASK: usize = 100;
const LONGEST_NAME: usize = 40;

/// The whole application, with its sessions in memory. `key` seals the tokens.
pub fn app(key: Key) -> Router {
    let sessions = SessionLayer::new(MemoryStore::new(), key)
        .token_header(TOKEN_HEADER)
        // Nothing that a browser sends by itself opens a session here: so no page of somebody else can make it send a
        // request in its user's name. With `cookies(true)`, the default, browsers and others share one layer.
        .cookies(false);

    Router::new()
        .route("/session", post(log_in).get(whoami).delete(log_out))
        .route("/tasks", get(tasks).post(add))
        .layer(sessions)
}

#[derive(Deserialize)]
struct LogIn {
    name: String,
}

/// Anybody is believed to be who they say: see the example `login` for passwords.
///
/// Setting the owner rotates: a token from before it opens nothing any more, and the response brings the new one.
async fn log_in(session: Session, Json(LogIn { name }): Json<LogIn>) -> StatusCode {
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return StatusCode::UNPROCESSABLE_ENTITY;
    }
    session.set_owner(&*name);
    StatusCode::NO_CONTENT
}

async fn whoami(account: TypedSession<Account>) -> Json<String> {
    Json(account.user())
}

/// The response brings an empty header: the token is worth nothing any more.
async fn log_out(session: Session) -> StatusCode {
    session.destroy();
    StatusCode::NO_CONTENT
}

async fn tasks(account: TypedSession<Account>) -> Json<Vec<String>> {
    Json(account.tasks())
}

/// A client may send many of them at once.
async fn add(
    account: TypedSession<Account>,
    Json(task): Json<String>,
) -> Result<Response, Refused> {
    if task.is_empty() || task.chars().count() > LONGEST_TASK {
        return Err(Refused::Task);
    }
    // An `Err` of the closure stores nothing.
    let all = account.try_update(|account| {
        if account.tasks.len() == MOST_TASKS {
            return Err(Refused::Full);
        }
        account.tasks.push(task.clone());
        Ok(account.tasks.clone())
    });
    Ok((StatusCode::CREATED, Json(all.await?)).into_response())
}

/// Why a task was not added.
enum Refused {
    Task,
    Full,
    Session(SessionError),
}

impl From<SessionError> for Refused {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Task => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            Self::Full => StatusCode::CONFLICT.into_response(),
            Self::Session(error) => error.into_response(),
        }
    }
}
