//! What most tests begin with.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, Request, header},
    routing::get,
};
use session_axum::{
    Key, ManualClock, MemoryStore, Record, Session, SessionData, SessionError, SessionLayer,
    SessionStore, TypedSession,
};
use session_tests::{Answer, Browser, SpyStore};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_mins(1);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What a shop knows of its visitor.
#[derive(SessionData)]
pub(crate) struct Account {
    #[session(owner)]
    pub(crate) user: Option<u64>,
    pub(crate) basket: Vec<String>,
    pub(crate) visits: u64,
    #[session(keep)]
    pub(crate) lang: Option<String>,
}

pub(crate) type Accounts = TypedSession<Account>;

/// The one key of all tests that need no other.
pub(crate) fn key() -> Key {
    static KEY: LazyLock<Key> = LazyLock::new(|| secret("the secret of the tests of log-ins"));
    KEY.clone()
}

pub(crate) fn secret(secret: &str) -> Key {
    Key::derive_from(secret).expect("32 bytes")
}

pub(crate) fn layer(store: &(impl SessionStore + Clone)) -> SessionLayer {
    session_tests::layer(store, key())
}

/// A browser in front of the usual routes.
pub(crate) fn browse(layer: SessionLayer) -> Browser {
    with(layer, Router::new())
}

/// A browser in front of these routes and the usual ones.
pub(crate) fn with(layer: SessionLayer, routes: Router) -> Browser {
    Browser::new(usual().merge(routes).layer(layer))
}

/// A spy in front of a memory store whose time stands still.
pub(crate) fn timed() -> (ManualClock, SpyStore) {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    (clock, SpyStore::around(store))
}

/// The record of the latest call.
pub(crate) async fn record(store: &SpyStore) -> Arc<Record> {
    let record = store.inner.load(store.last_id()).await;
    record.expect("a memory store").expect("it lives")
}

/// The sealed token in a browser's cookie.
pub(crate) fn token(browser: &Browser) -> String {
    browser.cookie("sid").expect("it has a cookie")
}

/// Sends `GET path` with these headers and nothing else.
pub(crate) async fn get_with(
    browser: &Browser,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(HeaderName::from_static(name), *value);
    }
    let request = request.body(axum::body::Body::empty());
    browser.send(request.expect("a request")).await
}

/// Who this token is, by the app's own words.
pub(crate) async fn whose(browser: &Browser, token: &str) -> String {
    let cookie = format!("sid={token}");
    let headers = [(header::COOKIE.as_str(), &*cookie)];
    let stranger = browser.copy();
    get_with(&stranger, "/whoami", &[("cookie", headers[0].1)])
        .await
        .body
}

fn usual() -> Router {
    Router::new()
        .route(
            "/whoami",
            get(async |session: Session| session.owner().unwrap_or_else(|| "nobody".to_owned())),
        )
        .route(
            "/status",
            get(async |session: Session| format!("{:?}", session.status())),
        )
        .route(
            "/log_in/{owner}",
            get(async |session: Session, Path(owner): Path<String>| {
                session.set_owner(owner.as_str());
            }),
        )
        .route("/log_out", get(async |session: Session| session.destroy()))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route(
            "/write/{name}/{value}",
            get(
                async |session: Session, Path(field): Path<(String, String)>| {
                    session.insert(field.0, field.1);
                },
            ),
        )
        .route(
            "/read/{name}",
            get(async |session: Session, Path(name): Path<String>| {
                session.get::<String>(&name).unwrap_or_default()
            }),
        )
        .route("/visit", get(visit))
        .route("/touch", get(touch))
}

/// Counts visits, atomically.
async fn visit(account: Accounts) -> Result<String, SessionError> {
    let visits = account.update(|account| {
        account.visits += 1;
        account.visits
    });
    Ok(visits.await?.to_string())
}

async fn touch(session: Session) -> Result<(), SessionError> {
    session.touch().await
}

/// Bytes as two digits each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    bytes.iter().flat_map(digits).flatten().collect()
}
