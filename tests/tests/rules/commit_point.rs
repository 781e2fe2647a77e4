//! R9: one commit point.

use std::{
    future::{pending, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, Request},
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Redirect, Response},
    routing::{MethodRouter, get},
};
use session_axum::{FieldChange, Session, SessionData, SessionError, StoreError, TypedSession};
use session_tests::{Browser, Call, Log, SpyStore};
use tokio::{
    sync::{Notify, mpsc::unbounded_channel, oneshot},
    task::yield_now,
    time::{Instant, sleep},
};
use tracing::Instrument as _;

use crate::common::{
    DAY, HOUR, Visits, begun, browse, catch_panic, fields, layer, outcome, record, rotate_behind,
    stored, timed, with, write_behind,
};

#[derive(SessionData)]
struct Account {
    #[session(owner)]
    user: Option<String>,
    count: u64,
}

#[tokio::test]
async fn what_a_handler_wants_is_done_in_one_commit_after_it() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        spy.forget_calls();
        visit.set_count(2);
        visit.set_name(Some("Ada".to_owned()));
        visit.session().insert("more", true);
        visit.session().rotate();
        visit.session().set_owner("ada");
        spy.assert_untouched();
    };
    let browser = browse(&store, Router::new().route("/all", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/all").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Commit]);
    let stored = record(&store).await.expect("lives");
    assert_eq!(
        (stored.fields().len(), stored.owner(), stored.generation()),
        (3, Some("ada"), 1)
    );
}

#[tokio::test]
async fn a_destroy_waits_for_the_commit_too() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session| {
        session.destroy();
        assert_eq!(spy.calls(), [Call::Load]);
    };
    let browser = browse(&store, Router::new().route("/end", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    browser.get("/end").await;
    assert_eq!(store.calls(), [Call::Delete]);
}

#[tokio::test]
async fn an_explicit_commit_stores_at_once_and_unstages_what_it_carried() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.set_count(2);
        visit.session().commit().await?;
        assert_eq!(stored(&spy, "count").await.as_deref(), Some("2"));
        assert_eq!(visit.count(), 2);
        write_behind(&spy, FieldChange::set("count", "9")).await;
        visit.set_name(Some("Ada".to_owned()));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/save").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [Call::Load, Call::Commit, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "9 Ada");
}

#[tokio::test]
async fn a_failed_explicit_commit_unstages_too_and_the_handler_decides() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        visit.session().rotate();
        outcome(&visit.session().commit().await)
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    store.fail(Call::Commit, StoreError::unavailable("down"));
    let answer = browser.get("/save").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.starts_with("Store"), "{}", answer.body);
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_failed_explicit_destroy_is_unstaged_too() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.session().destroy();
        assert!(visit.session().commit().await.is_err());
        visit.count().to_string()
    };
    let browser = browse(&store, Router::new().route("/end", get(handler)));
    browser.get("/count/1").await;
    store.fail(Call::Delete, StoreError::unavailable("down"));
    let answer = browser.get("/end").await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, "1"));
    answer.assert_no_set_cookie();
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn an_explicit_commit_of_what_can_not_be_written_unstages_too() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        visit.session().insert("", 1);
        assert!(visit.session().commit().await.is_err());
        visit.set_name(Some("Ada".to_owned()));
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/save").await.status, StatusCode::OK);
    assert_eq!(browser.get("/read").await.body, "1 Ada");
}

