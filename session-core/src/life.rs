//! What moves in a request's session: whether it lives, what is staged, and what the client must be told.

use std::sync::Arc;

use crate::{
    Backend, Error, OwnerChange, Patch, Policy, Record, Renewal, ReplayPolicy, Rotation, SessionId,
    Status, StoreError, Token,
    calls::Calls,
    committers::Committers,
    ended::Watch,
    observe::{self, Destroyed},
    outcome::Doubt,
    rotation::{self, Standing, standing},
    staged::{Snapshot, Staged},
};

/// Everything that moves.
pub(crate) struct State {
    pub(crate) life: Life,
    pub(crate) staged: Staged,
    /// What a commit under way carries: still seen by this request.
    pub(crate) in_flight: Option<Arc<Staged>>,
    /// A commit was sent whose answer nobody learned.
    pub(crate) doubt: Option<Box<Doubt>>,
    /// What the commits so far mean for the cookie.
    pub(crate) news: News,
    /// The client brought something under the cookie's name.
    pub(crate) presented: bool,
    /// The response head has left, or its client has gone.
    pub(crate) sent: bool,
    /// No client is behind this handle: what it does is nobody's activity.
    pub(crate) unattended: bool,
    /// The looks for its end that somebody began and gave up.
    pub(crate) watch: Watch,
    pub(crate) calls: Calls,
    pub(crate) committers: Committers,
}

/// Whether there is a session to write to.
pub(crate) enum Life {
    /// None: a write starts one, unless `quiet`: then this is a parallel request of the page that rotated
    /// the session, and a new one would throw its good cookie away (R13); or the client is about to lose the
    /// second of two cookies, which a response with a new one can't take away.
    Absent {
        status: Status,
        quiet: bool,
    },
    Live(Live),
    /// There is one that can't be read.
    Undecodable(SessionId),
    /// There was one, and this request can't write any more; it can still log out.
    Over(Status, SessionId),
}

/// A session as this request knows it.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) id: SessionId,
    pub(crate) record: Arc<Record>,
    /// That of the client's token: what the guard of a commit names.
    pub(crate) generation: u32,
    /// The generation that the client itself has shown: a token issued by this request is still on its way.
    pub(crate) shown: Option<u32>,
    /// The client is to get a token again: sealed with the first key, or of the current generation.
    pub(crate) reissue: bool,
}

/// What the client must be told about its cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    Nothing,
    Set,
    Remove,
}

impl State {
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.life {
            Life::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The record that reads see: none once it is to be destroyed.
    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        if self.staged.destroy || self.is_ending() {
            return None;
        }
        self.live().map(|live| &live.record)
    }

    /// The end of the session is on its way to the store.
    pub(crate) fn is_ending(&self) -> bool {
        self.in_flight.as_ref().is_some_and(|sent| sent.destroy)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let record = self.record().cloned();
        let mut snapshot = Snapshot::of(record.clone());
        // Most requests read, and only that.
        if self.staged.writes_nothing() && self.in_flight.is_none() {
            return snapshot;
        }
        let sent = self.in_flight.as_deref();
        let sent = sent.filter(|_| !self.staged.destroy).into_iter();
        let layers = sent.chain([&self.staged]);
        for layer in layers.clone() {
            if layer.owner != OwnerChange::Unchanged {
                snapshot.owner = layer.owner.clone();
            }
        }
        snapshot.changes_hands = snapshot.goes_to(&snapshot.owner);
        for layer in layers {
            snapshot.overlay(layer.fields().iter());
            if let (true, Some(record)) = (snapshot.changes_hands, &record) {
                snapshot.overlay(layer.confirmed_of(record.fields()));
            }
        }
        snapshot
    }

    /// What an `update` sees: it is committed before a staged change of owner, and nothing is under way beside it.
    pub(crate) fn snapshot_before_change_of_owner(&self) -> Snapshot {
        let mut snapshot = Snapshot {
            owner: self.staged.owner.clone(),
            ..Snapshot::of(self.record().cloned())
        };
        snapshot.overlay(self.staged.fields().iter());
        snapshot
    }

    /// Takes what is staged on its way to the store.
    pub(crate) fn send_off(&mut self) -> Arc<Staged> {
        let staged = Arc::new(std::mem::take(&mut self.staged));
        self.in_flight = Some(Arc::clone(&staged));
        staged
    }

