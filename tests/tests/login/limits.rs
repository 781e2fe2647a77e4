//! How many sessions an owner may have (ASVS 7.1.2).

use std::{
    future::Future as _,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Waker},
    thread,
};

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{
    AtLimit, Clock, ManualClock, MemoryStore, Session, SessionError, SessionLayer, StoreError,
    Timestamp,
};
use session_tests::{Browser, Call, Log, SpyStore};
use tokio::runtime::Builder;

use crate::common::{
    Account, Accounts, DAY, MINUTE, browse, key, layer, record, timed, token, with,
};

async fn logged_in(layer: &SessionLayer) -> Browser {
    logged_in_as(layer, "ada").await
}

async fn logged_in_as(layer: &SessionLayer, owner: &str) -> Browser {
    let browser = browse(layer.clone());
    browser.get(&format!("/log_in/{owner}")).await;
    browser
}

#[tokio::test]
async fn at_the_limit_the_oldest_log_in_ends() {
    // A store tells an owner's sessions in the order of their ids, which are at random.
    for _ in 0..8 {
        the_oldest_ends().await;
    }
}

async fn the_oldest_ends() {
    let (clock, store) = timed();
    let layer = layer(&store).max_sessions_per_owner(2, AtLimit::EvictOldest);
    let mut browsers = Vec::new();
    for _ in 0..2 {
        browsers.push(logged_in(&layer).await);
        clock.advance(MINUTE);
    }
    // The first one logs in again, so now the second is the oldest.
    browsers[0].get("/log_in/ada").await;
    clock.advance(MINUTE);
    browsers.push(logged_in(&layer).await);
    let who = async |at: usize| browsers[at].get("/whoami").await.body;
    assert_eq!(
        (who(0).await, who(1).await, who(2).await),
        ("ada".into(), "nobody".into(), "ada".into())
    );
    assert_eq!(layer.sessions().count("ada").await.expect("counts"), 2);
    // Others have their own.
    browse(layer.clone()).get("/log_in/bob").await;
    assert_eq!(layer.sessions().count("ada").await.expect("counts"), 2);
}

#[tokio::test]
async fn at_the_limit_one_more_log_in_is_refused_and_changes_nothing() {
    let (_, store) = timed();
    let explicit = async |session: Session| {
        session.set_owner("ada");
        match session.commit().await {
            Err(SessionError::TooManySessions) => "too many",
            _ => "another outcome",
        }
    };
    let routes = Router::new().route("/explicit", get(explicit));
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::Reject);
    let first = logged_in(&layer).await;
    let second = with(layer.clone(), routes);
    // A newcomer, and one with a session.
    for write in [false, true] {
        if write {
            second.get("/write/a/1").await;
        }
        let answer = second.get("/log_in/ada").await;
        assert_eq!(
            (answer.status, &*answer.body),
            (StatusCode::CONFLICT, "Conflict")
        );
        answer.assert_no_set_cookie();
        assert_eq!(second.get("/explicit").await.body, "too many");
        assert_eq!(second.get("/whoami").await.body, "nobody");
    }
    assert_eq!(second.get("/read/a").await.body, "1");
    assert_eq!(record(&store).await.generation(), 0);
    assert_eq!(first.get("/whoami").await.body, "ada");

    first.get("/log_out").await;
    second.get("/log_in/ada").await;
    assert_eq!(second.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn to_log_in_again_is_no_session_more() {
    let (_, store) = timed();
    let three = layer(&store).max_sessions_per_owner(3, AtLimit::Reject);
    let browsers = [
        logged_in(&three).await,
        logged_in(&three).await,
        logged_in(&three).await,
    ];
    for at_limit in [AtLimit::Reject, AtLimit::EvictOldest] {
        // Also where the limit was lowered since.
        for limit in [1, 3] {
            let layer = layer(&store).max_sessions_per_owner(limit, at_limit);
            let again = browse(layer.clone());
            again.set_cookie("sid", &token(&browsers[1]));
            let answer = again.get("/log_in/ada").await;
            assert_eq!(answer.status, StatusCode::OK, "{limit} {at_limit:?}");
            browsers[1].set_cookie("sid", &token(&again));
            assert_eq!(layer.sessions().count("ada").await.expect("counts"), 3);
        }
    }
}

/// Two log-ins of one owner in one process, each of which is in the store before the other one may ask.
async fn at_once(at_limit: AtLimit) -> (Vec<StatusCode>, usize) {
    let store = SpyStore::new();
    store.be_slow();
    let layer = layer(&store).max_sessions_per_owner(1, at_limit);
    let browsers: Vec<_> = (0..8).map(|_| browse(layer.clone())).collect();
    let log_ins: Vec<_> = browsers
        .iter()
        .map(|browser| browser.start("/log_in/ada"))
        .collect();
    let mut statuses = Vec::new();
    for log_in in log_ins {
        statuses.push(log_in.await.expect("ends").status);
    }
    (
        statuses,
        layer.sessions().count("ada").await.expect("counts"),
    )
}

#[tokio::test]
async fn parallel_log_ins_in_one_process_keep_the_limit() {
    let (statuses, left) = at_once(AtLimit::Reject).await;
    let accepted = statuses
        .iter()
        .filter(|status| **status == StatusCode::OK)
        .count();
    assert_eq!((accepted, left), (1, 1), "{statuses:?}");
    let (statuses, left) = at_once(AtLimit::EvictOldest).await;
    assert_eq!(statuses, [StatusCode::OK; 8]);
    assert_eq!(left, 1);
}

type Hold = Arc<Mutex<Option<(Sender<()>, Receiver<()>)>>>;

/// A clock that can hold up the next one who asks: their thread, for a memory store never waits. It tells that somebody
/// came, and waits for the word to go on.
#[derive(Clone)]
struct HeldClock(ManualClock, Hold);

impl Clock for HeldClock {
    fn now(&self) -> Timestamp {
        let hold = self.1.lock().expect("nobody panics").take();
        if let Some((came, go)) = hold {
            came.send(()).expect("the test runs");
            go.recv().expect("the test runs");
        }
        self.0.now()
    }
}

#[tokio::test]
async fn a_log_in_waits_for_another_of_its_owner_where_the_store_answers_at_once() {
    let clock = HeldClock(ManualClock::new(), Hold::default());
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let layer = SessionLayer::new(store, key()).max_sessions_per_owner(4, AtLimit::Reject);
    let ((tell, came), (go, told)) = (channel(), channel());
    let next = Arc::new(Mutex::new(Some((tell, told))));
    let held = async move |session: Session| {
        session.set_owner("7");
        let next = next.lock().expect("nobody panics").take();
        *clock.1.lock().expect("nobody panics") = next;
    };
    let runs = Arc::new(AtomicUsize::new(0));
    let ran = Arc::clone(&runs);
    let update = async move |account: Accounts| {
        let log_in = |account: &mut Account| {
            ran.fetch_add(1, Ordering::SeqCst);
            account.user = Some(7);
        };
        account.update(log_in).await
    };
    let routes = Router::new()
        .route("/held", get(held))
        .route("/update", get(update));
    let [first, second, third] = [(); 3].map(|()| with(layer.clone(), routes.clone()));
    for browser in [&first, &second, &third] {
        browser.get("/write/a/1").await;
    }
    // Whoever counts sessions asks for the time of each.
    logged_in_as(&layer, "7").await;

    let first = thread::spawn(move || {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async { first.get("/held").await.status })
    });
    // While it reads the one session there is. Whoever waits for their turn has only read, too.
    came.recv_timeout(MINUTE).expect("it logs in");
    let mut second = pin!(second.get("/log_in/7"));
    let mut third = pin!(third.get("/update"));
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(third.as_mut().poll(&mut context).is_pending());
    go.send(()).expect("it is held up");
    assert_eq!(first.join().expect("it ends"), StatusCode::OK);
    assert_eq!(second.await.status, StatusCode::OK);
    assert_eq!(third.await.status, StatusCode::OK);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(layer.sessions().count("7").await.expect("counts"), 4);
}

