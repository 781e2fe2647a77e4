//! R9: what a session can still do after the response head has left.

use std::{
    future::pending,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts as _, Request},
    response::Response,
    routing::get,
};
use futures_util::stream;
use session_axum::{
    FieldChange, Key, MemoryStore, SessionData, SessionError, SessionLayer, SessionStore as _,
};
use session_tests::{Browser, Call, Log, PanickingClock, SpyStore};
use tokio::sync::{Notify, mpsc::unbounded_channel, oneshot};

use crate::common::{
    HOUR, Visits, browse, layer, outcome, record, rotate_behind, timed, with, write_behind,
};

/// A response whose body is made while it is sent.
fn streaming<F>(body: F) -> Response
where
    F: Future<Output = String> + Send + 'static,
{
    let chunk = async { Ok::<_, SessionError>(body.await) };
    Response::new(Body::from_stream(stream::once(chunk)))
}

/// A browser that has a session, and a route whose body does this with it.
async fn browser<F, W>(store: &SpyStore, body: F) -> Browser
where
    F: Fn(Visits) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = String> + Send + 'static,
{
    let handler = async move |visit: Visits| streaming(body(visit));
    let browser = browse(store, Router::new().route("/stream", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    browser
}

#[tokio::test]
async fn reads_still_work() {
    let store = SpyStore::new();
    let body = async |visit: Visits| format!("{} {:?}", visit.count(), visit.session().status());
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "1 Live");
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn refresh_sees_the_newest_record() {
    let store = SpyStore::new();
    let spy = store.clone();
    let body = move |visit: Visits| {
        let spy = spy.clone();
        async move {
            write_behind(&spy, FieldChange::set("count", "7")).await;
            let before = visit.count();
            visit.session().refresh().await.expect("lives");
            format!("{before} {}", visit.count())
        }
    };
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "1 7");
    assert_eq!(store.calls(), [Call::Load, Call::Load]);
}

#[tokio::test]
async fn update_reaches_the_store() {
    let store = SpyStore::new();
    let body = async |visit: Visits| outcome(&visit.update(|visit| visit.count += 1).await);
    let browser = browser(&store, body).await;
    let answer = browser.get("/stream").await;
    assert_eq!(answer.body, "ok");
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn an_update_that_changes_nothing_looks_for_the_newest_record_before_it_says_so() {
    let store = SpyStore::new();
    let spy = store.clone();
    let body = move |visit: Visits| {
        let spy = spy.clone();
        async move {
            write_behind(&spy, FieldChange::set("count", "0")).await;
            let bought = visit.update(|visit| match visit.count {
                0 => "sold out",
                _ => "nothing to do",
            });
            bought.await.expect("lives").to_owned()
        }
    };
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "sold out");
}

#[tokio::test]
async fn a_plain_set_is_refused_loudly() {
    let store = SpyStore::new();
    let body = async |visit: Visits| {
        visit.set_count(9);
        visit.set_state(crate::common::Visit {
            count: 9,
            name: None,
        });
        visit.session().insert("count", 9);
        visit.remove_count();
        visit.clear();
        visit.session().rotate();
        visit.session().set_owner("ada");
        let commit = visit.session().commit().await;
        format!("{} {}", visit.count(), outcome(&commit))
    };
    let browser = browser(&store, body).await;
    let log = Log::start();
    assert_eq!(browser.get("/stream").await.body, "1 ok");
    let lines = log.lines();
    let errors = lines
        .lines()
        .filter(|line| line.contains("ERROR") && line.contains("head has left"));
    assert_eq!(errors.count(), 7, "{lines}");
    assert_eq!(store.calls(), [Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    assert_eq!(record(&store).await.expect("lives").generation(), 0);
}

#[tokio::test]
async fn update_keeps_to_the_guard() {
    let store = SpyStore::new();
    let spy = store.clone();
    let body = move |visit: Visits| {
        let spy = spy.clone();
        async move {
            rotate_behind(&spy).await;
            let update = visit.update(|visit| visit.count += 1).await;
            format!("{} {:?}", outcome(&update), visit.session().status())
        }
    };
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "Gone Superseded");
    let record = record(&store).await.expect("lives");
    assert_eq!(record.fields().get("count"), Some("1"));
}

#[tokio::test]
async fn an_update_can_start_no_session_and_says_so() {
    let store = SpyStore::new();
    let body = async |visit: Visits| outcome(&visit.update(|visit| visit.count += 1).await);
    let browser = browser(&store, body).await;
    browser.set_cookie("sid", "");
    assert_eq!(browser.get("/stream").await.body, "Refused(ResponseSent)");
    store.assert_untouched();
}

#[derive(SessionData)]
struct Account {
    #[session(owner)]
    user: Option<String>,
}

#[tokio::test]
async fn an_update_can_change_no_owner_and_says_so() {
    let store = SpyStore::new();
    let body = async |visit: Visits| {
        let log_in = |account: &mut Account| account.user = Some("ada".to_owned());
        outcome(&visit.session().update(log_in).await)
    };
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "Refused(ResponseSent)");
    assert_eq!(browser.get("/status").await.body, "Live");
    assert_eq!(record(&store).await.expect("lives").owner(), None);
}

#[tokio::test]
async fn a_destroy_with_an_explicit_commit_still_ends_the_session() {
    let store = SpyStore::new();
    let body = async |visit: Visits| {
        visit.session().destroy();
        outcome(&visit.session().commit().await)
    };
    let browser = browser(&store, body).await;
    let log = Log::start();
    let answer = browser.get("/stream").await;
    assert_eq!(answer.body, "ok");
    answer.assert_no_set_cookie();
    assert!(
        log.lines().contains("this `destroy` waits"),
        "alone it would be lost"
    );
    assert_eq!(store.calls(), [Call::Load, Call::Delete]);
    assert_eq!(browser.get("/status").await.body, "Unknown");
}

#[tokio::test]
async fn a_session_that_outlives_its_request_is_committed_by_nobody_else() {
    let store = SpyStore::new();
    let body = async |visit: Visits| {
        // Another task may hold it as long as it likes.
        let held = visit.clone();
        let read = tokio::spawn(async move { held.update(|visit| visit.count += 1).await });
        outcome(&read.await.expect("runs"))
    };
    let browser = browser(&store, body).await;
    assert_eq!(browser.get("/stream").await.body, "ok");
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

/// A handler that takes no session, and a body that extracts one.
async fn extracted_late(request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    streaming(async move {
        let visit = Visits::from_request_parts(&mut parts, &()).await;
        let visit = visit.expect("a session");
        visit.set_name(Some("late".to_owned()));
        let updated = visit.update(|visit| visit.count += 1).await;
        let name = visit.name().unwrap_or_else(|| "nobody".to_owned());
        format!("{} {name} {}", visit.count(), outcome(&updated))
    })
}

#[tokio::test]
async fn who_extracts_the_session_only_then_reads_and_is_refused_as_loudly() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new().route("/late", get(extracted_late)));
    let log = Log::start();
    assert_eq!(
        browser.get("/late").await.body,
        "0 nobody Refused(ResponseSent)"
    );
    store.assert_untouched();
    assert!(log.lines().contains("head has left"), "{}", log.lines());
    browser.get("/count/1").await;
    store.forget_calls();
    let answer = browser.get("/late").await;
    assert_eq!(answer.body, "2 nobody ok");
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

#[tokio::test]
async fn who_is_just_extracting_it_then_is_refused_as_loudly() {
    let store = SpyStore::new();
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let handler = async move |request: Request| {
        let tell = tell.lock().expect("whole").take().expect("once");
        let (mut parts, _) = request.into_parts();
        tokio::spawn(async move {
            let visit = Visits::from_request_parts(&mut parts, &()).await;
            let visit = visit.expect("a session");
            let updated = visit.update(|visit| visit.count += 1).await;
            let _ = tell.send(outcome(&updated));
        });
    };
    let browser = browse(&store, Router::new().route("/spawn", get(handler)));
    browser.get("/count/1").await;
    let token = browser.cookie("sid").expect("it has one");
    browser.get("/destroy").await;
    browser.set_cookie("sid", &token);
    let mut held = store.hold(Call::Load);
    browser.get("/spawn").await;
    held.reached().await;
    held.release();
    assert_eq!(told.await.expect("tells"), "Refused(ResponseSent)");
    assert_eq!(store.inner.count().await.expect("counts"), 0);
}

/// A request whose client goes away while a task of its handler goes on with the session.
async fn abandoned<F, W>(browser: &Browser, store: &SpyStore, goes_on: F) -> String
where
    F: Fn(Visits) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = String> + Send + 'static,
{
    let (reached, left) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let handler = {
        let (reached, left) = (Arc::clone(&reached), Arc::clone(&left));
        async move |visit: Visits| {
            let tell = tell.lock().expect("whole").take().expect("once");
            let (goes_on, left) = (goes_on.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                left.notified().await;
                let _ = tell.send(goes_on(visit).await);
            });
            reached.notify_one();
            pending::<()>().await;
        }
    };
    let layer = layer(store).rotate_every(HOUR);
    let slow = with(layer, Router::new().route("/slow", get(handler)));
    slow.set_cookie("sid", &browser.cookie("sid").unwrap_or_default());
    let request = slow.start("/slow");
    reached.notified().await;
    request.abort();
    assert!(request.await.expect_err("cancelled").is_cancelled());
    left.notify_one();
    told.await.expect("tells")
}

