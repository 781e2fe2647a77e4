//! A store that never answers, and a runtime that is as strict as one may be.

use std::{
    future::{Future, pending},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use session_core::{
    Backend, BoxFuture, Committed, Created, Fields, Guard, Lifetime, NewRecord, Patch, Policy,
    Presented, Record, Runtime, Session, SessionId, SessionStore, StoreError, Timestamp, Token,
};

/// Answers never, though it may say that it does at once.
struct Silent<const AT_ONCE: bool>;

impl<const AT_ONCE: bool> SessionStore for Silent<AT_ONCE> {
    const ANSWERS_AT_ONCE: bool = AT_ONCE;

    async fn load(&self, _: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        pending().await
    }

    async fn create(&self, _: SessionId, _: NewRecord) -> Result<Created, StoreError> {
        pending().await
    }

    async fn commit(&self, _: SessionId, _: Guard, _: &Patch) -> Result<Committed, StoreError> {
        pending().await
    }

    async fn delete(&self, _: SessionId) -> Result<bool, StoreError> {
        pending().await
    }

    async fn find_by_owner(&self, _: &str) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        pending().await
    }

    async fn revoke_owner(&self, _: &str, _: Option<SessionId>) -> Result<u64, StoreError> {
        pending().await
    }

    async fn delete_expired(&self, _: usize) -> Result<u64, StoreError> {
        pending().await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        pending().await
    }
}

/// Short waits are over at once; then, as futures may, they panic when they are polled again.
struct Strict;

impl Runtime for Strict {
    fn sleep(&self, span: Duration) -> BoxFuture<()> {
        if span < Duration::from_secs(1) {
            Box::pin(async {})
        } else {
            Box::pin(pending())
        }
    }

    fn spawn(&self, task: BoxFuture<()>) {
        // It never ends.
        std::mem::forget(task);
    }
}

#[test]
fn a_store_that_waits_although_it_says_that_it_never_does_is_an_error() {
    let backend = Arc::new(Backend::new(Silent::<true>, Policy::default(), Strict));
    let token = Token {
        id: SessionId::generate(),
        generation: 0,
    };
    let presented = Presented::Token {
        token,
        reseal: false,
    };
    let mut context = Context::from_waker(Waker::noop());
    let opened = pin!(Session::open(Arc::clone(&backend), presented)).poll(&mut context);
    let Poll::Ready(Err(error)) = opened else {
        panic!("{opened:?}")
    };
    assert!(error.to_string().contains("ANSWERS_AT_ONCE"), "{error}");

    let opened = pin!(Session::open(backend, Presented::Nothing)).poll(&mut context);
    let Poll::Ready(Ok(session)) = opened else {
        panic!("{opened:?}")
    };
    session.insert("count", 1);
    let committed = pin!(session.commit()).poll(&mut context);
    assert!(matches!(committed, Poll::Ready(Err(_))), "{committed:?}");
}

#[test]
fn a_wait_for_the_end_that_goes_on_polls_no_timer_that_has_run_out() {
    let backend = Arc::new(Backend::new(Silent::<false>, Policy::default(), Strict));
    let new = NewRecord {
        fields: Fields::default(),
        owner: None,
        lifetime: Lifetime {
            idle: Duration::from_mins(1),
            absolute: Duration::from_mins(10),
        },
    };
    let record = Arc::new(Record::create(new, Timestamp::default()));
    let session = Session::resume(backend, SessionId::generate(), record);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        let ended = pin!(session.ended_asking_every(Duration::from_millis(10)));
        assert!(ended.poll(&mut context).is_pending(), "the store is asked");
    }
}
