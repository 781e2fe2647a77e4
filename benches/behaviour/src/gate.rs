//! Holds requests in the middle of their handlers, so that they overlap in the order that we choose.

use tokio::sync::watch::{Receiver, Sender, channel};

#[derive(Clone)]
pub struct Gate {
    arrived: Sender<usize>,
    open: Sender<bool>,
}

impl Gate {
    pub fn new() -> Self {
        Self {
            arrived: channel(0).0,
            open: channel(false).0,
        }
    }

    /// In a slow handler: waits until the gate opens.
    pub async fn pass(&self) {
        let open = self.open.subscribe();
        self.arrived.send_modify(|arrived| *arrived += 1);
        until(open, |open| *open).await;
    }

    /// Waits until this many requests wait, lets something happen, and opens.
    pub async fn hold<T>(&self, waiting: usize, meanwhile: impl Future<Output = T>) -> T {
        until(self.arrived.subscribe(), |arrived| *arrived >= waiting).await;
        let done = meanwhile.await;
        self.open.send_replace(true);
        done
    }
}

async fn until<T>(mut watched: Receiver<T>, reached: impl FnMut(&T) -> bool) {
    // The sender lives in the gate that is asked.
    let _ = watched.wait_for(reached).await;
}
