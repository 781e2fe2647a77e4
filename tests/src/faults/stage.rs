//! The app that meets the fault.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use session_axum::{Key, SessionData, SessionError, SessionLayer, SessionStore, TypedSession};

use super::{Fault, Moment, STORE_TIMEOUT};

#[derive(SessionData)]
struct Visit {
    count: u64,
    note: u64,
    draft: u64,
    ballast: String,
}

/// Where only room is missing, so much that each write needs new pages, even compressed.
fn ballast<F: Fault>(stage: &Stage<F>) -> String {
    if !stage.fault.is_of_room() {
        return String::new();
    }
    let random = RandomState::new();
    let words = (0..1_500).map(|at| random.hash_one(at));
    words.fold(String::new(), |text, word| text + &format!("{word:016x}"))
}

type Visits = TypedSession<Visit>;

/// What the handlers know: the fault, and when it is due.
pub(super) struct Stage<F> {
    pub(super) fault: F,
    pub(super) due: Mutex<Option<Moment>>,
    pub(super) struck: Mutex<Option<Instant>>,
}

impl<F: Fault> Stage<F> {
    async fn strike(self: Arc<Self>) {
        self.fault.strike().await;
        *lock(&self.struck) = Some(Instant::now());
    }

    /// It strikes now, or when the store speaks with the server next.
    pub(super) async fn arrange(self: &Arc<Self>, moment: Moment) {
        let strike = Arc::clone(self).strike();
        let proxy = || self.fault.proxy().expect("messages");
        match moment {
            Moment::Before | Moment::Between => strike.await,
            Moment::Load | Moment::Commit => proxy().at_the_next_message(strike),
            Moment::LoadReply | Moment::CommitReply => proxy().at_the_next_reply(strike),
        }
    }

    async fn is_loaded(self: &Arc<Self>) {
        let due = lock(&self.due).take();
        if let Some(moment) = due {
            self.arrange(moment).await;
        }
    }
}

type Stages<F> = State<Arc<Stage<F>>>;

async fn add<F: Fault>(State(stage): Stages<F>, visit: Visits) -> Result<String, SessionError> {
    stage.is_loaded().await;
    let count = visit.update(|visit| {
        visit.count += 1;
        visit.ballast = ballast(&stage);
        visit.count
    });
    Ok(count.await?.to_string())
}

/// Committed after the handler, by the layer.
async fn note<F: Fault>(State(stage): Stages<F>, visit: Visits, Path(note): Path<u64>) {
    stage.is_loaded().await;
    visit.set_note(note);
    visit.set_ballast(ballast(&stage));
}

/// While a fault lasts: nobody looks at it afterwards.
async fn draft<F: Fault>(State(stage): Stages<F>, visit: Visits, Path(draft): Path<u64>) {
    visit.set_draft(draft);
    visit.set_ballast(ballast(&stage));
}

async fn read(visit: Visits) -> String {
    format!("{} {}", visit.count(), visit.note())
}

async fn log_in(visit: Visits) {
    visit.session().set_owner("ada");
}

async fn end(visit: Visits) {
    visit.session().destroy();
}

/// An app on this store, and what its handlers know.
pub(super) fn app<F: Fault>(store: impl SessionStore, fault: F) -> (Router, Arc<Stage<F>>) {
    let stage = Arc::new(Stage {
        fault,
        due: Mutex::default(),
        struck: Mutex::default(),
    });
    let layer = SessionLayer::new(store, Key::generate()).store_timeout(STORE_TIMEOUT);
    let app = Router::new()
        .route("/add", get(add::<F>))
        .route("/note/{note}", get(note::<F>))
        .route("/draft/{draft}", get(draft::<F>))
        .route("/read", get(read))
        .route("/log-in", get(log_in))
        .route("/end", get(end))
        .with_state(Arc::clone(&stage))
        .layer(layer);
    (app, stage)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
