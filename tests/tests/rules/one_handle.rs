//! One request's handle in several of its tasks, beside a commit that is on its way or was lost there.

use std::{
    cell::RefCell,
    convert::Infallible,
    fmt::{self, Display},
    future::poll_fn,
    str::FromStr,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    routing::{MethodRouter, get},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use session_axum::{
    Session, SessionData, SessionError, SessionStore as _, StoreError, TypedSession,
};
use session_tests::{Call, SpyStore};
use tokio::{sync::oneshot, time::timeout};

use crate::common::{Visit, Visits, begun, browse, fields, layer, outcome, record, stored, with};

fn lost() -> StoreError {
    StoreError::unavailable("the answer was lost")
}

/// What a handler answers in whose hands is a session with count 1.
async fn answer(store: &SpyStore, handler: MethodRouter) -> String {
    let browser = browse(store, Router::new().route("/", handler));
    browser.get("/count/1").await;
    browser.get("/").await.body
}

#[tokio::test]
async fn an_owner_on_its_way_to_the_store_is_seen() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session| {
        session.set_owner("bob");
        let mut held = spy.hold(Call::Commit);
        let commit = begun(session.commit()).await;
        held.reached().await;
        let seen = format!("{:?} {:?}", session.owner(), session.get::<u64>("count"));
        held.release();
        commit.await.expect("it is stored");
        seen
    };
    let browser = browse(&store, Router::new().route("/bob", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/1").await;
    assert_eq!(browser.get("/bob").await.body, "Some(\"bob\") None");
}

#[tokio::test]
async fn an_end_on_its_way_to_the_store_is_seen_and_what_is_set_meanwhile_is_for_a_new_session() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.session().destroy();
        let mut held = spy.hold(Call::Delete);
        let commit = begun(visit.session().commit()).await;
        held.reached().await;
        let seen = visit.count();
        visit.set_state(Visit {
            count: 1,
            name: None,
        });
        held.release();
        commit.await.expect("it is ended");
        seen.to_string()
    };
    let seen = answer(&store, get(handler));
    assert_eq!(seen.await, "0");
    assert_eq!(fields(&store).await, ["count=1"]);
}

#[tokio::test]
async fn a_whole_view_counts_on_no_write_that_may_come_to_nothing() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        let mut held = spy.hold(Call::Commit);
        let commit = begun(visit.session().commit()).await;
        held.reached().await;
        visit.set_state(Visit {
            count: 2,
            name: Some("Ada".to_owned()),
        });
        drop(commit);
        String::new()
    };
    answer(&store, get(handler)).await;
    assert_eq!(fields(&store).await, ["count=2", "name=\"Ada\""]);
}

#[tokio::test]
async fn what_is_set_back_after_a_lost_answer_is_stored() {
    let store = SpyStore::new();
    for how in ["set", "commit", "update"] {
        let spy = store.clone();
        let handler = async move |visit: Visits| {
            visit.set_count(2);
            spy.lose_answer(Call::Commit, lost());
            let session = visit.session();
            assert!(session.commit().await.is_err());
            if how == "update" {
                return outcome(&visit.update(|visit| visit.count = 1).await);
            }
            visit.set_count(1);
            if how == "commit" {
                return outcome(&session.commit().await);
            }
            "ok".to_owned()
        };
        let said = answer(&store, get(handler));
        assert_eq!(said.await, "ok", "{how}");
        assert_eq!(stored(&store, "count").await.as_deref(), Some("1"), "{how}");
    }
}

