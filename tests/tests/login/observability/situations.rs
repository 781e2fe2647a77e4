//! Everything that the library tells of, made to happen.

use std::sync::{Arc, Mutex};

use axum::{Router, http::header, routing::get};
use session_axum::{
    AtLimit, Committed, Created, Guard, Lifetime, MemoryStore, NewRecord, Patch, Record,
    ReplayPolicy, Session, SessionId, SessionLayer, SessionStore, Sessions, StoreError,
};
use session_tests::{Browser, Call};

use crate::common::{Accounts, DAY, HOUR, MINUTE, browse, get_with, layer, timed, token, with};

pub(crate) async fn all() {
    lives().await;
    rotations().await;
    owners().await;
    full_store().await;
    tokens().await;
    misfits().await;
    races().await;
    after_the_head().await;
    failures().await;
    the_http_side().await;
}

fn down() -> StoreError {
    StoreError::unavailable("out of order")
}

async fn lives() {
    let (clock, store) = timed();
    let remember = async |session: Session| {
        session.insert("a", 1);
        session.remember(DAY);
    };
    let routes = Router::new().route("/remember", get(remember));
    let browser = with(layer(&store), routes);
    browser.get("/write/a/1").await;
    browser.get("/log_out").await;
    store.fail(Call::Commit, down());
    browser.get("/remember").await;
    store.take_ids(1);
    browser.get("/write/a/1").await;
    clock.advance(DAY * 2);
    store.inner.delete_expired(10).await.expect("sweeps");
}

async fn rotations() {
    let (clock, store) = timed();
    let layer = layer(&store)
        .rotate_every(HOUR)
        .replay(ReplayPolicy::Destroy);
    let browser = browse(layer);
    browser.get("/write/a/1").await;
    clock.advance(HOUR);
    browser.get("/whoami").await;
    browser.get("/log_in/ada").await;
    let old = browser.copy();
    browser.get("/rotate").await;
    // Beside the rotation, and later.
    old.get("/write/a/2").await;
    clock.advance(MINUTE);
    old.get("/whoami").await;
}

async fn owners() {
    let (clock, store) = timed();
    let (one, two) = (browse(layer(&store)), browse(layer(&store)));
    one.get("/log_in/ada").await;
    two.get("/log_in/ada").await;
    let sessions = layer(&store).sessions();
    revoke_one(&sessions, "ada").await;
    sessions.revoke_all("ada").await.expect("revokes");

    let evicting = layer(&store).max_sessions_per_owner(1, AtLimit::EvictOldest);
    for browser in [browse(evicting.clone()), browse(evicting.clone())] {
        browser.get("/log_in/ada").await;
        clock.advance(MINUTE);
    }
    store.fail(Call::Delete, down());
    browse(evicting).get("/log_in/ada").await;
    let refusing = layer(&store).max_sessions_per_owner(1, AtLimit::Reject);
    browse(refusing).get("/log_in/ada").await;
}

async fn revoke_one(sessions: &Sessions, owner: &str) {
    let list = sessions.list::<crate::common::Account>(owner, None).await;
    let first = list.expect("lists").remove(0).session_ref;
    assert!(sessions.revoke(owner, first).await.expect("revokes"));
}

async fn full_store() {
    let store = MemoryStore::builder().max_sessions(1).build();
    for _ in 0..4 {
        let browser = browse(layer(&store));
        browser.get("/write/a/1").await;
    }
    assert_eq!(store.evicted(), 3);
}

async fn tokens() {
    let (_, store) = timed();
    let (one, two) = (browse(layer(&store)), browse(layer(&store)));
    one.get("/write/a/1").await;
    two.get("/write/a/1").await;
    let both = format!("sid={}; sid={}", token(&one), token(&two));
    get_with(&browse(layer(&store)), "/whoami", &[("cookie", &both)]).await;
    let forger = browse(layer(&store));
    forger.set_cookie("sid", "forged");
    forger.get("/whoami").await;

    let tab = two.copy();
    two.get("/log_out").await;
    tab.get("/whoami").await;

    // The store is restored from a backup of before the rotation.
    one.get("/rotate").await;
    let id = store.last_id();
    let now = store.inner.load(id).await.expect("loads").expect("lives");
    store.inner.delete(id).await.expect("deletes");
    let backup = NewRecord {
        fields: now.fields().clone(),
        owner: None,
        lifetime: Lifetime {
            idle: DAY,
            absolute: DAY,
        },
    };
    store.inner.create(id, backup).await.expect("creates");
    one.get("/whoami").await;
}

