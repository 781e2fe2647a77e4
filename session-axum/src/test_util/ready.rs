//! Sessions made ready: through the same commit as any other.

use std::{panic::Location, sync::Arc};

use session_core::{
    __private::write_state, CookieChange, Finished, Presented, Session, SessionData,
};

use crate::SessionLayer;

/// Makes a session of the layer's store in which the view has this state, and gives its token, sealed: the cookie's
/// value, or what follows `Authorization: Bearer` where the layer has a
/// [`token_header`](SessionLayer::token_header). For clients other than a [`TestClient`](super::TestClient).
///
/// ```
/// use axum::{Router, routing::get};
/// use session_axum::{
///     Key, MemoryStore, SessionData, SessionLayer, TypedSession,
///     test_util::{TestClient, sealed_token},
/// };
///
/// #[derive(SessionData)]
/// struct Visit {
///     count: u64,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let layer = SessionLayer::new(MemoryStore::new(), Key::generate()).token_header("x-session-token");
/// let app = Router::new()
///     .route("/", get(async |visit: TypedSession<Visit>| visit.count().to_string()))
///     .layer(layer.clone());
///
/// let token = sealed_token(&layer, Visit { count: 7 }).await;
/// let request = TestClient::new(app).get("/").header("authorization", format!("Bearer {token}"));
/// assert_eq!(request.await.body, "7");
/// # }
/// ```
///
/// # Panics
///
/// Where nothing comes of it: the store fails, or nothing is in the state.
#[track_caller]
pub fn sealed_token<T: SessionData, L>(
    layer: &SessionLayer<L>,
    state: T,
) -> impl Future<Output = String> {
    let ready = Ready::here("sealed_token");
    async move { ready.sealed_token(layer, &state).await }
}

/// Who asked for a session, and where: a future's own panic would not tell.
pub(super) struct Ready {
    what: &'static str,
    caller: &'static Location<'static>,
}

impl Ready {
    #[track_caller]
    pub(super) fn here(what: &'static str) -> Self {
        Self {
            what,
            caller: Location::caller(),
        }
    }

    /// The name of the layer's cookie.
    pub(super) fn cookie_of<'a, L>(&self, layer: &'a SessionLayer<L>) -> &'a str {
        if !layer.config.cookies {
            self.fail("the layer takes no cookies: send a `sealed_token` in its header");
        }
        layer.config.sealer.name()
    }

    pub(super) async fn sealed_token<T: SessionData, L>(
        &self,
        layer: &SessionLayer<L>,
        state: &T,
    ) -> String {
        let config = &layer.config;
        if let Err(error) = config.check() {
            self.fail(error);
        }
        let session = Session::open(Arc::clone(&config.backend), Presented::Nothing).await;
        let session = session.unwrap_or_else(|error| self.fail(format!("{error:?}")));
        write_state(&session, state);
        let finished = Finished::of(&session, false).await;
        match (finished.error, finished.cookie) {
            (None, CookieChange::Set { token, .. }) => config.sealer.seal(token),
            (Some(error), _) => self.fail(format!("{error}: {error:?}")),
            (None, CookieChange::Keep | CookieChange::Remove) => self.fail(
                "nothing of this state is stored, so there is no session: a client without one reads the same",
            ),
        }
    }

    fn fail(&self, why: impl std::fmt::Display) -> ! {
        panic!("`{}` at {}: {why}", self.what, self.caller)
    }
}
