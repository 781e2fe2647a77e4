//! The store calls of one request take turns.

use std::sync::Arc;

use tokio::sync::{Mutex as Queue, Notify};

use crate::{Error, Session, observe, runtime::within};

/// Whether a store call is under way, and who waits for its end.
#[derive(Default)]
pub(crate) struct Calls {
    /// Who holds the one that is under way: its caller, and a task that carries it through.
    holders: usize,
    waiting: usize,
    /// Made for the first who waits: nearly nobody does.
    line: Option<Arc<Line>>,
}

/// Where those wait who want to call the store: first come, first served.
#[derive(Default)]
struct Line {
    queue: Queue<()>,
    /// For the first in the queue.
    call_ended: Notify,
}

/// A store call of this request under way, or several in a row: nobody else begins one. Ends when dropped.
pub(crate) struct Call<'a>(&'a Session);

impl Session {
    /// Waits for this request's own store calls; not for ever, for one that is polled no more never ends.
    pub(crate) async fn begin_call(&self) -> Result<Call<'_>, Error> {
        match self.try_begin_call() {
            Some(call) => Ok(call),
            None => Box::pin(self.wait_to_call()).await,
        }
    }

    /// The same, if there is nothing to wait for.
    pub(crate) fn try_begin_call(&self) -> Option<Call<'_>> {
        let mut state = self.lock();
        // Nobody passes those who wait.
        if !state.calls.are_none() {
            return None;
        }
        state.calls.holders = 1;
        Some(Call(self))
    }

    /// For a task that carries the call of its caller through.
    pub(crate) fn carry_call(&self) -> CarriedCall {
        self.lock().calls.holders += 1;
        CarriedCall(self.clone())
    }

    fn let_go_of_call(&self) {
        let line = {
            let mut state = self.lock();
            state.calls.holders -= 1;
            if state.calls.holders > 0 {
                return;
            }
            // Whatever became of it, it is on its way no more.
            state.in_flight = None;
            state.calls.line.clone().filter(|_| state.calls.waiting > 0)
        };
        if let Some(line) = line {
            line.call_ended.notify_waiters();
        }
    }

    fn take_free_call(&self) -> bool {
        let calls = &mut self.lock().calls;
        let is_free = calls.holders == 0;
        calls.holders = calls.holders.max(1);
        is_free
    }

    async fn wait_to_call(&self) -> Result<Call<'_>, Error> {
        let backend = self.backend();
        let mut limit = backend.runtime.sleep(backend.policy.update_timeout);
        let call = Box::pin(async {
            let (line, _waiting) = Waiting::of(self);
            let _first = line.queue.lock().await;
            loop {
                // Before the look: so no end of a call is missed.
                let ended = line.call_ended.notified();
                if self.take_free_call() {
                    return Call(self);
                }
                ended.await;
            }
        });
        within(call, &mut limit)
            .await
            .ok_or_else(observe::contended)
    }
}

/// The call goes on although its caller gives it up.
pub(crate) struct CarriedCall(Session);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.let_go_of_call();
    }
}

impl Drop for CarriedCall {
    fn drop(&mut self) {
        self.0.let_go_of_call();
    }
}

impl Calls {
    /// Nobody calls the store, and nobody waits to.
    pub(crate) fn are_none(&self) -> bool {
        self.holders == 0 && self.waiting == 0
    }
}

/// Somebody who waits, until he gives up or is served.
struct Waiting<'a>(&'a Session);

impl<'a> Waiting<'a> {
    fn of(session: &'a Session) -> (Arc<Line>, Self) {
        let mut state = session.lock();
        state.calls.waiting += 1;
        let line = Arc::clone(state.calls.line.get_or_insert_default());
        (line, Self(session))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().calls.waiting -= 1;
    }
}
