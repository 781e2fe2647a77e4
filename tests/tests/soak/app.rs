//! What the browsers talk to.

use std::time::Duration;

use axum::{Router, extract::Path, routing::get};
use session_axum::{Key, SessionData, SessionError, SessionLayer, Sessions, TypedSession};

use crate::store::Unreliable;

pub(crate) const IDLE: Duration = Duration::from_hours(1);
pub(crate) const ABSOLUTE: Duration = Duration::from_hours(8);
pub(crate) const TOUCH_INTERVAL: Duration = Duration::from_mins(3);
pub(crate) const ROTATE_EVERY: Duration = Duration::from_mins(10);
pub(crate) const GRACE: Duration = Duration::from_secs(30);

#[derive(SessionData)]
struct Page {
    a: u64,
    b: u64,
    shared: u64,
    #[session(keep)]
    kept: u64,
    count: u64,
    #[session(owner)]
    owner: Option<u64>,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Look,
    Touch,
    WriteA,
    WriteB,
    WriteShared,
    WriteKept,
    Update,
    Rotate,
    SetOwner,
    ClearOwner,
    LogOut,
    LogOutEverywhere,
    /// Destroys, and then writes `a`.
    Restart,
}

impl Op {
    /// `to`: the value, or the number of the owner.
    pub(crate) fn path(self, to: u64) -> String {
        match self {
            Self::Look => "/look".to_owned(),
            Self::Touch => "/touch".to_owned(),
            Self::WriteA => format!("/a/{to}"),
            Self::WriteB => format!("/b/{to}"),
            Self::WriteShared => format!("/shared/{to}"),
            Self::WriteKept => format!("/kept/{to}"),
            Self::Update => "/update".to_owned(),
            Self::Rotate => "/rotate".to_owned(),
            Self::SetOwner => format!("/owner/{to}"),
            Self::ClearOwner => "/no-owner".to_owned(),
            Self::LogOut => "/log-out".to_owned(),
            Self::LogOutEverywhere => "/log-out-everywhere".to_owned(),
            Self::Restart => format!("/restart/{to}"),
        }
    }

    /// Ends the session, in whatever way.
    pub(crate) fn ends(self) -> bool {
        matches!(self, Self::LogOut | Self::LogOutEverywhere | Self::Restart)
    }

    /// Who loaded before it can't write after it.
    pub(crate) fn is_barrier(self) -> bool {
        matches!(self, Self::Rotate | Self::SetOwner | Self::ClearOwner)
    }
}

pub(crate) fn app(store: &Unreliable) -> Router {
    let layer = SessionLayer::new(store.clone(), Key::generate())
        .idle_timeout(IDLE)
        .absolute_timeout(ABSOLUTE)
        .touch_interval(TOUCH_INTERVAL)
        .rotate_every(ROTATE_EVERY)
        .rotation_grace(GRACE);
    let sessions = layer.sessions();
    let everywhere = get(async move |page| log_out_everywhere(sessions, page).await);
    Router::new()
        .route("/look", get(look))
        .route(
            "/touch",
            get(async |page: Pages| page.session().touch().await),
        )
        .route(
            "/a/{to}",
            get(async |page: Pages, Path(to): Path<u64>| page.set_a(to)),
        )
        .route(
            "/b/{to}",
            get(async |page: Pages, Path(to): Path<u64>| page.set_b(to)),
        )
        .route(
            "/shared/{to}",
            get(async |page: Pages, Path(to): Path<u64>| page.set_shared(to)),
        )
        .route(
            "/kept/{to}",
            get(async |page: Pages, Path(to): Path<u64>| page.set_kept(to)),
        )
        .route(
            "/update",
            get(async |page: Pages| page.update(|page| page.count += 1).await),
        )
        .route("/rotate", get(async |page: Pages| page.session().rotate()))
        .route(
            "/owner/{to}",
            get(async |page: Pages, Path(to): Path<u64>| page.set_owner(Some(to))),
        )
        .route("/no-owner", get(async |page: Pages| page.set_owner(None)))
        .route(
            "/log-out",
            get(async |page: Pages| page.session().destroy()),
        )
        .route("/log-out-everywhere", everywhere)
        .route(
            "/restart/{to}",
            get(async |page: Pages, Path(to): Path<u64>| {
                page.session().destroy();
                page.set_a(to);
            }),
        )
        .layer(layer)
}

type Pages = TypedSession<Page>;

async fn log_out_everywhere(sessions: Sessions, page: Pages) -> Result<(), SessionError> {
    if let Some(owner) = page.owner() {
        sessions.revoke_all(&owner.to_string()).await?;
    }
    Ok(())
}

async fn look(page: Pages) -> String {
    let session = page.session();
    let state = page.state();
    serde_json::to_string(&(
        session.fingerprint().map(|session| session.to_string()),
        format!("{:?}", session.status()),
        (
            state.owner,
            state.a,
            state.b,
            state.shared,
            state.kept,
            state.count,
        ),
    ))
    .expect("JSON")
}
