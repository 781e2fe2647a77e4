//! [`Session`]: a request's handle on its session: loaded once, read and staged synchronously (R3, R9).

use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::{Mutex, MutexGuard};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Backend, Error, FieldError, Fingerprint, OwnerChange, Record, SessionData, SessionId, Status,
    StoreError, Token,
    calls::Calls,
    committers::Committers,
    data::{Reader, View},
    ended::Watch,
    fields::is_valid_name,
    json,
    life::{Life, Live, News, State, unreadable},
    observe,
    runtime::at_once,
    staged::{Snapshot, Staged, StagedField},
    writer,
};

/// What a request brought, after the seal was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a transport must decide for one of them"
)]
pub enum Presented {
    /// No token.
    Nothing,
    /// A genuine token; `reseal` if it was sealed with an old key.
    Token {
        /// What it says.
        token: Token,
        /// The client is to get it again, sealed with the first key.
        reseal: bool,
    },
    /// Something that does not open.
    Unsealed,
    /// Genuine tokens of different sessions.
    Ambiguous {
        /// What they say. None opens its session, but who logs out is logged out of each.
        tokens: Vec<Token>,
        /// A response without a new token takes one of them away: so this request's writes start no session,
        /// unless they log in, and the next request has one token.
        passing: bool,
    },
}

/// One request's untyped handle on its session.
///
/// Reading and setting are plain, synchronous and infallible: they see the record as loaded under the
/// request's own writes, which are staged until the one [`commit`](Self::commit).
/// Clones are the same handle; no method ever hands out a lock guard.
///
/// `Debug` shows the status and a fingerprint.
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    backend: Arc<Backend>,
    /// Tokens of different sessions, none of which is this request's.
    rivals: Vec<Token>,
    state: Mutex<State>,
}

impl Session {
    /// Loads the session that a request speaks of: its one load. An absent or stale one is no error.
    pub async fn open(backend: Arc<Backend>, presented: Presented) -> Result<Self, StoreError> {
        let mut rivals = Vec::new();
        let life = match presented {
            Presented::Nothing => Life::absent(Status::New),
            Presented::Unsealed => Life::absent(Status::Unsealed),
            Presented::Ambiguous { tokens, passing } => {
                rivals = tokens;
                Life::Absent {
                    status: Status::Ambiguous,
                    quiet: passing,
                }
            }
            Presented::Token { token, reseal } => Life::load(&backend, token, reseal).await?,
        };
        let status = life.status();
        if matches!(status, Status::Unsealed | Status::Ambiguous) {
            observe::cookie_refused(status);
        }
        Ok(Self::with(backend, life, status != Status::New, rivals))
    }

    /// As [`open`](Self::open), for a store that [answers at once](Backend::answers_at_once): without a wait.
    pub fn open_at_once(backend: Arc<Backend>, presented: Presented) -> Result<Self, StoreError> {
        let opened = at_once(Self::open(backend, presented));
        opened.unwrap_or(Err(StoreError::pending()))
    }

    /// A handle on a session that was found otherwise than by a token. No client is behind it, so it neither renews
    /// the expiry nor rotates by itself.
    #[must_use]
    pub fn resume(backend: Arc<Backend>, id: SessionId, record: Arc<Record>) -> Self {
        let generation = record.generation();
        let live = Live {
            id,
            record,
            generation,
            shown: None,
            reissue: false,
        };
        let session = Self::with(backend, Life::Live(live), false, Vec::new());
        session.lock().unattended = true;
        session
    }

    fn with(backend: Arc<Backend>, life: Life, presented: bool, rivals: Vec<Token>) -> Self {
        Self {
            shared: Arc::new(Shared {
                backend,
                rivals,
                state: Mutex::new(State {
                    life,
                    staged: Staged::default(),
                    in_flight: None,
                    doubt: None,
                    news: News::Nothing,
                    presented,
                    sent: false,
                    unattended: false,
                    watch: Watch::default(),
                    calls: Calls::default(),
                    committers: Committers::default(),
                }),
            }),
        }
    }

    /// A whole view as this request sees it, if it exists in this session.
    pub fn state<T: SessionData>(&self) -> Result<T, FieldError> {
        T::read(&Reader::new(self, &self.snapshot()))
    }

