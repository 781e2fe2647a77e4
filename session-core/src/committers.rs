//! Explicit commits that wait for another store call of their request: what they would send may go with that one.

use crate::{Error, Session, life::State, observe, staged::Staged};

#[derive(Default)]
pub(crate) struct Committers {
    waiting: usize,
    /// What came of it while somebody waited, if not all was well.
    failed: Option<Box<Error>>,
}

impl State {
    /// Takes what the response's commit does not carry any more, unless somebody waits to send it.
    pub(crate) fn take_late(&mut self) -> Staged {
        match self.committers.waiting {
            0 => std::mem::take(&mut self.staged),
            _ => Staged::default(),
        }
    }

    /// Whoever waits may have writes among these, and so has this outcome, too (R10).
    pub(crate) fn tell_committers(&mut self, failure: &Error) {
        let committers = &mut self.committers;
        if committers.waiting > 0 {
            let failed = &mut committers.failed;
            failed.get_or_insert_with(|| Box::new(failure.clone()));
        }
    }
}

impl Session {
    /// Commits what is staged when the store calls before this one have ended.
    pub(crate) async fn commit_in_turn(&self) -> Result<(), Error> {
        let _waiting = Committer::of(self);
        let _call = self.begin_call().await?;
        let (staged, failed) = {
            let mut state = self.lock();
            let staged = std::mem::take(&mut state.staged);
            (staged, state.committers.failed.clone())
        };
        let sent = self.send_taken(staged).await;
        failed.map_or(sent, |failed| Err(*failed))
    }
}

/// Somebody who waits to commit, until it is done or given up.
struct Committer<'a>(&'a Session);

impl<'a> Committer<'a> {
    fn of(session: &'a Session) -> Self {
        session.lock().committers.waiting += 1;
        Self(session)
    }
}

impl Drop for Committer<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.committers.waiting -= 1;
        if state.committers.waiting == 0 {
            state.committers.failed = None;
        }
        // Given up after the response: nobody else would send it. The end of a session may wait for the next commit.
        let late = if state.sent && !state.staged.destroy {
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
