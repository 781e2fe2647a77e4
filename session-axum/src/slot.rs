//! What a request carries from the layer to the extractors: a place for its session, filled at the first extraction.

use std::{any::TypeId, iter::successors, marker::PhantomData, sync::Arc};

use http::{Extensions, HeaderMap};
use parking_lot::Mutex;
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

/// Beside them, where layers are marked: their places by marker, for no extractor knows the markers of others.
#[derive(Clone, Default)]
pub(crate) struct Marked(Vec<(TypeId, Arc<Place>)>);

pub(crate) struct Place {
    pub(crate) config: Arc<Config>,
    /// That of another layer of this marker, around this one.
    outer: Option<Arc<Place>>,
    inside: Mutex<Inside>,
    /// Extractions that wait for their store do so one after another: the second finds what the first opened.
    opening: Queue<()>,
}

#[derive(Default)]
struct Inside {
    opened: Option<Opened>,
    /// The response has left, or nobody waits for it any more.
    closed: bool,
}

/// What came of the first extraction.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) session: Result<Session, StoreError>,
    pub(crate) heard: Heard,
}

impl Place {
    pub(crate) fn new(config: Arc<Config>, outer: Option<Arc<Self>>) -> Self {
        Self {
            config,
            outer,
            inside: Mutex::default(),
            opening: Queue::new(()),
        }
    }

    /// The request's session: opened and loaded at the first call, shared by all later ones (R3).
    pub(crate) async fn session(&self, headers: &HeaderMap) -> Result<Session, StoreError> {
        {
            let mut inside = self.inside.lock();
            if inside.opened.is_some() || self.config.backend.answers_at_once() {
                return inside.session(|| {
                    let (presented, heard) = self.config.listen(headers);
                    let backend = Arc::clone(&self.config.backend);
                    let session = Session::open_at_once(backend, presented);
                    Opened { session, heard }
                });
            }
        }
        // A handler's future need not have room for it.
        Box::pin(self.wait(headers)).await
    }

    async fn wait(&self, headers: &HeaderMap) -> Result<Session, StoreError> {
        let _alone = self.opening.lock().await;
        if let Some(opened) = &self.inside.lock().opened {
            return opened.session.clone();
        }
        let (presented, heard) = self.config.listen(headers);
        let backend = Arc::clone(&self.config.backend);
        let session = Session::open(backend, presented).await;
        self.inside.lock().session(|| Opened { session, heard })
    }

    /// From now on nothing is committed for this request, unless explicitly.
    pub(crate) fn close(&self) {
        let mut inside = self.inside.lock();
        inside.closed = true;
        if let Some(Opened {
            session: Ok(session),
            ..
        }) = &inside.opened
        {
            session.close();
        }
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

    /// A layer around this one has the cookie of that one, and its session is in use already.
    pub(crate) fn is_inside_the_cookie_of(&self, other: &Self) -> bool {
        let mut outer = successors(self.outer.as_deref(), |place| place.outer.as_deref());
        outer.any(|outer| outer.inside.lock().opened.is_some() && outer.has_the_cookie_of(other))
    }

    /// What came of the extractions. If there were none, none will come to anything.
    pub(crate) fn opened_or_closed(&self) -> Option<Opened> {
        let mut inside = self.inside.lock();
        inside.closed |= inside.opened.is_none();
        inside.opened.clone()
    }
}

impl Inside {
    fn session(&mut self, open: impl FnOnce() -> Opened) -> Result<Session, StoreError> {
        let session = self.opened.get_or_insert_with(open).session.clone();
        if self.closed
            && let Ok(session) = &session
        {
            session.close();
        }
        session
    }
}

impl<L: 'static> Slot<L> {
    fn is_marked() -> bool {
        TypeId::of::<L>() != TypeId::of::<()>()
    }

    pub(crate) fn put(extensions: &mut Extensions, place: Arc<Place>) {
        if Self::is_marked() {
            let Marked(places) = extensions.get_or_insert_default();
            places.retain(|(marker, _)| *marker != TypeId::of::<L>());
            places.push((TypeId::of::<L>(), Arc::clone(&place)));
        }
        extensions.insert(Self::Open(place, PhantomData));
    }

    /// Two layers with one cookie overwrite each other's, without a word. It is found out here, where a marked one is
    /// used: a request that takes the plain one pays nothing for it.
    pub(crate) fn has_another_s_cookie(place: &Place, extensions: &Extensions) -> bool {
        if !Self::is_marked() {
            return false;
        }
        let plain = match extensions.get::<Slot<()>>() {
            Some(Slot::Open(plain, _)) => Some(plain),
            _ => None,
        };
        let marked = extensions.get::<Marked>().into_iter();
        let others = marked
            .flat_map(|Marked(places)| places)
            .filter(|(marker, _)| *marker != TypeId::of::<L>())
            .map(|(_, other)| other);
        plain
            .into_iter()
            .chain(others)
            .any(|other| other.has_the_cookie_of(place) || other.is_inside_the_cookie_of(place))
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
