//! A session in a WebSocket: it may live for hours, and the session may change or end meanwhile, in any process.
//!
//! A page for those who are logged in counts clicks through a socket. Two tabs count as one, and a log-out in one tab, or
//! through another process on the same store, closes the sockets of all others.
//!
//! `serve` is the part to read, and `answer` below it.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use axum::{Form, Router};
use serde::Deserialize;
use session_axum::{
    Key, Session, SessionData, SessionError, SessionLayer, SessionStore, TypedSession,
};
use tower_http::csrf::CsrfLayer;

/// Somebody who is logged in; without `user` there is no such view.
#[derive(SessionData)]
struct Clicker {
    #[session(owner, required)]
    user: String,
    clicks: u64,
}

/// The whole application. `key` seals the cookies, and a socket asks the store this often whether its session has ended:
/// each open socket costs one load in that time.
pub fn app(store: impl SessionStore, key: Key, ask_every: Duration) -> Router {
    // `secure(false)` is here only because this example serves plain http on loopback, where not
    // every client sends a cookie marked `Secure` back. Leave the line out of whatever you deploy.
    let sessions = SessionLayer::new(store, key).secure(false);

    Router::new()
        .route("/", get(page))
        .route("/log-in", post(log_in))
        .route("/log-out", post(log_out))
        .route("/socket", any(upgrade))
        .layer(sessions)
        // A form that another site sent is refused before it meets the session. A socket begins with a GET, which
        // passes here: `upgrade` looks for itself.
        .layer(CsrfLayer::new())
        .with_state(ask_every)
}

/// A handler before the upgrade is one as any other: who is not logged in gets a 401, and no socket.
async fn upgrade(
    State(ask_every): State<Duration>,
    session: TypedSession<Clicker>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_from_here(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    upgrade
        .max_message_size(1024)
        .on_upgrade(move |socket| serve(socket, session, ask_every))
}

/// Any page of the world may open a socket to us, and the browser sends our cookie along where it deems the page to be of
/// the same site, such as one on a sibling domain. But it tells whose page it is.
fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => origin
            .split_once("://")
            .is_some_and(|(_, page)| page == host),
        // Not a browser.
        (None, _) => !headers.contains_key(header::ORIGIN),
        (Some(_), None) => false,
    }
}

/// The close code that tells the page that its session is over, so that it does not connect again. From 4000 on they are
/// an application's own (RFC 6455, 7.4.2).
pub const SESSION_ENDED: u16 = 4001;

/// One socket. The head of the response has left, so the cookie can't change any more, and plain setters are refused. What
/// goes to the store by itself still works: `update`, `refresh`, `touch`, `commit`.
async fn serve(mut socket: WebSocket, session: TypedSession<Clicker>, ask_every: Duration) {
    let why = loop {
        let message = tokio::select! {
            // Asks the store from time to time, for the session may end in another tab or in another process: by a
            // log-out, by a revocation, by a log-in that renews the cookie, or by its deadline. It can be dropped and
            // called anew in each round of the loop.
            status = session.session().ended_asking_every(ask_every) => break format!("{status:?}"),
            message = socket.recv() => message,
        };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            // Pings are answered by axum.
            Some(Ok(_)) => continue,
        };
        match answer(&text, &session).await {
            Ok(answer) => {
                if socket.send(Message::text(answer)).await.is_err() {
                    return;
                }
            }
            // It ended since it was last asked for: nothing was written.
            Err(SessionError::Gone) => break format!("{:?}", session.session().status()),
            // The store failed. The socket may live on.
            Err(error) => {
                let sorry = Message::text(format!("not now: {}", error.status()));
                if socket.send(sorry).await.is_err() {
                    return;
                }
            }
        }
    };
    let close = CloseFrame {
        code: SESSION_ENDED,
        reason: why.into(),
    };
    // Whether it arrives or not: this is the end.
    let _ = socket.send(Message::Close(Some(close))).await;
}

async fn answer(text: &str, session: &TypedSession<Clicker>) -> Result<String, SessionError> {
    match text {
        // Somebody is here and does something, as by a request. A touch renews the expiry (at most once in each touch
        // interval), without which the session would end under the hands of a user who only uses the socket.
        "click" => {
            session.session().touch().await?;
            let clicks = session.update(|clicker| {
                clicker.clicks += 1;
                clicker.clicks
            });
            Ok(clicks.await?.to_string())
        }
        // What a page asks by itself, with nobody there: `refresh` reads the newest record and renews nothing. Without
        // it, `clicks()` would still tell what it was when the socket was opened.
        "look" => {
            session.session().refresh().await?;
            Ok(session.clicks().to_string())
        }
        _ => Ok("say click or look".to_owned()),
    }
}

async fn page(clicker: Option<TypedSession<Clicker>>) -> Html<&'static str> {
    Html(match clicker {
        Some(_) => include_str!("clicks.html"),
        None => include_str!("log_in.html"),
    })
}

#[derive(Deserialize)]
struct LogIn {
    name: String,
}

/// Anybody is believed to be who they say: see the example `login` for passwords.
async fn log_in(
    session: Session,
    Form(LogIn { name }): Form<LogIn>,
) -> Result<Redirect, StatusCode> {
    if name.is_empty() || name.len() > 100 {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    session.set_owner(&*name);
    Ok(Redirect::to("/"))
}

async fn log_out(session: Session) -> Redirect {
    session.destroy();
    Redirect::to("/")
}