    /// What is due by itself, whatever the request wrote: a touch, a periodic rotation, the note that the
    /// client has shown its new token.
    pub(crate) fn upkeep(&self, policy: &Policy, live: &Live) -> Patch {
        let record = &live.record;
        let is_due = || {
            if self.sent {
                policy.late_touch_due(record)
            } else {
                policy.touch_due(record)
            }
        };
        let touches = live.reissue || (!self.unattended && is_due());
        // After the response nobody could be told.
        let rotates = !self.sent && rotation::is_due(policy, record, live.shown);
        Patch {
            rotation: rotates.then_some(Rotation::Periodic),
            renewal: touches.then(|| Renewal {
                lifetime: policy.lifetime(record.remembered()),
                unless_touched_after: (!live.reissue).then(|| record.touched_at()),
            }),
            confirm: rotation::confirms(record, live.shown),
            ..Patch::default()
        }
    }

    /// No client would get the token of a new generation.
    pub(crate) fn tells_nobody(&self) -> bool {
        self.sent || self.unattended
    }

    /// What a response commits: everything, or after a failure nothing but a staged end.
    pub(crate) fn take_for(&mut self, failed: bool, sends: bool) -> Option<Arc<Staged>> {
        if failed {
            let staged = std::mem::take(&mut self.staged);
            if !staged.is_empty() {
                self.tell_committers(&Error::ResponseSent);
            }
            if !staged.destroy {
                return None;
            }
            self.staged = Staged::destroy();
        }
        if !sends {
            return Some(Arc::new(std::mem::take(&mut self.staged)));
        }
        Some(self.send_off())
    }

    /// The session to write to; `None` where a write would start one.
    pub(crate) fn writable(&self) -> Result<Option<Live>, Error> {
        match &self.life {
            Life::Live(live) => Ok(Some(live.clone())),
            Life::Absent { .. } => Ok(None),
            Life::Over(..) => Err(Error::Gone),
            Life::Undecodable(_) => Err(unreadable().into()),
        }
    }

    /// From now on this request sees this record.
    pub(crate) fn adopt(&mut self, record: Arc<Record>) {
        if let Life::Live(live) = &mut self.life {
            live.record = record;
        }
    }

    /// From now on this request sees this record, and its client is to get the token of it.
    pub(crate) fn reissue(&mut self, record: Arc<Record>) {
        if let Life::Live(live) = &mut self.life {
            live.generation = record.generation();
            live.record = record;
            live.reissue = false;
            self.news = News::Set;
        }
    }
}

impl Life {
    pub(crate) const fn absent(status: Status) -> Self {
        Self::Absent {
            status,
            quiet: false,
        }
    }

    pub(crate) async fn load(
        backend: &Backend,
        token: Token,
        reseal: bool,
    ) -> Result<Self, StoreError> {
        let id = token.id;
        let record = match backend.load(id).await {
            Ok(Some(record)) => record,
            Ok(None) => {
                observe::unknown(id);
                return Ok(Self::absent(Status::Unknown));
            }
            Err(error) if error.is_undecodable() => {
                observe::undecodable(id, &error);
                return Ok(Self::Undecodable(id));
            }
            Err(error) => {
                observe::load_failed();
                return Err(error);
            }
        };
        let previous = match standing(&backend.policy, &record, token.generation) {
            Standing::Current => false,
            Standing::Previous => true,
            Standing::Stale { quiet } => {
                observe::replayed(id, quiet);
                if !quiet && backend.policy.replay == ReplayPolicy::Destroy {
                    backend.destroy(id, Destroyed::Replayed).await?;
                }
                return Ok(Self::Absent {
                    status: Status::Replayed,
                    quiet,
                });
            }
            Standing::Newer => {
                observe::newer(id);
                return Ok(Self::absent(Status::Unknown));
            }
        };
        observe::loaded();
        Ok(Self::Live(Live {
            id,
            record,
            generation: token.generation,
            shown: Some(token.generation),
            reissue: reseal || previous,
        }))
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        matches!(self, Self::Absent { quiet: true, .. })
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Absent { status, .. } | Self::Over(status, _) => *status,
            Self::Live(_) => Status::Live,
            Self::Undecodable(_) => Status::Undecodable,
        }
    }
}

/// Why a record that can't be read is not written to.
pub(crate) fn unreadable() -> StoreError {
    StoreError::undecodable("the record could not be read when the request loaded it")
}
