//! R5: every `update` counts exactly once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Extension, Router, http::StatusCode, routing::get};
use session_axum::{
    Key, MemoryStore, SessionData, SessionError, SessionId, SessionLayer, SessionStore,
    TypedSession,
};
use session_tests::{Answer, Browser, Call, SpyStore};
use tokio::{task::JoinHandle, time::Instant};

#[derive(SessionData)]
struct Page {
    count: u64,
    name: Option<String>,
}

async fn increment(page: TypedSession<Page>) -> Result<String, SessionError> {
    let count = page.update(|page| {
        page.count += 1;
        page.count
    });
    Ok(count.await?.to_string())
}

fn routes() -> Router {
    Router::new()
        .route(
            "/count",
            get(async |page: TypedSession<Page>| page.count().to_string()),
        )
        .route("/increment", get(increment))
}

fn app(store: impl SessionStore, key: &Key) -> Router {
    routes().layer(SessionLayer::new(store, key.clone()))
}

/// A browser that has a session, with a count of 1.
async fn visitor(app: Router) -> Browser {
    let browser = Browser::new(app);
    assert_eq!(browser.get("/increment").await.body, "1");
    browser
}

/// The same browser in front of another process.
fn moved(browser: &Browser, app: Router) -> Browser {
    let other = Browser::new(app);
    other.set_cookie("sid", &browser.cookie("sid").expect("a session"));
    other
}

fn send(browser: &Browser, path: &'static str) -> JoinHandle<Answer> {
    let tab = browser.clone();
    tokio::spawn(async move { tab.get(path).await })
}

const TASKS: usize = 8;
const EACH: usize = 250;