/// What is stored is not what the view expects.
async fn misfits() {
    let (_, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/write/visits/many").await;
    browser.get("/visit").await;
    browser.get("/log_in/nobody-s-number").await;
    browser.get("/visit").await;
    store.fail(Call::Load, StoreError::undecodable("not ours"));
    browser.get("/whoami").await;
}

/// Somebody else was faster.
async fn races() {
    let (clock, store) = timed();
    let set_twice = async |session: Session| {
        session.insert("a", 2);
        let _ = session.commit().await;
        session.insert("a", 3);
    };
    let routes = Router::new().route("/set_twice", get(set_twice));
    let browser = with(layer(&store), routes);
    for ends in ["/rotate", "/log_out"] {
        browser.get("/write/a/1").await;
        let mut loaded = store.hold_answer(Call::Load);
        let slow = browser.start("/set_twice");
        loaded.reached().await;
        browser.get(ends).await;
        loaded.release();
        slow.await.expect("runs");
    }

    browser.get("/write/a/1").await;
    clock.advance(HOUR * 2);
    store.fail(Call::Commit, down());
    browser.get("/whoami").await;

    store.be_contended();
    browser.get("/visit").await;
}

async fn after_the_head() {
    let (_, store) = timed();
    let kept = Arc::new(Mutex::new(None));
    let place = Arc::clone(&kept);
    let write = async move |account: Accounts| {
        account.session().insert("a", 1);
        *place.lock().expect("not poisoned") = Some(account);
    };
    let browser = with(layer(&store), Router::new().route("/keep", get(write)));
    let mut creating = store.hold(Call::Create);
    let answer = browser.start("/keep");
    creating.reached().await;
    let account = kept.lock().expect("not poisoned").take().expect("it ran");
    account.session().insert("b", 1);
    creating.release();
    answer.await.expect("runs");

    account.session().insert("c", 1);
    let waiting = {
        let session = account.session().clone();
        tokio::spawn(async move { session.ended().await })
    };
    store.fail(Call::Load, down());
    tokio::time::sleep(MINUTE).await;
    account.session().destroy();
    account.session().commit().await.expect("commits");
    waiting.await.expect("runs");
}

async fn failures() {
    let (_, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/write/a/1").await;
    store.fail(Call::Commit, down());
    browser.get("/write/a/2").await;

    // With a genuine token, and without.
    let down = SessionLayer::new(Down, crate::common::key());
    let browser_of_down = browse(down.clone());
    browser_of_down.get("/write/a/1").await;
    browser_of_down.set_cookie("sid", &token(&browser));
    browser_of_down.get("/whoami").await;
    let sessions = down.sessions();
    assert!(sessions.count("ada").await.is_err());
    assert!(sessions.revoke_all("ada").await.is_err());
    store.fail(Call::Delete, self::down());
    browser.get("/log_out").await;
}

async fn the_http_side() {
    let (_, store) = timed();
    let public = async |session: Session| {
        session.insert("a", 1);
        [(header::CACHE_CONTROL, "public, max-age=60")]
    };
    with(layer(&store), Router::new().route("/public", get(public)))
        .get("/public")
        .await;
    let bare = Router::new().route("/", get(async |session: Session| drop(session)));
    Browser::new(bare).get("/").await;
}

/// A store that can't be reached.
#[derive(Clone)]
struct Down;

impl SessionStore for Down {
    async fn load(&self, _: SessionId) -> Result<Option<Arc<Record>>, StoreError> {
        Err(down())
    }

    async fn create(&self, _: SessionId, _: NewRecord) -> Result<Created, StoreError> {
        Err(down())
    }

    async fn commit(&self, _: SessionId, _: Guard, _: &Patch) -> Result<Committed, StoreError> {
        Err(down())
    }

    async fn delete(&self, _: SessionId) -> Result<bool, StoreError> {
        Err(down())
    }

    async fn find_by_owner(&self, _: &str) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError> {
        Err(down())
    }

    async fn revoke_owner(&self, _: &str, _: Option<SessionId>) -> Result<u64, StoreError> {
        Err(down())
    }

    async fn delete_expired(&self, _: usize) -> Result<u64, StoreError> {
        Err(down())
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Err(down())
    }
}
