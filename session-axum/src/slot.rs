//! What a request carries from the layer to the extractors: a place for its session, filled at the first extraction.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, OnceLock},
};

use http::HeaderMap;
use session_core::{Session, StoreError};
use tokio::sync::Mutex as Queue;

use crate::{
    config::{Config, host_of},
    transport::Heard,
};

/// In the request's extensions, one for each marker.
pub(crate) enum Slot<L> {
    /// The request asked for no session handling.
    Skipped,
    Open(Arc<Place>, PhantomData<fn() -> L>),
}

pub(crate) struct Place {
    pub(crate) config: Arc<Config>,
    opened: OnceLock<Opened>,
    /// Extractions that wait for their store do so one after another: the second finds what the first opened.
    opening: Queue<()>,
}

/// What came of the first extraction.
pub(crate) struct Opened {
    pub(crate) session: Result<Session, StoreError>,
    pub(crate) heard: Heard,
}

impl Place {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            opened: OnceLock::new(),
            opening: Queue::new(()),
        }
    }

    /// The request's session: opened and loaded at the first call, shared by all later ones (R3).
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Session, StoreError> {
        let opened = match self.opened.get() {
            Some(opened) => opened,
            None if self.config.backend.answers_at_once() => self.open(headers),
            // A handler's future need not have room for it.
            None => Box::pin(self.wait(headers)).await,
        };
        opened.session.clone()
    }

    fn open(&self, headers: &HeaderMap) -> &Opened {
        self.opened.get_or_init(|| {
            let (presented, heard) = self.config.listen(headers);
            let backend = Arc::clone(&self.config.backend);
            let session = Session::open_at_once(backend, presented);
            Opened { session, heard }
        })
    }

    async fn wait(&self, headers: &HeaderMap) -> &Opened {
        let _alone = self.opening.lock().await;
        if let Some(opened) = self.opened.get() {
            return opened;
        }
        let (presented, heard) = self.config.listen(headers);
        let backend = Arc::clone(&self.config.backend);
        let session = Session::open(backend, presented).await;
        self.opened.get_or_init(|| Opened { session, heard })
    }

    /// A browser would keep one cookie for both.
    pub(crate) fn has_the_cookie_of(&self, other: &Self) -> bool {
        let (one, other) = (&*self.config, &*other.config);
        one.cookies
            && other.cookies
            && one.sealer.name() == other.sealer.name()
            && one.template.path == other.template.path
            && host_of(one.template.domain.as_ref()) == host_of(other.template.domain.as_ref())
    }

    /// What came of the extractions, if there were any.
    pub(crate) fn opened(&self) -> Option<&Opened> {
        self.opened.get()
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