#[tokio::test]
async fn after_gone_further_sets_are_refused_and_traced() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        let gone = visit.session().commit().await;
        visit.set_count(3);
        visit.session().rotate();
        assert_eq!(
            outcome(&visit.session().commit().await),
            "Gone",
            "no lying success"
        );
        format!("{} {:?}", outcome(&gone), visit.session().status())
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    let mut loaded = store.hold_answer(Call::Load);
    let slow = browser.start("/save");
    loaded.reached().await;
    browser.get("/rotate").await;
    store.forget_calls();
    let log = Log::start();
    loaded.release();
    let answer = slow.await.expect("runs");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "Gone Superseded")
    );
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Commit]);
    let refusals = log.lines().matches("refused").count();
    assert_eq!(refusals, 2);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn redirects_and_client_errors_commit_like_successes() {
    let store = SpyStore::new();
    let handler = async |visit: Visits, Path(status): Path<u16>| -> Response {
        visit.set_count(u64::from(status));
        match status {
            303 => Redirect::to("/read").into_response(),
            status => StatusCode::from_u16(status)
                .expect("a status")
                .into_response(),
        }
    };
    let browser = browse(
        &store,
        Router::new().route("/answer/{status}", get(handler)),
    );
    for status in [200, 204, 303, 304, 400, 401, 404, 422, 429] {
        let answer = browser.get(&format!("/answer/{status}")).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(browser.get("/read").await.body, format!("{status} nobody"));
    }
}

