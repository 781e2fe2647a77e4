//! `update`: read the newest, change it, commit only if nobody was faster; else again (R5).

use std::{future::Future, sync::Arc, time::Duration};

use rand::Rng;

use crate::{
    Error, OwnerChange, Session, SessionData,
    data::Reader,
    life::{Live, State},
    observe,
    runtime::{BoxFuture, at_once, within},
    staged::{Snapshot, Staged},
    turns::Turn,
    writer::Writer,
};

/// So often a store that answers at once is asked again before the update waits for its turn.
const QUICK_TRIES: u32 = 16;
/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_millis(200);

impl Session {
    /// Changes a view atomically. The closure sees the newest record under this request's staged writes, and runs
    /// again if somebody else committed in between; every `Ok` counts exactly once.
    ///
    /// One store call, and one more for each time that another process was faster; none if nothing changed.
    pub async fn update<T: SessionData, R>(
        &self,
        mut change: impl FnMut(&mut T) -> R,
    ) -> Result<R, Error> {
        self.try_update(|view| Ok::<R, Error>(change(view))).await?
    }

    /// As [`update`](Self::update), but a closure that returns an `Err` saves nothing.
    pub async fn try_update<T: SessionData, R, E>(
        &self,
        mut change: impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<Result<R, E>, Error> {
        // A handler's future need not have room for it.
        if self.backend().waits_for_turns_alone()
            && let Some(done) = at_once(self.update_waiting(&mut change))
        {
            return done;
        }
        Box::pin(self.update_waiting(&mut change)).await
    }

    async fn update_waiting<T: SessionData, R, E>(
        &self,
        change: &mut impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<Result<R, E>, Error> {
        let _call = self.begin_call().await?;
        self.resolve_doubt(false).await?;
        let mut patience = Patience::default();
        loop {
            // Before the turn: nobody waits for that of a session that is to end.
            self.end_first().await?;
            patience.before_try(self).await?;
            let Some((live, snapshot)) = self.newest()? else {
                continue;
            };
            let (result, mut written) = match self.run(&snapshot, change)? {
                Ok(ran) => ran,
                Err(refused) => return Ok(Err(refused)),
            };
            // Beside a rotation nothing but a log-in starts a session (R13): so a staged one goes along.
            if live.is_none()
                && !written.is_empty()
                && written.owner == OwnerChange::Unchanged
                && self.is_beside_rotation()
            {
                written.owner = snapshot.owner.clone();
            }
            let done = match live {
                _ if written.is_empty() => self.is_newest(&snapshot).await?,
                Some(live) => {
                    self.write(&live, &written, &snapshot, &mut patience)
                        .await?
                }
                None => {
                    if self.is_beside_rotation() {
                        // It would be the end of the new one.
                        self.lock().staged.destroy = false;
                    }
                    self.start(&written).await?;
                    self.lock().staged.unstage(&written, &snapshot);
                    true
                }
            };
            if done {
                return Ok(Ok(result));
            }
        }
    }

    /// Ends the session if that is staged; it stays staged until it is done.
    async fn end_first(&self) -> Result<(), Error> {
        while self.is_to_end(&self.lock()) {
            self.lock().in_flight = Some(Arc::new(Staged::destroy()));
            self.end().await?;
            let mut state = self.lock();
            state.in_flight = None;
            state.staged.destroy = false;
        }
        Ok(())
    }

    /// Beside a rotation there is no session to end, and the commit will tell so.
    fn is_to_end(&self, state: &State) -> bool {
        state.staged.destroy && (!state.life.is_quiet() || !self.rivals().is_empty())
    }

    fn is_beside_rotation(&self) -> bool {
        self.lock().life.is_quiet()
    }

    /// `None` while the session is to be destroyed first.
    fn newest(&self) -> Result<Option<(Option<Live>, Snapshot)>, Error> {
        let state = self.lock();
        if self.is_to_end(&state) {
            return Ok(None);
        }
        let snapshot = state.snapshot_before_change_of_owner();
        Ok(Some((state.writable()?, snapshot)))
    }

    /// Runs the user's closure, without any lock held. What it wrote is what differs between before and after (R7).
    fn run<T: SessionData, R, E>(
        &self,
        snapshot: &Snapshot,
        change: &mut impl FnMut(&mut T) -> Result<R, E>,
    ) -> Result<Result<(R, Staged), E>, Error> {
        let mut view = T::read(&Reader::new(self, snapshot))?;
        let writer = Writer::of(&view);
        match change(&mut view) {
            Ok(result) => Ok(Ok((result, writer.changed(&view)?))),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Nothing changed, so there is nothing to send. While the request runs, what it loaded is new enough;
    /// a socket that has been open for hours asks the store.
    async fn is_newest(&self, seen: &Snapshot) -> Result<bool, Error> {
        if !self.lock().sent {
            return Ok(true);
        }
        self.reload().await?;
        let version = |snapshot: &Snapshot| snapshot.record.as_ref().map(|record| record.version());
        Ok(version(&self.snapshot()) == version(seen))
    }

    /// Whether it was written; if not, somebody was faster.
    async fn write(
        &self,
        live: &Live,
        written: &Staged,
        seen: &Snapshot,
        patience: &mut Patience,
    ) -> Result<bool, Error> {
        let patch = self.patch(live, written)?;
        let commit = self.commit_patch(live, &patch, Some((written, seen)));
        let applied = commit.await?;
        if let (Some(turn), Some(newest)) = (&mut patience.turn, &applied) {
            turn.leave(newest);
        }
        Ok(applied.is_some())
    }
}

/// How an update waits: first for its turn among those of this process, then in jittered pauses for those of
/// other processes, and in all no longer than `update_timeout`.
#[derive(Default)]
struct Patience {
    tries: u32,
    turn: Option<Turn>,
    limit: Option<BoxFuture<()>>,
}

impl Patience {
    async fn before_try(&mut self, session: &Session) -> Result<(), Error> {
        self.tries += 1;
        if self.tries > 1 {
            observe::update_retried();
        }
        let backend = session.backend();
        if backend.answers_at_once() && self.tries <= QUICK_TRIES {
            return Ok(());
        }
        self.wait(session).await
    }

    async fn wait(&mut self, session: &Session) -> Result<(), Error> {
        let backend = session.backend();
        if self.turn.is_some() {
            let longest = Duration::from_millis(1 << self.tries.min(16)).min(MAX_PAUSE);
            let pause = rand::thread_rng().gen_range(Duration::ZERO..=longest);
            return self.bear(session, backend.runtime.sleep(pause)).await;
        }
        let Some(id) = session.id() else {
            return Ok(());
        };
        let turn = self.bear(session, Box::pin(backend.turns.take(id))).await?;
        let newest = turn.newest();
        self.turn = Some(turn);
        match newest {
            Some(record) => session.see(record),
            None => Ok(()),
        }
    }

    async fn bear<T>(
        &mut self,
        session: &Session,
        work: impl Future<Output = T> + Unpin,
    ) -> Result<T, Error> {
        let backend = session.backend();
        let limit = self
            .limit
            .get_or_insert_with(|| backend.runtime.sleep(backend.policy.update_timeout));
        within(work, limit).await.ok_or_else(observe::contended)
    }
}