    /// A field's value; `None` if it is absent or does not decode as a `V` (traced).
    ///
    /// Costs one decoding of this one field.
    #[must_use]
    pub fn get<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        let snapshot = self.snapshot();
        let json = snapshot.json([name])?;
        self.decode(name, json, json::read)
    }

    /// Stages a field. A value that can't be written as JSON, or a name that no field may have,
    /// fails the commit.
    pub fn insert(&self, name: impl Into<Cow<'static, str>>, value: impl Serialize) {
        // Before the lock: this runs the user's `Serialize`.
        let (name, json) = (name.into(), json::to_text(|text| json::write(text, &value)));
        self.stage("insert", |state| match json {
            _ if !is_valid_name(&name) => state.staged.fail(Error::InvalidName),
            None => state.staged.fail(Error::Serialize(name)),
            Some(json) => state.staged.put(StagedField {
                json: Some(json),
                ..StagedField::removed(name)
            }),
        });
    }

    /// Stages the removal of a field.
    pub fn remove(&self, name: impl Into<Cow<'static, str>>) {
        let field = StagedField::removed(name);
        self.stage("remove", |state| state.staged.put(field));
    }

    /// Stages the removal of every field that this request can see. The session itself, its id and its owner stay.
    pub fn clear(&self) {
        self.stage("clear", |state| {
            let record = state.record().cloned();
            let stored = record.iter().flat_map(|record| record.fields().iter());
            let sent = state.in_flight.iter().flat_map(|sent| sent.fields());
            let written = sent.chain(state.staged.fields());
            let names: Vec<_> = stored
                .map(|field| field.name.to_owned().into())
                .chain(written.map(|field| field.name.clone()))
                .collect();
            for name in names {
                state.staged.put(StagedField::removed(name));
            }
        });
    }

    /// Stages a whole view, also one that does not exist yet (the first login). Only fields that differ
    /// from what the view reads now are written; an owner in it is always set, and so rotates.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the state is given away, as by `update`"
    )]
    pub fn set_state<T: SessionData>(&self, state: T) {
        writer::set_state(self, &state);
    }

    /// Stages a new generation of the same session: every earlier token stops working at the commit,
    /// and requests that loaded before it can't write any more. Without a session it does nothing.
    pub fn rotate(&self) {
        self.stage("rotate", |state| state.staged.rotate = true);
    }

    /// Stages the end of the session: the record is deleted and the cookie removed. Writes after it start a
    /// new session. To log somebody in, [set the owner](Self::set_owner) instead.
    ///
    /// Who logs out is logged out: it ends the session also if another request rotated it meanwhile, and each of several
    /// whose tokens the client showed ([`Status::Ambiguous`]), at the price of a load for each. But a request that came with
    /// the token from before the rotation ([`Status::Replayed`]) has no session to end: for the time of the
    /// [`rotation_grace`](crate::Policy::rotation_grace) it does nothing, and an explicit [`commit`](Self::commit) says
    /// [`Error::Gone`]. After the response head has left, it needs a `commit`.
    pub fn destroy(&self) {
        let sent = {
            let mut state = self.lock();
            state.staged = Staged::destroy();
            state.sent
        };
        if sent {
            observe::destroy_after_head();
        }
    }

    /// Stages a lifetime of this session's own, for "keep me signed in": the cookie becomes persistent for this
    /// long, and so does the server's idle limit; the absolute one, too, if it is shorter. At least a second. Starts no
    /// session; together with a session's first write it costs one store call more.
    pub fn remember(&self, lifetime: Duration) {
        let lifetime = lifetime.max(Duration::from_secs(1));
        self.stage("remember", |state| state.staged.remember = Some(lifetime));
    }

    /// Who the session belongs to.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        self.snapshot().owner().map(str::to_owned)
    }

    /// Stages the owner; `None` for nobody. Always a write, also to the same value: the generation rises in the same
    /// commit. From nobody to somebody the fields stay; from one to another or to nobody they go,
    /// except those written in the same commit and those marked `#[session(keep)]`.
    pub fn set_owner<'a>(&self, owner: impl Into<Option<&'a str>>) {
        let owner = owner.into().map_or(OwnerChange::Cleared, |owner| {
            OwnerChange::Set(owner.to_owned())
        });
        self.stage("set_owner", |state| state.staged.owner = owner);
    }

    /// When the owner was last set: the last log-in.
    #[must_use]
    pub fn owner_since(&self) -> Option<SystemTime> {
        self.record()?.owner_since().map(Into::into)
    }

    /// How long ago the owner was set, by the store's clock at its last answer: zero if this request sets it, `None`
    /// without an owner. A socket that is open for long calls [`refresh`](Self::refresh) first.
    #[must_use]
    pub fn owner_age(&self) -> Option<Duration> {
        let snapshot = self.snapshot();
        match &snapshot.owner {
            OwnerChange::Set(_) => Some(Duration::ZERO),
            OwnerChange::Cleared => None,
            OwnerChange::Unchanged => {
                let record = snapshot.record?;
                Some(record.now().since(record.owner_since()?))
            }
        }
    }

    /// The session's id; `None` until there is a session.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.lock().live().map(|live| live.id)
    }

    /// The same, also once this request can't write to it any more: for lists, in which it goes on.
    #[doc(hidden)]
    #[must_use]
    pub fn id_in_lists(&self) -> Option<SessionId> {
        match &self.lock().life {
            Life::Live(Live { id, .. }) | Life::Undecodable(id) | Life::Over(_, id) => Some(*id),
            Life::Absent { .. } => None,
        }
    }

    /// The response has left, or nobody waits for it any more: no commit is to come but explicit ones. For the layer.
    #[doc(hidden)]
    pub fn close(&self) {
        self.lock().sent = true;
    }

    /// What logs say of this session.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.id().map(|id| id.fingerprint())
    }

    /// There is no session yet: a write would start one, except beside a rotation ([`Status::Replayed`]).
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.status().is_new()
    }

    /// Why there is or is no session.
    #[must_use]
    pub fn status(&self) -> Status {
        self.lock().life.status()
    }

    /// When the session was created.
    #[must_use]
    pub fn created_at(&self) -> Option<SystemTime> {
        Some(self.record()?.created_at().into())
    }

    /// When the session ends, unless its expiry is renewed. Reading it renews nothing.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        Some(self.record()?.expires_at().into())
    }

    fn record(&self) -> Option<Arc<Record>> {
        self.lock().record().cloned()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock()
    }

    pub(crate) fn backend(&self) -> &Arc<Backend> {
        &self.shared.backend
    }

    pub(crate) fn rivals(&self) -> &[Token] {
        &self.shared.rivals
    }

    /// This is the newest record, or was a moment ago: has this request been superseded?
    pub(crate) fn see(&self, newest: Arc<Record>) -> Result<(), Error> {
        let mut state = self.lock();
        let Life::Live(live) = &mut state.life else {
            return Ok(());
        };
        if newest.barrier() > live.generation {
            drop(state);
            return Err(self.over(Status::Superseded));
        }
        if newest.version() >= live.record.version() {
            live.record = newest;
        }
        Ok(())
    }

    /// This request can't write any more (R8, R11).
    pub(crate) fn over(&self, status: Status) -> Error {
        observe::over(self, status);
        let life = &mut self.lock().life;
        if let Life::Live(live) = life {
            *life = Life::Over(status, live.id);
        }
        Error::Gone
    }

    /// The untyped session as accessors see it.
    #[doc(hidden)]
    #[must_use]
    pub fn view(&self) -> View {
        View::new(self.clone())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.lock().snapshot()
    }

    pub(crate) fn decode<V>(
        &self,
        name: &str,
        json: &str,
        read: fn(&str) -> Option<V>,
    ) -> Option<V> {
        let value = read(json);
        if value.is_none() {
            // Not with the parser's words: they quote values (R18).
            observe::field_undecodable::<V>(self, name);
        }
        value
    }

    pub(crate) fn stage(&self, what: &'static str, write: impl FnOnce(&mut State)) {
        self.try_stage(what, write);
    }

    /// Stages what was made of an earlier look, if that still holds. Whether there is nothing more to do: not so where
    /// another task of the request has been faster.
    pub(crate) fn stage_if(
        &self,
        what: &'static str,
        holds: impl FnOnce(&Snapshot) -> bool,
        write: impl FnOnce(&mut State),
    ) -> bool {
        let staged = self.try_stage(what, |state| {
            let holds = holds(&state.snapshot());
            if holds {
                write(state);
            }
            holds
        });
        staged != Some(false)
    }

    /// The one door: whatever changes a session passes here, and is refused here, as `None`, where nothing could come
    /// of it.
    pub(crate) fn try_stage<R>(
        &self,
        what: &'static str,
        write: impl FnOnce(&mut State) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        let status = state.life.status();
        let over = !state.staged.destroy && matches!(state.life, Life::Over(..));
        let unread = !state.staged.destroy && matches!(state.life, Life::Undecodable(_));
        if !(state.sent || over || unread) {
            return Some(write(&mut state));
        }
        let sent = state.sent;
        if unread {
            // Unlike the end of a session, this must not look like a success.
            state.staged.fail(Error::Store(unreadable()));
        }
        // Subscribers are foreign code: they see no lock.
        drop(state);
        if sent {
            observe::refused_after_head(what);
        } else {
            observe::refused_over(what, status);
        }
        None
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("status", &self.status())
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}