async fn hammer(browsers: &[Browser]) {
    let tasks: Vec<_> = browsers
        .iter()
        .cycle()
        .take(TASKS)
        .cloned()
        .map(|tab| {
            tokio::spawn(async move {
                for _ in 0..EACH {
                    assert_eq!(tab.get("/increment").await.status, StatusCode::OK);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("every update is Ok");
    }
    let total = (1 + TASKS * EACH).to_string();
    assert_eq!(browsers[0].get("/count").await.body, total);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_updates_count_once_each_in_a_store_that_answers_at_once() {
    let store = MemoryStore::new();
    hammer(&[visitor(app(store, &Key::generate())).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_updates_count_once_each_in_a_store_that_waits() {
    let store = SpyStore::new();
    store.be_slow();
    hammer(&[visitor(app(store, &Key::generate())).await]).await;
}

/// On the paused clock, for they back off from one another.
#[tokio::test(start_paused = true)]
async fn parallel_updates_count_once_each_from_two_processes() {
    let (store, key) = (SpyStore::new(), Key::generate());
    store.be_slow();
    let here = visitor(app(store.clone(), &key)).await;
    let there = moved(&here, app(store, &key));
    hammer(&[here, there]).await;
}

/// The memory store is one process, but two layers don't know of each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_updates_count_once_each_from_two_layers_over_the_memory_store() {
    let (store, key) = (MemoryStore::new(), Key::generate());
    let here = visitor(app(store.clone(), &key)).await;
    let there = moved(&here, app(store, &key));
    hammer(&[here, there]).await;
}

#[tokio::test]
async fn an_update_is_stored_at_once_and_leaves_other_writes_staged() {
    async fn handler(page: TypedSession<Page>, Extension(store): Extension<SpyStore>) {
        page.set_name(Some("Ada".into()));
        page.set_count(10);
        let seen = page
            .update(|page| {
                page.count += 1;
                (page.count, page.name.clone())
            })
            .await;
        // The closure saw the staged writes, and the request still does.
        assert_eq!(seen.expect("stored"), (11, Some("Ada".into())));
        assert_eq!((page.count(), page.name()), (11, Some("Ada".into())));
        assert_eq!(written(&store), [vec!["count"]]);
        let id = page.session().id().expect("a session");
        // What the update carried is staged no more: it can't undo what others do now.
        overwrite(&store, id, "count", "20").await;
    }
    let store = SpyStore::new();
    let app = routes()
        .route("/both", get(handler))
        .layer(SessionLayer::new(store.clone(), Key::generate()))
        .layer(Extension(store.clone()));
    let browser = visitor(app).await;
    assert_eq!(browser.get("/both").await.status, StatusCode::OK);
    assert_eq!(written(&store), [vec!["name"]]);
    assert_eq!(browser.get("/count").await.body, "20");
}

/// The names in the patches since the last time somebody asked.
fn written(store: &SpyStore) -> Vec<Vec<String>> {
    let patches = store.patches().into_iter();
    let names = patches.map(|patch| {
        let fields = patch.fields.iter();
        fields.map(|field| field.name.to_string()).collect()
    });
    names.collect()
}

async fn overwrite(store: &SpyStore, id: SessionId, name: &'static str, json: &str) {
    use session_axum::{Committed, FieldChange, Guard, Patch};
    let guard = Guard {
        generation: 0,
        version: None,
    };
    let patch = Patch {
        fields: vec![FieldChange::set(name, json)],
        ..Patch::default()
    };
    let answer = store.inner.commit(id, guard, &patch).await;
    assert!(matches!(answer, Ok(Committed::Applied(_))));
}

#[tokio::test]
async fn two_updates_joined_in_one_request_both_count() {
    async fn both(page: TypedSession<Page>) -> Result<(), SessionError> {
        let (one, other) = tokio::join!(
            page.update(|page| page.count += 1),
            page.update(|page| page.count += 1)
        );
        one.and(other)
    }
    for slow in [false, true] {
        let store = SpyStore::new();
        if slow {
            store.be_slow();
        }
        let layer = SessionLayer::new(store, Key::generate());
        let browser = Browser::new(routes().route("/both", get(both)).layer(layer));
        // The first time they start the session, too.
        for count in ["2", "4"] {
            assert_eq!(browser.get("/both").await.status, StatusCode::OK);
            assert_eq!(browser.get("/count").await.body, count);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn updates_in_one_process_come_in_the_order_of_their_arrival() {
    let store = SpyStore::new();
    let browser = visitor(app(store.clone(), &Key::generate())).await;
    let mut first = store.hold(Call::Commit);
    let mut requests = vec![send(&browser, "/increment")];
    first.reached().await;
    for _ in 0..20 {
        requests.push(send(&browser, "/increment"));
        let mut load = store.hold_answer(Call::Load);
        load.reached().await;
        load.release();
        settle().await;
    }
    first.release();
    for (at, request) in requests.into_iter().enumerate() {
        assert_eq!(request.await.expect("answered").body, (at + 2).to_string());
    }
}

/// Lets every other task go as far as it can.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_and_gives_up_is_in_nobodys_way() {
    let store = SpyStore::new();
    let browser = visitor(app(store.clone(), &Key::generate())).await;
    let mut held = store.hold(Call::Commit);
    let first = send(&browser, "/increment");
    held.reached().await;
    let second = send(&browser, "/increment");
    settle().await;
    let third = send(&browser, "/increment");
    settle().await;
    second.abort();
    assert!(second.await.expect_err("cancelled").is_cancelled());
    held.release();
    assert_eq!(first.await.expect("answered").body, "2");
    assert_eq!(third.await.expect("answered").body, "3");
}

#[tokio::test(start_paused = true)]
async fn who_has_the_turn_and_is_cancelled_passes_it_on() {
    let store = SpyStore::new();
    let browser = visitor(app(store.clone(), &Key::generate())).await;
    let mut held = store.hold(Call::Commit);
    let first = send(&browser, "/increment");
    held.reached().await;
    let second = send(&browser, "/increment");
    settle().await;
    first.abort();
    // It was cancelled before the store did anything.
    assert_eq!(second.await.expect("answered").body, "2");
    held.release();
    settle().await;
    assert_eq!(browser.get("/count").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_never_gets_through_is_contended_after_its_timeout() {
    let (store, key) = (SpyStore::new(), Key::generate());
    let browser = visitor(app(store.clone(), &key)).await;
    store.be_contended();
    for (limit, layer) in [
        (30, SessionLayer::new(store.clone(), key.clone())),
        (
            2,
            SessionLayer::new(store.clone(), key.clone()).update_timeout(Duration::from_secs(2)),
        ),
    ] {
        let browser = moved(&browser, routes().layer(layer));
        let _ = store.calls();
        let start = Instant::now();
        let answer = browser.get("/increment").await;
        let took = start.elapsed();
        let limit = Duration::from_secs(limit);
        assert!(
            limit <= took && took < limit + Duration::from_secs(1),
            "{took:?}"
        );
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_ne!(answer.header("retry-after"), "");
        answer.assert_no_set_cookie();
        let tries = store.calls().len() as u64;
        // It tried all the time, with pauses.
        assert!(
            limit.as_secs() * 4 < tries && tries < limit.as_secs() * 100,
            "{tries}"
        );
        assert_eq!(browser.get("/count").await.body, "1");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_waits_too_long_for_its_turn_is_contended() {
    let store = SpyStore::new();
    let hour = Duration::from_hours(1);
    let layer = SessionLayer::new(store.clone(), Key::generate()).store_timeout(hour);
    let browser = visitor(routes().layer(layer)).await;
    let mut held = store.hold(Call::Commit);
    let first = send(&browser, "/increment");
    held.reached().await;
    let start = Instant::now();
    let second = browser.get("/increment").await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(start.elapsed() >= Duration::from_secs(30));
    held.release();
    assert_eq!(first.await.expect("answered").body, "2");
    assert_eq!(browser.get("/increment").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn the_closure_runs_again_on_the_newest_record_and_counts_once() {
    #[derive(Debug, Clone, Default)]
    struct Runs(Arc<Mutex<Vec<u64>>>);

    async fn handler(
        page: TypedSession<Page>,
        Extension(runs): Extension<Runs>,
    ) -> Result<(), SessionError> {
        page.update(|page| {
            runs.0.lock().expect("not poisoned").push(page.count);
            page.count += 1;
        })
        .await
    }
    let (store, key, runs) = (SpyStore::new(), Key::generate(), Runs::default());
    let here = routes()
        .route("/noted", get(handler))
        .layer(SessionLayer::new(store.clone(), key.clone()))
        .layer(Extension(runs.clone()));
    let here = visitor(here).await;
    let there = moved(&here, app(store.clone(), &key));
    let mut held = store.hold(Call::Commit);
    let noted = send(&here, "/noted");
    held.reached().await;
    assert_eq!(there.get("/increment").await.body, "2");
    held.release();
    assert_eq!(noted.await.expect("answered").status, StatusCode::OK);
    assert_eq!(*runs.0.lock().expect("not poisoned"), [1, 2]);
    assert_eq!(here.get("/count").await.body, "3");
}
