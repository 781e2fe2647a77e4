//! What a request carries from the layer to the extractors: a place for its session, filled at the first extraction.

use std::{
    fmt,
    iter::successors,
    marker::PhantomData,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
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
    /// That of another layer of this marker, around this one.
    outer: Option<Arc<Place>>,
    opened: OnceLock<Opened>,
    /// The response has left, or nobody waits for it any more.
    closed: AtomicBool,
    /// Extractions that wait for their store do so one after another: the second finds what the first opened.
    opening: Queue<()>,
}

/// What came of the first extraction.
pub(crate) struct Opened {
    pub(crate) session: Result<Session, StoreError>,
    pub(crate) heard: Heard,
}

impl Place {
    pub(crate) fn new(config: Arc<Config>, outer: Option<Arc<Self>>) -> Self {
        Self {
            config,
            outer,
            opened: OnceLock::new(),
            closed: AtomicBool::new(false),
            opening: Queue::new(()),
        }
    }

    /// The request's session: opened and loaded at the first call, shared by all later ones (R3).
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Session, StoreError> {
        let opened = match self.opened.get() {
            Some(opened) => return opened.session.clone(),
            None if self.config.backend.answers_at_once() => self.open(headers),
            // A handler's future need not have room for it.
            None => Box::pin(self.wait(headers)).await,
        };
        // Either the response finds the session when it leaves, or has left, which is found here: both change the flag.
        let closed = self.closed.fetch_or(false, Ordering::AcqRel);
        if closed && let Ok(session) = &opened.session {
            session.close();
        }
        opened.session.clone()
    }

    /// From now on nothing is committed for this request, unless explicitly.
    pub(crate) fn close(self: Arc<Self>) {
        // Nearly always nobody is left who could use it.
        if Arc::strong_count(&self) > 1 {
            self.closed.fetch_or(true, Ordering::AcqRel);
        }
        if let Some(Ok(session)) = self.opened().map(|opened| &opened.session) {
            session.close();
        }
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

    /// A layer around this one has the same cookie, and its session is in use already.
    pub(crate) fn is_beside_outer(&self) -> bool {
        let mut outer = successors(self.outer.as_deref(), |place| place.outer.as_deref());
        outer.any(|outer| outer.opened().is_some() && outer.has_the_cookie_of(self))
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