#[tokio::test]
async fn a_handler_that_panics_leaves_the_session_as_it_was() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        visit.session().rotate();
        assert_ne!(visit.count(), 2, "on purpose");
    };
    let routes = Router::new()
        .route("/panic", get(handler))
        .route("/caught", get(handler).layer(from_fn(catch_panic)));
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    store.forget_calls();
    let answer = browser.get("/caught").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    answer.assert_no_set_cookie();
    assert!(
        browser
            .start("/panic")
            .await
            .expect_err("panics")
            .is_panic()
    );
    assert_eq!(store.calls(), [Call::Load, Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_request_that_is_cancelled_before_its_commit_leaves_the_session_as_it_was() {
    let store = SpyStore::new();
    let reached = Arc::new(Notify::new());
    let there = Arc::clone(&reached);
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        visit.session().rotate();
        visit.session().destroy();
        there.notify_one();
        pending::<()>().await;
    };
    let browser = browse(&store, Router::new().route("/slow", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    let slow = browser.start("/slow");
    reached.notified().await;
    slow.abort();
    assert!(slow.await.expect_err("cancelled").is_cancelled());
    assert_eq!(store.calls(), [Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

/// As a layer of time limits does, only without the time.
async fn cut_off(request: Request, next: Next) -> Response {
    let mut handler = pin!(next.run(request));
    let first = poll_fn(|cx| Poll::Ready(handler.as_mut().poll(cx))).await;
    match first {
        Poll::Ready(answer) => answer,
        Poll::Pending => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

#[tokio::test]
async fn a_handler_that_is_cut_off_inside_the_layer_leaves_the_session_as_it_was() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        visit.session().rotate();
        pending::<()>().await;
    };
    let routes = Router::new().route("/slow", get(handler).layer(from_fn(cut_off)));
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    let cookie = browser.cookie("sid");
    store.forget_calls();
    let answer = browser.get("/slow").await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    assert_eq!(browser.cookie("sid"), cookie);
}

#[tokio::test]
async fn a_request_that_is_cancelled_in_its_commit_changed_all_or_nothing() {
    let store = SpyStore::new();
    let handler = async |visit: Visits, Path(count): Path<u64>| {
        visit.set_count(count);
        visit.set_name(Some(count.to_string()));
    };
    let browser = browse(&store, Router::new().route("/both/{count}", get(handler)));
    browser.get("/both/1").await;
    for (mut held, path, after) in [
        (store.hold(Call::Commit), "/both/2", "1 1"),
        (store.hold_answer(Call::Commit), "/both/3", "3 3"),
    ] {
        let request = browser.start(path);
        held.reached().await;
        request.abort();
        assert!(request.await.expect_err("cancelled").is_cancelled());
        held.release();
        yield_now().await;
        assert_eq!(browser.get("/read").await.body, after);
    }
}

#[tokio::test]
async fn a_commit_that_carries_a_rotation_is_carried_through_although_the_client_has_gone() {
    let explicit = async |session: Session| -> Result<(), SessionError> {
        session.insert("count", 5);
        session.rotate();
        session.commit().await
    };
    let (clock, store) = timed();
    let routes = Router::new().route("/explicit", get(explicit));
    let browser = with(layer(&store).rotate_every(HOUR), routes);
    for (path, count) in [
        ("/rotate", "1"),
        ("/owner/ada", "1"),
        ("/explicit", "5"),
        ("/count/6", "6"),
    ] {
        let browser = browser.copy();
        browser.set_cookie("sid", "");
        browser.get("/count/1").await;
        if path == "/count/6" {
            // A periodic rotation goes along.
            clock.advance(HOUR);
        }
        let mut sent = store.hold(Call::Commit);
        let request = browser.start(path);
        sent.reached().await;
        request.abort();
        assert!(request.await.expect_err("cancelled").is_cancelled());
        sent.release();
        for _ in 0..10 {
            yield_now().await;
        }
        let record = record(&store).await.expect("lives");
        assert_eq!(record.generation(), 1, "{path}");
        assert_eq!(record.fields().get("count"), Some(count), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_timed_out_is_never_tried_again() {
    let store = SpyStore::new();
    let browser = with(
        layer(&store).store_timeout(Duration::from_secs(2)),
        Router::new(),
    );
    browser.get("/count/1").await;
    store.forget_calls();
    for path in ["/count/2", "/increment", "/rotate"] {
        let sent = store.hold(Call::Commit);
        let begun = Instant::now();
        let answer = browser.get(path).await;
        assert_eq!(begun.elapsed().as_secs(), 2, "{path}");
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load, Call::Commit], "{path}");
        drop(sent);
    }
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test(start_paused = true)]
async fn an_explicit_commit_that_the_handler_gave_up_is_not_sent_again() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(2);
        let impatient = tokio::time::timeout(Duration::from_secs(1), visit.session().commit());
        assert!(impatient.await.is_err());
        assert_eq!(visit.count(), 1, "what may never be stored is not seen");
        visit.set_name(Some("Ada".to_owned()));
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    let _held = store.hold(Call::Commit);
    assert_eq!(browser.get("/save").await.status, StatusCode::OK);
    let sent: Vec<_> = store
        .patches()
        .into_iter()
        .flat_map(|patch| patch.fields)
        .collect();
    let names: Vec<_> = sent.iter().map(|change| &*change.name).collect();
    assert_eq!(names, ["count", "name"], "each once");
    assert_eq!(browser.get("/read").await.body, "1 Ada");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_that_the_handler_gave_up_is_told_to_the_client_all_the_same() {
    let store = SpyStore::new();
    let given_up = Arc::new(Notify::new());
    let tell = Arc::clone(&given_up);
    let handler = async move |visit: Visits| {
        visit.session().rotate();
        let impatient = tokio::time::timeout(Duration::from_secs(1), visit.session().commit());
        assert!(impatient.await.is_err());
        visit.set_count(9);
        tell.notify_one();
    };
    let browser = browse(&store, Router::new().route("/give-up", get(handler)));
    browser.get("/count/1").await;
    let held = store.hold_answer(Call::Commit);
    let request = browser.start("/give-up");
    given_up.notified().await;
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(!request.is_finished(), "it waits for the rotation");
    held.release();
    let answer = request.await.expect("it ends");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(browser.get("/read").await.body, "9 nobody");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_was_carried_through_is_staged_no_more() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>| {
        account.set_count(5);
        let update = account.update(|account| {
            account.user = Some("ada".to_owned());
            account.count += 1;
        });
        let impatient = tokio::time::timeout(Duration::from_secs(1), update);
        assert!(impatient.await.is_err());
    };
    given_up(&store, get(handler)).await;
    assert_eq!(fields(&store).await, ["count=6"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_commit_carries_can_be_cleared_and_destroyed_while_it_is_under_way() {
    for (destroy, left) in [(false, Some(0)), (true, None)] {
        let store = SpyStore::new();
        let handler = async move |visit: Visits| {
            visit.session().rotate();
            visit.set_name(Some("Ada".to_owned()));
            let impatient = tokio::time::timeout(Duration::from_secs(1), visit.session().commit());
            assert!(impatient.await.is_err());
            assert!(visit.name().is_some());
            if destroy {
                visit.session().destroy();
            } else {
                visit.session().clear();
            }
            assert!(visit.name().is_none());
        };
        given_up(&store, get(handler)).await;
        let record = record(&store).await;
        assert_eq!(record.map(|record| record.fields().len()), left);
    }
}

/// A request whose handler gives up a commit, of which the answer comes later.
async fn given_up(store: &SpyStore, handler: MethodRouter) {
    let browser = browse(store, Router::new().route("/give-up", handler));
    browser.get("/count/1").await;
    let held = store.hold_answer(Call::Commit);
    let request = browser.start("/give-up");
    sleep(Duration::from_secs(2)).await;
    held.release();
    assert_eq!(request.await.expect("it ends").status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_rotation_meets_is_told_in_the_span_of_its_request() {
    let (log, store) = (Log::start(), SpyStore::new());
    let spy = store.clone();
    let handler = async move |session: Session| {
        rotate_behind(&spy).await;
        session.rotate();
    };
    let browser = browse(&store, Router::new().route("/late", get(handler)));
    browser.get("/count/1").await;
    let request = browser.get("/late");
    request.instrument(tracing::info_span!("the_request")).await;
    let lines = log.lines();
    let told = lines
        .lines()
        .find(|line| line.contains("nothing is written"));
    assert!(told.expect("it is told").contains("the_request"));
}

#[tokio::test]
async fn what_a_commit_carries_is_still_seen_while_it_is_under_way() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        let mut sent = spy.hold(Call::Commit);
        let meanwhile = async {
            sent.reached().await;
            assert_eq!(visit.count(), 2);
            visit.set_count(3);
            assert_eq!(visit.count(), 3, "a later write lies over it");
            sent.release();
        };
        let (committed, ()) = tokio::join!(visit.session().commit(), meanwhile);
        assert_eq!(outcome(&committed), "ok");
        assert_eq!(visit.count(), 3);
    };
    let browser = browse(&store, Router::new().route("/save", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/save").await.status, StatusCode::OK);
    assert_eq!(browser.get("/read").await.body, "3 nobody");
}

#[tokio::test]
async fn the_store_calls_of_one_request_take_turns() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_count(1);
        let session = visit.session();
        let both = tokio::join!(session.commit(), visit.update(|visit| visit.count += 1));
        assert!(both.0.is_ok() && both.1.is_ok());
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    store.be_slow();
    assert_eq!(browser.get("/both").await.set_cookies().len(), 1);
    assert_eq!(
        store.calls(),
        [Call::Create, Call::Commit],
        "and not two sessions"
    );
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn nobody_passes_those_who_wait_for_the_store_calls_of_their_request() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.update(|visit| visit.count = 1).await?;
        let (busy, name) = (AtomicBool::new(true), visit.session().clone());
        let without_a_pause = async {
            let mut updates = 0;
            while busy.load(Ordering::Relaxed) && updates < 1_000 {
                visit.update(|visit| visit.count += 1).await?;
                updates += 1;
            }
            Ok::<_, SessionError>(updates)
        };
        let between = async {
            name.insert("name", "Ada");
            let committed = name.commit().await;
            busy.store(false, Ordering::Relaxed);
            committed
        };
        let (updates, committed) = tokio::join!(without_a_pause, between);
        committed?;
        updates.map(|updates| updates.to_string())
    };
    let browser = browse(&store, Router::new().route("/busy", get(handler)));
    store.be_slow();
    let updates: u32 = browser.get("/busy").await.body.parse().expect("a number");
    assert!(updates <= 3, "{updates} before the one that waited");
}

#[tokio::test]
async fn a_response_waits_for_a_store_call_of_its_request_and_carries_its_cookie() {
    let store = SpyStore::new();
    let mut created = store.hold(Call::Create);
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    // It has nothing to send itself.
    let handler = async move |visit: Visits| {
        let task = tokio::spawn(async move { visit.update(|visit| visit.count = 1).await });
        told.notified().await;
        drop(task);
    };
    let browser = browse(&store, Router::new().route("/beside", get(handler)));
    let asking = browser.copy();
    let response = tokio::spawn(async move { asking.get("/beside").await });
    created.reached().await;
    begun.notify_one();
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(
        !response.is_finished(),
        "its head would have left without the cookie"
    );
    created.release();
    let response = response.await.expect("no panic");
    assert_eq!(response.set_cookies().len(), 1);
}

/// The other tasks have gone as far as they can.
async fn settled() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// A task of the handler that goes on while the response's commit is held at the store.
async fn beside_the_response<F, W>(store: &SpyStore, task: F) -> (Browser, String)
where
    F: Fn(Session) -> W + Clone + Send + Sync + 'static,
    W: Future<Output = String> + Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let go = Arc::new(Notify::new());
    let handler = {
        let go = Arc::clone(&go);
        async move |session: Session| {
            session.insert("count", 2);
            let tell = tell.lock().expect("whole").take().expect("once");
            let (go, task) = (Arc::clone(&go), task.clone());
            tokio::spawn(async move {
                go.notified().await;
                let _ = tell.send(task(session).await);
            });
        }
    };
    let browser = browse(store, Router::new().route("/spawn", get(handler)));
    browser.get("/count/1").await;
    let mut own = store.hold(Call::Commit);
    let request = browser.start("/spawn");
    own.reached().await;
    go.notify_one();
    settled().await;
    own.release();
    request.await.expect("answers");
    (browser, told.await.expect("tells"))
}

#[tokio::test]
async fn a_log_in_or_rotation_that_waits_for_the_response_s_commit_is_refused_for_nobody_could_be_told()
 {
    for logs_in in [true, false] {
        let store = SpyStore::new();
        let task = move |session: Session| async move {
            if logs_in {
                session.set_owner("ada");
            } else {
                session.rotate();
            }
            outcome(&session.commit().await)
        };
        let (browser, told) = beside_the_response(&store, task).await;
        assert_eq!(told, "Refused(ResponseSent)");
        assert_eq!(browser.get("/status").await.body, "Live");
    }
}

#[tokio::test]
async fn a_commit_that_waits_for_the_response_s_own_is_done_after_it() {
    let store = SpyStore::new();
    let save = async |session: Session| {
        session.insert("name", "Ada");
        outcome(&session.commit().await)
    };
    let (browser, told) = beside_the_response(&store, save).await;
    assert_eq!(told, "ok");
    assert_eq!(browser.get("/read").await.body, "2 Ada");

    let store = SpyStore::new();
    let log_out = async |session: Session| {
        session.destroy();
        outcome(&session.commit().await)
    };
    let (browser, told) = beside_the_response(&store, log_out).await;
    assert_eq!(told, "ok");
    assert_eq!(browser.get("/status").await.body, "Unknown");
}

#[tokio::test]
async fn a_commit_that_is_given_up_while_it_waits_leaves_nothing_behind() {
    // Before the response has left, and after it.
    for patience in [0, 5] {
        let store = SpyStore::new();
        let save = move |session: Session| async move {
            session.insert("name", "Ada");
            let commit = begun(session.commit()).await;
            for _ in 0..patience {
                settled().await;
            }
            drop(commit);
            format!("{:?}", session.get::<String>("name"))
        };
        let log = Log::start();
        let (browser, told) = beside_the_response(&store, save).await;
        let seen = if patience == 0 {
            "Some(\"Ada\")"
        } else {
            "None"
        };
        assert_eq!(told, seen);
        let lines = log.lines();
        assert!(
            lines.contains("too late for the commit of the response"),
            "{lines}"
        );
        assert_eq!(browser.get("/read").await.body, "2 nobody");
    }
}

#[tokio::test]
async fn a_commit_that_outlives_its_client_takes_nothing_of_another_task_s() {
    let store = SpyStore::new();
    let (hand, mut handed) = unbounded_channel();
    let handler = async move |session: Session| {
        hand.send(session).expect("waits for it");
        pending::<()>().await;
    };
    let browser = browse(&store, Router::new().route("/slow", get(handler)));
    browser.get("/count/1").await;
    let request = browser.start("/slow");
    let session = handed.recv().await.expect("runs");
    let mut held = store.hold(Call::Commit);
    session.insert("count", 2);
    let first = tokio::spawn({
        let session = session.clone();
        async move { outcome(&session.commit().await) }
    });
    held.reached().await;
    session.insert("name", "Ada");
    request.abort();
    assert!(request.await.expect_err("cancelled").is_cancelled());
    held.release();
    assert_eq!(first.await.expect("runs"), "ok");
    assert_eq!(outcome(&session.commit().await), "ok");
    assert_eq!(browser.get("/read").await.body, "2 Ada");
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_waited_in_vain_can_be_tried_again_after_the_response_too() {
    let store = SpyStore::new();
    let save = async |visit: Session| {
        // It stands in line first, and is polled no more.
        let parked = begun(visit.refresh()).await;
        visit.insert("name", "Ada");
        let first = outcome(&visit.commit().await);
        drop(parked);
        format!("{first} {}", outcome(&visit.commit().await))
    };
    let (browser, told) = beside_the_response(&store, save).await;
    assert_eq!(told, "Contended ok");
    assert_eq!(browser.get("/read").await.body, "2 Ada");
}

#[tokio::test]
async fn a_commit_whose_writes_a_failed_response_dropped_says_so() {
    let store = SpyStore::new();
    let (tell, told) = oneshot::channel();
    let (spy, tell) = (store.clone(), Arc::new(Mutex::new(Some(tell))));
    let handler = async move |session: Session| {
        let tell = tell.lock().expect("whole").take().expect("once");
        let (mut held, refreshing) = (spy.hold(Call::Load), session.clone());
        tokio::spawn(async move { refreshing.refresh().await });
        held.reached().await;
        tokio::spawn(async move {
            // The response waits by now, too.
            settled().await;
            session.insert("name", "Ada");
            let release = async {
                settled().await;
                held.release();
            };
            let (commit, ()) = tokio::join!(session.commit(), release);
            let _ = tell.send(outcome(&commit));
        });
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let browser = browse(&store, Router::new().route("/fail", get(handler)));
    browser.get("/count/1").await;
    browser.get("/fail").await;
    assert_eq!(told.await.expect("tells"), "Refused(ResponseSent)");
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn of_two_commits_at_once_both_have_the_outcome_of_the_one_that_carried_their_writes() {
    for (fails, told) in [(true, "Store"), (false, "ok")] {
        let store = SpyStore::new();
        let spy = store.clone();
        let handler = async move |session: Session| {
            let (one, other) = (session.clone(), session);
            one.insert("count", 2);
            other.insert("name", "Ada");
            if fails {
                spy.fail(Call::Commit, StoreError::unavailable("out of order"));
            }
            let (one, other) = tokio::join!(one.commit(), other.commit());
            format!("{}|{}", outcome(&one), outcome(&other))
        };
        let browser = browse(&store, Router::new().route("/both", get(handler)));
        browser.get("/count/1").await;
        store.be_slow();
        let both = browser.get("/both").await.body;
        assert!(
            both.split('|').all(|outcome| outcome.starts_with(told)),
            "{both}"
        );
        let left = if fails { "1 nobody" } else { "2 Ada" };
        assert_eq!(browser.get("/read").await.body, left);
    }
}

#[tokio::test]
async fn a_commit_that_is_given_up_between_its_two_calls_remembers_all_the_same() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session| {
        session.set_owner("ada");
        session.remember(DAY * 20);
        let mut second = spy.hold(Call::Commit);
        tokio::select! {
            done = session.commit() => panic!("{done:?}"),
            () = second.reached() => {}
        }
    };
    let browser = browse(&store, Router::new().route("/log_in", get(handler)));
    let answer = browser.get("/log_in").await;
    assert!(
        answer.set_cookies()[0].contains("Max-Age=1728000"),
        "{:?}",
        answer.set_cookies()
    );
    let record = record(&store).await.expect("lives");
    assert_eq!(record.remembered(), Some(DAY * 20));
}

#[tokio::test]
async fn what_is_set_while_the_response_commits_is_refused_and_not_sent_later() {
    let store = SpyStore::new();
    let (give, mut given) = unbounded_channel();
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        assert!(give.send(visit).is_ok());
    };
    let browser = browse(&store, Router::new().route("/give", get(handler)));
    browser.get("/count/1").await;
    let mut held = store.hold(Call::Commit);
    let request = browser.start("/give");
    held.reached().await;
    let visit = given.recv().await.expect("given");
    visit.set_name(Some("late".to_owned()));
    held.release();
    request.await.expect("ends");
    store.forget_calls();
    assert_eq!(outcome(&visit.session().commit().await), "ok");
    store.assert_untouched();
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn who_waits_for_a_commit_that_is_given_up_is_told_that_nobody_knows_what_became_of_it() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session| {
        let _held = spy.hold(Call::Commit);
        session.insert("name", "Ada");
        let one = begun(session.commit()).await;
        let other = begun(session.commit()).await;
        drop(one);
        outcome(&other.await)
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    browser.get("/count/1").await;
    let told = browser.get("/both").await.body;
    assert!(told.starts_with("Store("), "{told}");
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_waited_then_and_to_nobody_later() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session| {
        let commits = async |name: &'static str| {
            let mut outcomes = Vec::new();
            for round in 0..5 {
                session.insert(name, round);
                outcomes.push(session.commit().await.is_ok());
            }
            outcomes
        };
        spy.fail(Call::Commit, StoreError::unavailable("out of order"));
        let (a, b, c) = tokio::join!(commits("a"), commits("b"), commits("c"));
        format!("{a:?} {b:?} {c:?}")
    };
    let browser = browse(&store, Router::new().route("/all", get(handler)));
    browser.get("/count/1").await;
    store.be_slow();
    let told = browser.get("/all").await.body;
    let later = "true, true, true, true]";
    assert_eq!(told.matches(later).count(), 3, "{told}");
    assert!(told.starts_with("[false"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_with_writes_that_a_contended_response_dropped_is_told_so() {
    let store = SpyStore::new();
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let handler = async move |session: Session| {
        let tell = tell.lock().expect("whole").take().expect("once");
        let (refreshing, late) = (session.clone(), session);
        tokio::spawn(async move {
            // Begun, and polled no more for longer than others wait.
            let _refresh = begun(refreshing.refresh()).await;
            sleep(Duration::from_secs(32)).await;
        });
        yield_now().await;
        tokio::spawn(async move {
            sleep(Duration::from_secs(5)).await;
            late.insert("name", "Ada");
            let _ = tell.send(outcome(&late.commit().await));
        });
    };
    let browser = browse(&store, Router::new().route("/slow", get(handler)));
    browser.get("/count/1").await;
    store.be_slow();
    let answer = browser.get("/slow").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told.await.expect("tells"), "Contended");
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn what_is_remembered_while_the_first_commit_is_under_way_counts() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session, Path(during): Path<String>| {
        session.insert("name", "Ada");
        session.remember(DAY * 2);
        let mut held = spy.hold(if during == "create" {
            Call::Create
        } else {
            Call::Commit
        });
        let commit = begun(session.commit()).await;
        held.reached().await;
        session.remember(DAY * 20);
        held.release();
        outcome(&commit.await)
    };
    let routes = Router::new().route("/first/{during}", get(handler));
    for during in ["create", "commit"] {
        let browser = browse(&store, routes.clone());
        assert_eq!(browser.get(&format!("/first/{during}")).await.body, "ok");
        let record = record(&store).await.expect("lives");
        assert_eq!(record.remembered(), Some(DAY * 20), "{during}");
    }
}
