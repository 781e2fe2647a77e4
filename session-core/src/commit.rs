//! The one commit: (life cycle, staged writes, lifetime) → one store call → keep, set or remove the cookie.

use std::time::Duration;

use crate::{
    Created, Error, Fields, NewRecord, OwnerChange, Patch, Policy, Renewal, Rotation, Session,
    SessionId, Status, StoreError, Token,
    life::{Life, Live, News, State},
    observe::{self, Destroyed},
    runtime::at_once,
    staged::{Staged, check_growth},
};

/// What the client is to be told when the response leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a transport must know them all")]
pub enum CookieChange {
    /// Nothing.
    Keep,
    /// A token, and for how long to keep it; `None`: until the browser closes.
    Set {
        /// To be sealed.
        token: Token,
        /// For a persistent cookie.
        max_age: Option<Duration>,
    },
    /// The token is of no use any more.
    Remove,
}

/// How a request ends for its session.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a transport must know both")]
pub struct Finished {
    /// What the client is told. After an error: only of what had been committed before.
    pub cookie: CookieChange,
    /// The commit failed: the handler's answer must not go out.
    pub error: Option<Error>,
}

impl Finished {
    /// As [`of`](Self::of), where there is nothing to wait for: nothing to send, or a store that answers at once.
    /// `None` where there may be.
    #[must_use]
    pub fn at_once(session: &Session, failed: bool) -> Option<Self> {
        let backend = session.backend();
        let mut state = session.lock();
        if !state.calls.are_none() {
            return None;
        }
        let is_due = |live| !state.upkeep(&backend.policy, live).is_empty();
        if state.staged.is_empty() && (failed || !state.live().is_some_and(is_due)) {
            return Some(Self::told(&mut state, &backend.policy, None));
        }
        drop(state);
        if !backend.waits_for_turns_alone() {
            return None;
        }
        at_once(Self::of(session, failed))
    }

    /// The commit of a response that is about to leave, by the layer. `failed`: the handler failed (5xx) or was cut off, so
    /// nothing but a staged [`destroy`](Session::destroy) is carried out. After it, plain writes are refused.
    pub async fn of(session: &Session, failed: bool) -> Self {
        let call = session.begin_call().await;
        let known = match &call {
            Ok(_) if !failed => session.resolve_doubt(true).await,
            _ => Ok(()),
        };
        let (before, staged) = {
            let mut state = session.lock();
            (state.news, state.take_for(failed, call.is_ok()))
        };
        let wished = staged.as_ref().is_some_and(|staged| !staged.is_empty());
        let result = match (&call, staged) {
            (Ok(_), Some(staged)) => session.send_taken(known, staged).await,
            (Ok(_), None) => Ok(()),
            (Err(error), _) => {
                session.lock().tell_committers(error);
                Err(error.clone())
            }
        };
        let error = match result {
            // The dead stay dead, and the handler's answer stands (R8).
            Ok(()) | Err(Error::Gone) => None,
            // Nothing was asked for, so nothing is missing.
            Err(_) if !wished => None,
            Err(error) => Some(error),
        };
        let mut state = session.lock();
        if error.is_some() {
            state.news = before;
        }
        let late = state.take_late();
        let finished = Self::told(&mut state, &session.backend().policy, error);
        drop(state);
        drop(call);
        if !late.is_empty() {
            observe::refused_in_commit();
        }
        finished
    }

    /// From now on the response head has left.
    fn told(state: &mut State, policy: &Policy, error: Option<Error>) -> Self {
        state.sent = true;
        let cookie = match (state.news, &state.life) {
            (News::Set, Life::Live(live)) => CookieChange::Set {
                token: Token {
                    id: live.id,
                    generation: live.generation,
                },
                max_age: policy.max_age(&live.record),
            },
            (News::Remove, _) => CookieChange::Remove,
            (News::Set | News::Nothing, _) => CookieChange::Keep,
        };
        Self { cookie, error }
    }
}

/// An id of 128 random bits that is taken is no accident; a second one is no luck.
const MAX_ID_TRIES: usize = 4;

