//! What a request carries from the layer to the extractors: a place for its session, filled at the first extraction.

use std::{any::TypeId, iter::successors, marker::PhantomData, sync::Arc};

use http::{Extensions, HeaderMap};
use parking_lot::Mutex;
use session_core::{Session, StoreError};
use tokio::sync::Mutex as Queue;

use crate::{config::Config, transport::Heard};

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
    pub(crate) async fn session(
        &self,
        headers: &HeaderMap,
        beside_others: bool,
    ) -> Result<Session, StoreError> {
        {
            let mut inside = self.inside.lock();
            if inside.opened.is_some() || self.config.backend.answers_at_once() {
                return inside.session(|| {
                    let (presented, heard) = self.config.listen(headers, beside_others);
                    let backend = Arc::clone(&self.config.backend);
                    let session = Session::open_at_once(backend, presented);
                    Opened { session, heard }
                });
            }
        }
        // A handler's future need not have room for it.
        Box::pin(self.wait(headers, beside_others)).await
    }

    async fn wait(&self, headers: &HeaderMap, beside_others: bool) -> Result<Session, StoreError> {
        let _alone = self.opening.lock().await;
        if let Some(opened) = &self.inside.lock().opened {
            return opened.session.clone();
        }
        let (presented, heard) = self.config.listen(headers, beside_others);
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

    /// By what one answers as the other does, and opens what the other has sealed: path and domain part neither.
    fn shares(&self, other: &Self) -> Option<&str> {
        let (one, other) = (&*self.config, &*other.config);
        let name = one.sealer.name();
        if name == other.sealer.name() {
            return Some(name);
        }
        let header = one.token_header.as_deref()?;
        let others = other.token_header.as_deref()?;
        header.eq_ignore_ascii_case(others).then_some(header)
    }

    /// What a layer around this one, whose session is in use already, shares with that one.
    fn outer_shares(&self, other: &Self) -> Option<&str> {
        let outer = successors(self.outer.as_deref(), |place| place.outer.as_deref());
        let mut used = outer.filter(|outer| outer.inside.lock().opened.is_some());
        used.find_map(|outer| outer.shares(other))
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
    pub(crate) fn shared<'p>(place: &'p Place, extensions: &'p Extensions) -> Option<&'p str> {
        if let Some(shared) = place.outer_shares(place) {
            return Some(shared);
        }
        if !Self::is_marked() {
            return None;
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
            .find_map(|other| other.shares(place).or_else(|| other.outer_shares(place)))
    }

    /// Other layers are on this route.
    pub(crate) fn is_beside_others(place: &Place, extensions: &Extensions) -> bool {
        let marked = extensions.get::<Marked>();
        let marked = marked.map_or(0, |Marked(places)| places.len());
        place.outer.is_some()
            || marked > usize::from(Self::is_marked())
            || (Self::is_marked() && extensions.get::<Slot<()>>().is_some())
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
