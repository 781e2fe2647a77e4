//! `ended`: waits until the session is over, for sockets and streams that outlive their request.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use rand::Rng;

use crate::{
    Record, Session, SessionId, Status, StoreError,
    life::Life,
    observe,
    runtime::{BoxFuture, in_task},
};

/// How long a session that was revoked elsewhere may seem to live on.
const PERIOD: Duration = Duration::from_secs(10);
/// A store is not asked without a pause.
const SHORTEST: Duration = Duration::from_millis(1);

/// The next look at the store, with the wait before it. Kept with the session, so that somebody who waits anew in each
/// round of a loop puts off neither.
///
/// One for each period: those who wait anew for the same share it.
pub(crate) type Watch = Vec<Look>;

pub(crate) struct Look {
    id: SessionId,
    period: Duration,
    answer: BoxFuture<Looked>,
}

impl Look {
    fn is_for(&self, id: SessionId, period: Duration) -> bool {
        self.id == id && self.period == period
    }
}

type Looked = Result<Option<Arc<Record>>, StoreError>;

impl Session {
    /// Waits until the session has ended, and says how: for a socket or a stream, which outlives its request.
    ///
    /// - [`Gone`](Status::Gone): it was destroyed, revoked or evicted, in whatever process, or it expired.
    /// - [`Superseded`](Status::Superseded): it was rotated, or its owner changed, since this request loaded it. It goes
    ///   on, but not for this handle. A periodic rotation is no end.
    /// - [`Destroyed`](Status::Destroyed): by this handle or its clones, also where they began another one in its place.
    ///
    /// Where the handle has no session, there is nothing to wait for: it completes at once with the
    /// [`status`](Self::status).
    ///
    /// It asks the store every ten seconds, so it may be so much late: one load in ten seconds for each socket, and
    /// [`ended_asking_every`](Self::ended_asking_every) for another price. It renews no expiry (a socket in use calls
    /// [`touch`](Self::touch)), changes nothing that this request reads, holds nothing while it waits, and goes on when
    /// the store fails, which is traced. Cancel it whenever you like, in a `select!` for example: the next call goes on
    /// with the same wait.
    pub async fn ended(&self) -> Status {
        self.ended_asking_every(PERIOD).await
    }

    /// As [`ended`](Self::ended), asking the store this often.
    pub async fn ended_asking_every(&self, period: Duration) -> Status {
        let period = period.max(SHORTEST);
        let mut failed = false;
        let mut watched = None;
        loop {
            let id = {
                let state = self.lock();
                match &state.life {
                    Life::Live(live) => live.id,
                    over => return over.status(),
                }
            };
            // The handle has begun another one in its place.
            if watched.replace(id).is_some_and(|former| former != id) {
                return Status::Destroyed;
            }
            match self.look(id, period).await {
                Ok(newest) => {
                    failed = false;
                    self.judge(id, newest.as_deref());
                }
                // Once for each time that it fails in a row: there may be thousands who wait.
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        observe::end_unknown(self, &error);
                    }
                }
            }
        }
    }

    async fn look(&self, id: SessionId, period: Duration) -> Looked {
        let begun = {
            let watch = &mut self.lock().watch;
            let at = watch.iter().position(|begun| begun.is_for(id, period));
            at.map(|at| watch.swap_remove(at))
        };
        let mut looking = Looking {
            session: self,
            look: Some(begun.unwrap_or_else(|| self.next_look(id, period))),
        };
        poll_fn(|cx| match &mut looking.look {
            Some(look) => {
                let looked = ready!(look.answer.as_mut().poll(cx));
                looking.look = None;
                Poll::Ready(looked)
            }
            None => Poll::Pending,
        })
        .await
    }

    fn next_look(&self, id: SessionId, period: Duration) -> Look {
        let backend = Arc::clone(self.backend());
        // Those who connected together need not ask together.
        let part = rand::thread_rng().gen_range(0.75..=1.0);
        let answer = Box::pin(async move {
            backend.runtime.sleep(period.mul_f64(part)).await;
            let store = Arc::clone(&backend);
            // A task of its own: whoever does something else meanwhile holds no connection of the store.
            let load = async move { store.load(id).await };
            in_task(&*backend.runtime, load).await?
        });
        Look { id, period, answer }
    }

    /// What the newest record, if there is one, means for this handle.
    ///
    /// A call of this request's own that is under way may know better of a rotation, or of an end; then the next look
    /// will tell. So nobody holds up others while the store is asked, and a wait that is polled no more stops nobody.
    fn judge(&self, id: SessionId, newest: Option<&Record>) {
        let call = self.try_begin_call();
        let (generation, is_ending) = {
            let state = self.lock();
            match &state.life {
                Life::Live(live) if live.id == id => (live.generation, state.is_ending()),
                _ => return,
            }
        };
        match newest {
            None if !is_ending => drop(self.over(Status::Gone)),
            Some(newest) if call.is_some() && newest.barrier() > generation => {
                drop(self.over(Status::Superseded));
            }
            _ => {}
        }
    }
}

/// A look under way. Whoever gives up leaves the rest of it for the next.
struct Looking<'a> {
    session: &'a Session,
    look: Option<Look>,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        if let Some(look) = self.look.take() {
            let watch = &mut self.session.lock().watch;
            watch.retain(|other| other.id == look.id);
            // That of another who waits is the elder.
            if !watch.iter().any(|other| other.is_for(look.id, look.period)) {
                watch.push(look);
            }
        }
    }
}
