//! What a request carries from the layer to the extractors: a place for its session, filled at the first extraction.

use std::{fmt, marker::PhantomData, sync::Arc};

use http::HeaderMap;
use session_core::{Presented, Session, StoreError};
use tokio::sync::OnceCell;

use crate::{config::Config, cookie};

/// In the request's extensions, one for each marker.
pub(crate) enum Slot<L> {
    /// The request asked for no session handling.
    Skipped,
    Open(Arc<Place>, PhantomData<fn() -> L>),
}

pub(crate) struct Place {
    pub(crate) config: Arc<Config>,
    session: OnceCell<Result<Session, StoreError>>,
}

impl Place {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            session: OnceCell::new(),
        }
    }

    /// The request's session: opened and loaded at the first call, shared by all later ones (R3).
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Session, StoreError> {
        let opened = self.session.get_or_init(|| {
            let presented = self.presented(headers);
            Session::open(Arc::clone(&self.config.backend), presented)
        });
        opened.await.clone()
    }

    /// What came of the extractions, if there were any.
    pub(crate) fn used(&self) -> Option<&Result<Session, StoreError>> {
        self.session.get()
    }

    /// Tokens, not texts, are compared: of one session the newest counts, and two sessions are none.
    fn presented(&self, headers: &HeaderMap) -> Presented {
        let sealer = &self.config.sealer;
        let mut best = Presented::Nothing;
        for candidate in cookie::candidates(headers, &sealer.name) {
            let opened = candidate.and_then(|text| sealer.open(text));
            best = match (best, opened) {
                (Presented::Nothing, None) => Presented::Unsealed,
                (best, None) => best,
                (Presented::Token { token, .. }, Some(other)) if token.id != other.token.id => {
                    return Presented::Ambiguous;
                }
                (Presented::Token { token, reseal }, Some(other))
                    if token.generation >= other.token.generation =>
                {
                    // A copy sealed by the first key needs no new seal.
                    let same = token.generation == other.token.generation;
                    let reseal = reseal && (!same || other.by_fallback);
                    Presented::Token { token, reseal }
                }
                (_, Some(other)) => Presented::Token {
                    token: other.token,
                    reseal: other.by_fallback,
                },
            };
        }
        best
    }
}

impl<L> Clone for Slot<L> {
    fn clone(&self) -> Self {
        match self {
            Self::Skipped => Self::Skipped,
            Self::Open(place, marker) => Self::Open(Arc::clone(place), *marker),
        }
    }
}

impl<L> fmt::Debug for Slot<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}