#[tokio::test]
async fn a_task_whose_client_has_gone_is_refused_as_loudly() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let goes_on = async |visit: Visits| {
        visit.set_name(Some("gone".to_owned()));
        outcome(&visit.update(|visit| visit.count += 1).await)
    };
    let log = Log::start();
    let refused = abandoned(&browser, &store, goes_on).await;
    assert_eq!(refused, "Refused(ResponseSent)");
    assert!(log.lines().contains("head has left"), "{}", log.lines());
    store.assert_untouched();
    browser.get("/count/1").await;
    assert_eq!(abandoned(&browser, &store, goes_on).await, "ok");
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn a_task_whose_client_has_gone_rotates_nothing_by_itself() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    let goes_on = async |visit: Visits| outcome(&visit.update(|visit| visit.count += 1).await);
    assert_eq!(abandoned(&browser, &store, goes_on).await, "ok");
    assert_eq!(record(&store).await.expect("lives").generation(), 0);
}

#[tokio::test]
async fn a_stream_rotates_nothing_by_itself_either() {
    let (clock, store) = timed();
    let time = clock.clone();
    let handler = async move |visit: Visits| {
        streaming(async move {
            time.advance(HOUR);
            visit.session().refresh().await.expect("lives");
            outcome(&visit.update(|visit| visit.count += 1).await)
        })
    };
    let routes = Router::new().route("/stream", get(handler));
    let browser = with(layer(&store).rotate_every(HOUR), routes);
    browser.get("/count/1").await;
    assert_eq!(browser.get("/stream").await.body, "ok");
    assert_eq!(record(&store).await.expect("lives").generation(), 0);
}

#[tokio::test]
async fn a_session_whose_response_panicked_is_open_to_nobody() {
    let clock = PanickingClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let (hand, mut handed) = unbounded_channel();
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        clock.panic();
        hand.send(visit).expect("waits for it");
    };
    let layer = SessionLayer::new(store, Key::generate());
    let browser = with(layer, Router::new().route("/panic", get(handler)));
    browser.get("/count/1").await;
    let panicked = browser.start("/panic").await;
    assert!(panicked.expect_err("panics").is_panic());
    let visit = handed.recv().await.expect("it ran");
    visit.set_name(Some("late".to_owned()));
    visit.session().rotate();
    assert_eq!(outcome(&visit.session().commit().await), "ok");
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}
