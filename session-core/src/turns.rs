//! Updates of one session in one process take turns, so that they need not fight in the store (R5).

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

use crate::{Record, SessionId};

/// For what one waits: a session, or an owner's log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl From<SessionId> for Key {
    fn from(id: SessionId) -> Self {
        Self(*id.as_bytes())
    }
}

/// What one turn leaves for the next: the newest record, which saves it a conflict.
type Newest = Option<Arc<Record>>;

/// The queues of the sessions that are being updated: first come, first served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    queues: Arc<Mutex<HashMap<Key, Arc<Queue<Newest>>>>>,
}

/// Somebody's turn. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    key: Key,
    newest: Option<OwnedMutexGuard<Newest>>,
    queues: Arc<Mutex<HashMap<Key, Arc<Queue<Newest>>>>>,
}

impl Turns {
    /// Waits in the session's queue. Whoever stops waiting leaves nothing behind.
    pub(crate) async fn take(&self, key: impl Into<Key>) -> Turn {
        let key = key.into();
        let queue = Arc::clone(self.queues.lock().entry(key).or_default());
        // Made before the wait: its drop cleans up after those who give up, too.
        let mut turn = Turn {
            key,
            newest: None,
            queues: Arc::clone(&self.queues),
        };
        turn.newest = Some(queue.lock_owned().await);
        turn
    }
}

impl Turn {
    /// What the turn before left.
    pub(crate) fn newest(&self) -> Newest {
        self.newest.as_deref().cloned().flatten()
    }

    /// Leaves the newest record for the next turn.
    pub(crate) fn leave(&mut self, record: &Arc<Record>) {
        if let Some(newest) = self.newest.as_deref_mut() {
            *newest = Some(Arc::clone(record));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.newest = None;
        let mut queues = self.queues.lock();
        // Only the table still knows the queue: nobody waits, and nobody can begin to while the table is locked.
        if queues
            .get(&self.key)
            .is_some_and(|queue| Arc::strong_count(queue) == 1)
        {
            queues.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    #[test]
    fn neither_turns_nor_those_who_give_up_leave_anything_behind() {
        let (turns, id) = (Turns::default(), SessionId::generate());
        let mut context = Context::from_waker(Waker::noop());
        let mut first = Box::pin(turns.take(id));
        let Poll::Ready(turn) = first.as_mut().poll(&mut context) else {
            panic!("nobody was before")
        };
        drop(first);
        let mut second = Box::pin(turns.take(id));
        let mut third = Box::pin(turns.take(id));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(third.as_mut().poll(&mut context).is_pending());
        let other = pin!(turns.take(SessionId::generate())).poll(&mut context);
        assert!(other.is_ready(), "sessions don't wait for one another");
        drop(other);

        drop(second);
        drop(turn);
        assert_eq!(turns.queues.lock().len(), 1);
        let Poll::Ready(turn) = third.as_mut().poll(&mut context) else {
            panic!("those before have gone")
        };
        drop(third);
        assert_eq!(turns.queues.lock().len(), 1);
        drop(turn);
        assert!(turns.queues.lock().is_empty());
    }
}