#[tokio::test]
async fn an_end_after_a_lost_answer_asks_for_nothing_first() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        spy.lose_answer(Call::Commit, lost());
        assert!(visit.session().commit().await.is_err());
        spy.forget_calls();
        visit.session().destroy();
        String::new()
    };
    answer(&store, get(handler)).await;
    assert_eq!(store.calls(), [Call::Delete]);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_there_whole_or_not_at_all() {
    for applied in [true, false] {
        let store = SpyStore::new();
        let spy = store.clone();
        let handler = async move |visit: Visits| {
            visit.set_count(10);
            if applied {
                spy.lose_answer(Call::Commit, lost());
            } else {
                spy.fail(Call::Commit, lost());
            }
            let renamed = visit.update(|visit| {
                visit.count -= 5;
                visit.name = Some("Ada".to_owned());
            });
            outcome(&renamed.await)
        };
        answer(&store, get(handler)).await;
        let whole: &[_] = if applied {
            &["count=5", "name=\"Ada\""]
        } else {
            &["count=10"]
        };
        assert_eq!(fields(&store).await, whole);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_given_up_at_the_store_is_there_whole_or_not_at_all() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.set_count(10);
        let mut held = spy.hold_answer(Call::Commit);
        let update = visit.update(|visit| {
            visit.count -= 5;
            visit.name = Some("Ada".to_owned());
        });
        let given_up = timeout(Duration::from_secs(1), update).await.is_err();
        held.reached().await;
        given_up.to_string()
    };
    answer(&store, get(handler)).await;
    assert_eq!(fields(&store).await, ["count=5", "name=\"Ada\""]);
}

#[tokio::test]
async fn an_update_that_waits_for_its_turn_begins_anew_after_an_end_meanwhile() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits, Path(how): Path<String>| {
        if how == "first" {
            return outcome(&visit.update(|visit| visit.count += 1).await);
        }
        let mut update = Box::pin(visit.update(|visit| {
            visit.count += 10;
            visit.count
        }));
        poll_fn(|cx| Poll::Ready(update.as_mut().poll(cx).is_pending())).await;
        visit.session().destroy();
        spy.forget_orders();
        let count = update.await.map(|count| count.to_string());
        count.unwrap_or_else(|error| format!("{error:?}"))
    };
    let browser = browse(&store, Router::new().route("/{how}/it", get(handler)));
    browser.get("/count/5").await;
    let mut held = store.hold(Call::Commit);
    let first = browser.start("/first/it");
    held.reached().await;
    let second = browser.start("/second/it");
    tokio::task::yield_now().await;
    held.release();
    first.await.expect("answers");
    assert_eq!(second.await.expect("answers").body, "10");
    assert_eq!(fields(&store).await, ["count=10"]);
}

#[tokio::test]
async fn an_end_and_then_an_update_wait_for_nobody_s_turn() {
    let store = SpyStore::new();
    let handler = async |visit: Visits, Path(how): Path<String>| {
        if how == "second" {
            visit.session().destroy();
        }
        outcome(&visit.update(|visit| visit.count += 1).await)
    };
    let browser = browse(&store, Router::new().route("/{how}/it", get(handler)));
    browser.get("/count/5").await;
    let mut held = store.hold(Call::Commit);
    let first = browser.start("/first/it");
    held.reached().await;
    let second = timeout(Duration::from_secs(5), browser.get("/second/it")).await;
    assert_eq!(second.expect("it waits for nobody").body, "ok");
    assert_eq!(fields(&store).await, ["count=1"]);
    held.release();
    first.await.expect("answers");
}

#[tokio::test]
async fn an_end_during_the_update_that_begins_a_session_ends_it() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        let task = visit.clone();
        let update = visit.update(move |visit| {
            visit.count = 1;
            task.session().destroy();
        });
        outcome(&update.await)
    };
    let browser = browse(&store, Router::new().route("/", get(handler)));
    assert_eq!(browser.get("/").await.body, "ok");
    assert_eq!(store.inner.count().await.expect("counts"), 0);
}

#[derive(SessionData)]
struct Owned {
    #[session(owner)]
    user: Option<String>,
}