impl Session {
    /// Commits what is staged, now instead of when the response leaves. Whatever the outcome, it is staged no
    /// more, but after [`Error::Contended`].
    ///
    /// One store call, if there is anything to send. [`Error::Gone`] if the session ended or was superseded. Where another
    /// commit of this request is under way, it waits, and fails also if that one does, with which its writes may have gone;
    /// `Contended` if it waited in vain: then they stay staged, for another try or for the response's commit.
    pub async fn commit(&self) -> Result<(), Error> {
        Box::pin(self.commit_in_turn()).await
    }

    /// Loads the newest record, and renews its expiry now, if a touch is due; after the response, where the cookie is
    /// persistent, only from half of its time on, for requests can renew it, too. [`Error::Gone`] if the session ended
    /// or was superseded. For a socket that lives longer than its request.
    pub async fn touch(&self) -> Result<(), Error> {
        let _call = self.begin_call().await?;
        // Only the store knows how late it is by now.
        self.reload().await?;
        let live = self.lock().writable()?;
        match live {
            Some(live) => self.send_staged(&live, &Staged::default()).await,
            None => Ok(()),
        }
    }

    /// Loads the newest record; staged writes stay staged. [`Error::Gone`] if the session ended or was superseded.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _call = self.begin_call().await?;
        self.reload().await
    }

    pub(crate) async fn reload(&self) -> Result<(), Error> {
        let Some(live) = self.lock().writable()? else {
            return Ok(());
        };
        let newest = self.backend().load(live.id).await?;
        match newest {
            Some(record) => self.see(record),
            None => Err(self.over(Status::Gone)),
        }
    }

    /// Sends everything that was staged.
    pub(crate) async fn settle(&self, staged: &Staged) -> Result<(), Error> {
        if let Some(failure) = &staged.failure {
            return Err(failure.clone());
        }
        if staged.destroy {
            self.end().await?;
        }
        let live = self.lock().writable()?;
        let Some(live) = live else {
            return self.start(staged).await;
        };
        let patch = self.patch(&live, staged)?;
        match self.send(&live, &patch).await {
            // Nobody asked for it, and nothing is lost.
            Err(Error::Store(error)) if patch.is_upkeep() => {
                observe::touch_failed(live.id, &error);
                Ok(())
            }
            sent => sent,
        }
    }

    /// Deletes the record.
    pub(crate) async fn end(&self) -> Result<(), Error> {
        if !self.rivals().is_empty() {
            // Boxed, for it is rare.
            Box::pin(self.end_rivals()).await?;
        }
        let doomed = {
            let mut state = self.lock();
            match &state.life {
                Life::Live(Live { id, .. })
                | Life::Undecodable(id)
                | Life::Over(Status::Superseded, id) => Some(*id),
                // The browser has a newer cookie by now, or is about to get it: it stays (R13).
                Life::Absent { quiet: true, .. } => return Ok(()),
                Life::Absent { .. } | Life::Over(..) => {
                    if state.presented {
                        state.news = News::Remove;
                    }
                    None
                }
            }
        };
        if let Some(id) = doomed {
            self.backend().destroy(id, Destroyed::Handler).await?;
            self.lock().news = News::Remove;
        }
        let mut state = self.lock();
        state.life = Life::absent(Status::Destroyed);
        state.doubt = None;
        Ok(())
    }

    /// Of several sessions, the client is logged out of each that its token opens.
    async fn end_rivals(&self) -> Result<(), Error> {
        let backend = self.backend();
        for token in self.rivals() {
            let opened = Life::load(backend, *token, false).await?;
            if let Life::Live(Live { id, .. }) | Life::Undecodable(id) = opened {
                backend.destroy(id, Destroyed::Handler).await?;
            }
        }
        Ok(())
    }

    /// Starts a session, if something was written.
    pub(crate) async fn start(&self, staged: &Staged) -> Result<(), Error> {
        let changes = staged.changes(&Fields::default());
        if staged.owner.owner().is_none() {
            let writes = !changes.fields.is_empty();
            let quiet = self.lock().life.is_quiet();
            // Of several sessions each was ended; of the one that was rotated, nobody ended anything.
            if quiet && (writes || (staged.destroy && self.rivals().is_empty())) {
                observe::dropped_beside_rotation();
                return Err(Error::Gone);
            }
            if !writes {
                return Ok(());
            }
        }
        let policy = &self.backend().policy;
        check_growth(
            None,
            &Fields::default(),
            staged.owner.owner(),
            &changes,
            policy.max_record_size,
        )?;
        let admission = self.backend().admit(staged.owner.owner(), None).await?;
        let new = || NewRecord {
            fields: Fields::default().merge(&changes.fields),
            owner: staged.owner.owner().map(str::to_owned),
            lifetime: policy.lifetime(staged.remember),
        };
        let live = self.create(new).await?;
        if let Some(lifetime) = staged.remember {
            // Should this be given up on the way, the response's commit sends it. A later wish counts.
            let lifetime = *self.lock().staged.remember.get_or_insert(lifetime);
            let sent = self.send_staged(&live, &Staged::remember(lifetime)).await;
            let is_sent = |staged: &mut Duration| *staged == lifetime;
            self.lock().staged.remember.take_if(is_sent);
            if let Err(error) = sent {
                // Nobody will ever have its token: it should not live on as somebody's device.
                let _ = self.backend().destroy(live.id, Destroyed::Unfinished).await;
                self.lock().life = Life::absent(Status::Destroyed);
                return Err(error);
            }
        }
        self.backend().make_room(admission).await;
        Ok(())
    }

    /// Stores a new record under a new id.
    async fn create(&self, new: impl Fn() -> NewRecord) -> Result<Live, Error> {
        if self.lock().sent {
            return Err(Error::ResponseSent);
        }
        for _ in 0..MAX_ID_TRIES {
            let id = SessionId::generate();
            match self.backend().create(id, new()).await? {
                Created::Created(record) => {
                    let live = Live {
                        id,
                        generation: record.generation(),
                        record,
                        shown: None,
                        reissue: false,
                    };
                    let mut state = self.lock();
                    state.life = Life::Live(live.clone());
                    state.news = News::Set;
                    return Ok(live);
                }
                Created::IdTaken => {}
            }
        }
        Err(StoreError::internal("no new id was free").into())
    }

    async fn send_staged(&self, live: &Live, staged: &Staged) -> Result<(), Error> {
        let patch = self.patch(live, staged)?;
        self.send(live, &patch).await
    }

    /// Sends a patch, if there is anything in it.
    async fn send(&self, live: &Live, patch: &Patch) -> Result<(), Error> {
        if patch.is_empty() {
            return Ok(());
        }
        self.commit_patch(live, patch, None).await.map(drop)
    }

    /// What is staged, and a touch if one is due.
    pub(crate) fn patch(&self, live: &Live, staged: &Staged) -> Result<Patch, Error> {
        let policy = &self.backend().policy;
        let record = &live.record;
        let sets_owner = staged.owner != OwnerChange::Unchanged;
        let other_owner = sets_owner && staged.owner.owner() != record.owner();

        // What goes with the former owner is no longer there to be equal to.
        let kept = (other_owner && record.owner().is_some()).then(|| record.fields().kept());
        let base = kept.as_ref().unwrap_or(record.fields());
        let changes = match &kept {
            Some(kept) => staged.changes_of_hands(record.fields(), kept),
            None => staged.changes(base),
        };
        if !changes.fields.is_empty() || sets_owner {
            let owner = if sets_owner {
                staged.owner.owner()
            } else {
                record.owner()
            };
            check_growth(Some(record), base, owner, &changes, policy.max_record_size)?;
        }

        let former = if other_owner {
            None
        } else {
            record.remembered()
        };
        let upkeep = {
            let state = self.lock();
            if state.tells_nobody() && (sets_owner || staged.rotate) {
                return Err(Error::ResponseSent);
            }
            state.upkeep(policy, live)
        };
        let renews = sets_owner || staged.remember.is_some();
        let renewal = renews.then(|| Renewal {
            lifetime: policy.lifetime(staged.remember.or(former)),
            unless_touched_after: None,
        });
        let rotation = staged.rotate.then_some(Rotation::Explicit);
        Ok(Patch {
            fields: changes.fields,
            owner: staged.owner.clone(),
            rotation: rotation.or(upkeep.rotation),
            renewal: renewal.or(upkeep.renewal),
            remember: staged.remember,
            confirm: upkeep.confirm,
        })
    }
}
