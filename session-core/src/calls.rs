//! The store calls of one request take turns.

use std::pin::pin;

use crate::{Error, Session, life::State, observe, runtime::within};

/// Whether one is under way.
#[derive(Default, PartialEq, Eq)]
pub(crate) enum Calls {
    #[default]
    None,
    UnderWay,
    /// And others wait for its end.
    Awaited,
}

/// A store call of this request under way, or several in a row: nobody else begins one. Ends when dropped.
pub(crate) struct Call<'a>(&'a Session);

impl Session {
    /// Waits for this request's own store calls; not for ever, for one that is polled no more never ends.
    pub(crate) async fn call(&self) -> Result<Call<'_>, Error> {
        match self.try_call() {
            Some(call) => Ok(call),
            None => Box::pin(self.wait_to_call()).await,
        }
    }

    /// The same, if there is nothing to wait for.
    pub(crate) fn try_call(&self) -> Option<Call<'_>> {
        self.begin_call(&mut self.lock())
    }

    /// The same, under the lock.
    pub(crate) fn begin_call(&self, state: &mut State) -> Option<Call<'_>> {
        if state.calls != Calls::None {
            return None;
        }
        state.calls = Calls::UnderWay;
        Some(Call(self))
    }

    async fn wait_to_call(&self) -> Result<Call<'_>, Error> {
        let backend = self.backend();
        let mut limit = backend.runtime.sleep(backend.policy.update_timeout);
        let call = pin!(async {
            loop {
                // Before the look: so no end of a call is missed.
                let ended = self.call_ended().notified();
                {
                    let mut state = self.lock();
                    if let Some(call) = self.begin_call(&mut state) {
                        return call;
                    }
                    state.calls = Calls::Awaited;
                }
                ended.await;
            }
        });
        within(call, &mut limit)
            .await
            .ok_or_else(observe::contended)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let awaited = {
            let mut state = self.0.lock();
            // Whatever became of it, it is on its way no more.
            state.in_flight = Vec::new();
            std::mem::take(&mut state.calls) == Calls::Awaited
        };
        if awaited {
            self.0.call_ended().notify_waiters();
        }
    }
}