#[tokio::test]
async fn an_owner_that_is_staged_outlives_an_update_of_another_that_failed() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |owned: TypedSession<Owned>| {
        owned.set_user(Some("cy".to_owned()));
        spy.fail(Call::Commit, lost());
        let update = owned.update(|owned| owned.user = Some("bob".to_owned()));
        outcome(&update.await)
    };
    let browser = browse(&store, Router::new().route("/", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/").await;
    let record = record(&store).await.expect("lives");
    assert_eq!(record.owner(), Some("cy"));
}

#[tokio::test(start_paused = true)]
async fn what_waited_in_vain_is_not_seen_in_place_of_what_is_under_way() {
    let store = SpyStore::new();
    let (tell, told) = oneshot::channel();
    let tell = Arc::new(Mutex::new(Some(tell)));
    let handler = async move |visit: Visits| {
        visit.set_count(2);
        let task = visit.session().clone();
        tokio::spawn(async move { task.commit().await });
        tokio::task::yield_now().await;
        visit.set_count(3);
        let tell = tell.lock().expect("whole").take().expect("once");
        let _ = tell.send(visit.clone());
    };
    let layer = layer(&store).update_timeout(Duration::from_secs(1));
    let browser = with(layer, Router::new().route("/", get(handler)));
    browser.get("/count/1").await;
    let held = store.hold_answer(Call::Commit);
    let answer = browser.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let visit = told.await.expect("tells");
    assert_eq!(visit.count(), 2);
    held.release();
}

thread_local!(static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) });

fn meanwhile(task: impl FnOnce() + 'static) {
    MEANWHILE.set(Some(Box::new(task)));
}

fn let_others_run() {
    if let Some(other) = MEANWHILE.take() {
        other();
    }
}

/// While it is written as 2 or read as 7, another task does something.
#[derive(Default)]
struct Slow(u64);

impl Serialize for Slow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 2 {
            let_others_run();
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u64::deserialize(deserializer)?;
        if value == 7 {
            let_others_run();
        }
        Ok(Self(value))
    }
}

/// While it is read, too.
struct Name(String);

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Infallible;

    fn from_str(name: &str) -> Result<Self, Infallible> {
        let_others_run();
        Ok(Self(name.to_owned()))
    }
}

#[derive(SessionData)]
struct Whole {
    one: Slow,
    other: u64,
}

#[tokio::test]
async fn a_whole_view_that_is_set_is_whole_whatever_other_tasks_set_meanwhile() {
    let store = SpyStore::new();
    let handler = async |whole: TypedSession<Whole>| {
        let set = |whole: &TypedSession<Whole>, one, other| {
            let one = Slow(one);
            whole.set_state(Whole { one, other });
        };
        set(&whole, 1, 1);
        let task = whole.clone();
        meanwhile(move || set(&task, 1, 3));
        set(&whole, 2, 1);
    };
    let browser = browse(&store, Router::new().route("/", get(handler)));
    browser.get("/").await;
    assert_eq!(fields(&store).await, ["one=2", "other=1"]);
}

#[derive(SessionData)]
struct LogIn {
    slow: Slow,
    #[session(required)]
    token: String,
    #[session(owner)]
    user: Option<Name>,
}

fn of_ada() -> Router {
    let first = async |session: Session| {
        session.set_state(LogIn {
            slow: Slow(7),
            token: "first".to_owned(),
            user: Some(Name("ada".to_owned())),
        });
    };
    Router::new().route("/first", get(first))
}

#[tokio::test]
async fn the_last_value_is_none_from_before_another_task_set_it() {
    let handler = async |log_in: TypedSession<LogIn>| {
        let task = log_in.clone();
        meanwhile(move || task.set_token("second".to_owned()));
        assert_eq!(log_in.state().token, "first");
        log_in.clear();
        log_in.token()
    };
    let browser = browse(&SpyStore::new(), of_ada().route("/", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/").await.body, "second");
}

#[tokio::test]
async fn one_task_takes_the_owner() {
    let handler = async |log_in: TypedSession<LogIn>| {
        let task = log_in.clone();
        meanwhile(move || assert!(task.take_user().is_some()));
        log_in.take_user().is_some().to_string()
    };
    let browser = browse(&SpyStore::new(), of_ada().route("/", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/").await.body, "false");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_seen_without_a_gap_on_its_way_to_the_store() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<String, SessionError> {
        let reader = visit.clone();
        let reading = tokio::spawn(async move {
            let mut last = 0;
            while last < 2_000 {
                let count = reader.count();
                if count < last {
                    return false;
                }
                last = count;
            }
            true
        });
        for count in 2..=2_000 {
            visit.set_count(count);
            visit.session().commit().await?;
        }
        Ok(reading.await.is_ok_and(|grows| grows).to_string())
    };
    let browser = browse(&store, Router::new().route("/", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/").await.body, "true");
}