#[tokio::test]
async fn a_session_that_went_over_to_somebody_else_makes_no_room() {
    let (_, store) = timed();
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::EvictOldest);
    let first = logged_in(&layer).await;
    let mut held = store.hold_change();
    let second = tokio::spawn({
        let layer = layer.clone();
        async move { logged_in(&layer).await }
    });
    // It has counted ada's sessions, and is about to become one.
    held.reached().await;
    first.get("/log_in/bob").await;
    held.release();
    let second = second.await.expect("it ends");
    assert_eq!(second.get("/whoami").await.body, "ada");
    assert_eq!(first.get("/whoami").await.body, "bob");
}

#[tokio::test]
async fn a_log_in_whose_commit_failed_ends_nobody_s_session() {
    let remember = async |session: Session| {
        session.set_owner("ada");
        session.remember(DAY * 90);
    };
    let routes = Router::new().route("/remember", get(remember));
    let (_, store) = timed();
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::EvictOldest);
    let first = logged_in(&layer).await;
    // Of a session that was there, and of one that is created and then to be remembered.
    for (before, log_in) in [("/write/a/1", "/log_in/ada"), ("/status", "/remember")] {
        let second = with(layer.clone(), routes.clone());
        second.get(before).await;
        store.fail(Call::Commit, StoreError::unavailable("out of order"));
        let answer = second.get(log_in).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{log_in}");
        assert_eq!(first.get("/whoami").await.body, "ada", "{log_in}");
    }
}

#[tokio::test]
async fn a_log_in_stands_where_the_oldest_could_not_be_ended() {
    let (_, store) = timed();
    let layer = layer(&store).max_sessions_per_owner(1, AtLimit::EvictOldest);
    logged_in(&layer).await;
    for path in ["/status", "/write/a/1"] {
        let browser = browse(layer.clone());
        browser.get(path).await;
        let log = Log::start();
        store.fail(Call::Delete, StoreError::unavailable("out of order"));
        let answer = browser.get("/log_in/ada").await;
        assert_eq!(
            (answer.status, answer.set_cookies().len()),
            (StatusCode::OK, 1)
        );
        assert_eq!(browser.get("/whoami").await.body, "ada");
        assert!(log.lines().contains("could not be ended"));
        assert_eq!(layer.sessions().count("ada").await.expect("counts"), 2);
        // The next one clears up.
        logged_in(&layer).await;
        assert_eq!(layer.sessions().count("ada").await.expect("counts"), 1);
    }
}

#[tokio::test]
async fn without_a_limit_nobody_is_counted() {
    let store = SpyStore::new();
    let browser = browse(layer(&store));
    browser.get("/write/a/1").await;
    store.forget_calls();
    browser.get("/log_in/ada").await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}
