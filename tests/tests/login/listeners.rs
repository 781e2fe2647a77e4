//! Whoever listens to the log is foreign code: no lock is held while it runs.

use std::{
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Waker},
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use session_axum::{MemoryStore, Session, SessionStore as _, TARGET};
use session_tests::Call;
use tokio::runtime::Builder;
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
};

use crate::common::{browse, layer, timed, with};

/// Asks a question whenever something is told, and notes what was told.
#[derive(Clone, Default)]
struct Curious {
    question: Arc<Mutex<Option<Question>>>,
    heard: Arc<Mutex<Vec<&'static str>>>,
}

type Question = Arc<dyn Fn() + Send + Sync>;

impl Curious {
    fn will_ask(&self, question: impl Fn() + Send + Sync + 'static) {
        let question: Question = Arc::new(question);
        *self.question.lock().expect("not poisoned") = Some(question);
    }

    fn heard(&self) -> Vec<&'static str> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

impl Subscriber for Curious {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn event(&self, event: &Event<'_>) {
        let question = self.question.lock().expect("not poisoned").clone();
        let Some(question) = question else {
            return;
        };
        question();
        let mut heard = self.heard.lock().expect("not poisoned");
        heard.push(event.metadata().name());
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What was told, by a thread of its own: whoever waits for a lock of the own thread waits for ever.
fn heard(
    listen: impl AsyncFnOnce(Curious) -> Vec<&'static str> + Send + 'static,
) -> Vec<&'static str> {
    let (done, told) = mpsc::channel();
    thread::spawn(move || {
        let curious = Curious::default();
        let _listening = tracing::subscriber::set_default(curious.clone());
        let runtime = Builder::new_current_thread().enable_all().build();
        let heard = runtime.expect("starts").block_on(listen(curious));
        done.send(heard).expect("somebody waits");
    });
    let heard = told.recv_timeout(Duration::from_secs(20));
    heard.expect("nobody waits for a lock")
}

#[test]
fn whoever_listens_may_ask_the_session_of_which_is_told() {
    let heard = heard(async |curious| {
        let (_, store) = timed();
        let kept = Arc::new(Mutex::new(None::<Session>));
        let place = Arc::clone(&kept);
        let keep = async move |session: Session| {
            session.insert("a", 1);
            *place.lock().expect("not poisoned") = Some(session);
        };
        let routes = Router::new().route("/keep", get(keep));
        let browser = with(layer(&store), routes);
        let mut creating = store.hold(Call::Create);
        let answer = browser.start("/keep");
        creating.reached().await;
        let session = kept.lock().expect("not poisoned").take().expect("it ran");
        let asked = session.clone();
        curious.will_ask(move || {
            let _ = (asked.status(), asked.get::<u8>("a"));
        });
        session.insert("b", 1);
        creating.release();
        answer.await.expect("runs");
        session.insert("c", 1);
        curious.heard()
    });
    for name in ["session.refused_in_commit", "session.refused_after_head"] {
        assert!(heard.contains(&name), "{name}: {heard:?}");
    }
}

#[test]
fn whoever_listens_may_ask_the_store_that_let_a_session_go() {
    let heard = heard(async |curious| {
        let store = MemoryStore::builder().max_sessions(1).build();
        let browser = browse(layer(&store));
        browser.get("/write/a/1").await;
        curious.will_ask(move || {
            // It answers at once.
            let count = pin!(store.count()).poll(&mut Context::from_waker(Waker::noop()));
            assert!(count.is_ready());
        });
        browser.stranger().get("/write/a/1").await;
        curious.heard()
    });
    assert!(heard.contains(&"session.evicted"), "{heard:?}");
}
