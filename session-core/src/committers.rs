//! Explicit commits that wait for another store call of their request: what they would send may go with that one.

use std::sync::{Arc, OnceLock};

use crate::{Error, Session, StoreError, life::State, observe, staged::Staged};

/// What became of the writes of others while one waited, if not all was well.
type Failure = Arc<OnceLock<Error>>;

/// Those who wait, or have their turn.
#[derive(Default)]
pub(crate) struct Committers {
    failures: Vec<Failure>,
    /// The response's commit has left to them what it did not carry.
    owe_the_late: bool,
}

impl State {
    /// Takes what the response's commit does not carry any more, unless somebody waits to send it.
    pub(crate) fn take_late(&mut self) -> Staged {
        self.committers.owe_the_late = !self.committers.failures.is_empty();
        if self.committers.owe_the_late {
            Staged::default()
        } else {
            std::mem::take(&mut self.staged)
        }
    }

    /// Whoever waits may have writes among these, and so has this outcome, too (R10).
    pub(crate) fn tell_committers(&self, failure: &Error) {
        for told in &self.committers.failures {
            let _ = told.set(failure.clone());
        }
    }
}

impl Session {
    /// Commits what is staged when the store calls before this one have ended.
    pub(crate) async fn commit_in_turn(&self) -> Result<(), Error> {
        let mut committer = Committer::of(self);
        let call = self.begin_call().await;
        committer.may_try_again = call.is_err();
        let _call = call?;
        let known = self.resolve_doubt(true).await;
        let staged = {
            let mut state = self.lock();
            state.committers.owe_the_late = false;
            state.send_off()
        };
        let carried = committer.failure.get().cloned();
        let sent = self.send_taken(known, staged).await;
        carried.map_or(sent, Err)
    }

    /// Sends what was taken. The caller has the call, whose end takes it out of flight.
    pub(crate) async fn send_taken(
        &self,
        known: Result<(), Error>,
        staged: Arc<Staged>,
    ) -> Result<(), Error> {
        let mut sending = Sending {
            session: self,
            ends_unknown: !staged.is_empty(),
        };
        let sent = match known {
            Ok(()) => self.settle(&staged).await,
            Err(unknown) => Err(unknown),
        };
        sending.ends_unknown = false;
        if let Err(failure) = &sent {
            self.lock().tell_committers(failure);
        }
        sent
    }
}

/// A commit under way. Whoever gives it up does not learn what became of it, nor does anybody else.
struct Sending<'a> {
    session: &'a Session,
    ends_unknown: bool,
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if self.ends_unknown {
            let failure = StoreError::unavailable("the commit was given up before its answer");
            self.session.lock().tell_committers(&failure.into());
        }
    }
}

/// Somebody who waits to commit, until it is done or given up.
struct Committer<'a> {
    session: &'a Session,
    failure: Failure,
    /// It waited in vain, and is told so.
    may_try_again: bool,
}

impl<'a> Committer<'a> {
    fn of(session: &'a Session) -> Self {
        let failure = Failure::default();
        session
            .lock()
            .committers
            .failures
            .push(Arc::clone(&failure));
        Self {
            session,
            failure,
            may_try_again: false,
        }
    }
}

impl Drop for Committer<'_> {
    fn drop(&mut self) {
        let mut state = self.session.lock();
        let failures = &mut state.committers.failures;
        failures.retain(|other| !Arc::ptr_eq(other, &self.failure));
        // Given up after the response: nobody else would send it. The end of a session may wait for the next commit.
        let keeps = state.staged.destroy || self.may_try_again;
        let late = if state.committers.owe_the_late && !keeps {
            state.take_late()
        } else {
            Staged::default()
        };
        drop(state);
        if !late.is_empty() {
            observe::refused_in_commit();
        }
    }
}
