//! `Session::ended`: a socket or a stream is told when its session is over, also by another process.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::get};
use session_axum::{FieldChange, SessionLayer, SessionStore, Status, StoreError};
use session_tests::{Browser, Call, Log, SpyStore};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::common::{
    DAY, HOUR, MINUTE, SECOND, Visits, begun, layer, rotate_behind, timed, with, write_behind,
};

/// So late it may be, by default.
const PERIOD: Duration = Duration::from_secs(10);

/// A browser, and a place for the handle that its requests to `/keep` leave behind.
struct Socket {
    browser: Browser,
    handle: Arc<Mutex<Option<Visits>>>,
}

impl Socket {
    fn on(layer: SessionLayer) -> Self {
        let handle = Arc::new(Mutex::new(None));
        let place = Arc::clone(&handle);
        let keep = async move |visit: Visits| {
            *place.lock().expect("not poisoned") = Some(visit);
        };
        let browser = with(layer, Router::new().route("/keep", get(keep)));
        Self { browser, handle }
    }

    /// The handle that a request leaves behind.
    async fn open(&self) -> Visits {
        self.browser.get("/keep").await;
        let handle = self.handle.lock().expect("not poisoned").take();
        handle.expect("the handler ran")
    }
}

/// A session, and the handle of a request of it that was answered.
async fn open(store: &SpyStore) -> (Socket, Visits) {
    let socket = Socket::on(layer(store));
    socket.browser.get("/count/1").await;
    let handle = socket.open().await;
    store.forget_calls();
    (socket, handle)
}

fn wait(visit: &Visits) -> JoinHandle<Status> {
    let visit = visit.clone();
    tokio::spawn(async move { visit.session().ended().await })
}

#[tokio::test(start_paused = true)]
async fn it_tells_of_an_end_in_another_process_within_its_period() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let waiting = wait(&visit);
    sleep(HOUR).await;
    assert!(!waiting.is_finished());
    let began = Instant::now();
    store.inner.delete(store.last_id()).await.expect("deletes");
    assert_eq!(waiting.await.expect("runs"), Status::Gone);
    assert!(began.elapsed() <= PERIOD + SECOND, "{:?}", began.elapsed());
    // The handle knows it, too.
    assert_eq!(visit.session().status(), Status::Gone);
    assert_eq!(visit.session().ended().await, Status::Gone);
}

#[tokio::test(start_paused = true)]
async fn it_tells_of_an_expiry_and_does_not_put_it_off() {
    let (clock, store) = timed();
    let (_socket, visit) = open(&store).await;
    let waiting = wait(&visit);
    clock.advance(DAY - SECOND);
    sleep(MINUTE).await;
    assert!(!waiting.is_finished());
    clock.advance(SECOND);
    assert_eq!(waiting.await.expect("runs"), Status::Gone);
    let calls = store.calls();
    assert!(calls.iter().all(|call| *call == Call::Load), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn it_tells_of_a_rotation_or_a_new_owner_which_this_handle_does_not_survive() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    rotate_behind(&store).await;
    assert_eq!(visit.session().ended().await, Status::Superseded);

    let (socket, visit) = open(&store).await;
    socket.browser.get("/owner/ada").await;
    assert_eq!(visit.session().ended().await, Status::Superseded);
}

#[tokio::test(start_paused = true)]
async fn a_periodic_rotation_is_no_end() {
    let (clock, store) = timed();
    let socket = Socket::on(layer(&store).rotate_every(HOUR));
    socket.browser.get("/count/1").await;
    let visit = socket.open().await;
    let waiting = wait(&visit);
    clock.advance(HOUR);
    assert_eq!(socket.browser.get("/read").await.set_cookies().len(), 1);
    sleep(MINUTE).await;
    assert!(!waiting.is_finished());
    socket.browser.get("/destroy").await;
    assert_eq!(waiting.await.expect("runs"), Status::Gone);
}

#[tokio::test(start_paused = true)]
async fn it_tells_of_its_own_end() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let waiting = wait(&visit);
    visit.session().destroy();
    sleep(MINUTE).await;
    assert!(!waiting.is_finished(), "it is staged only");
    visit.session().commit().await.expect("commits");
    assert_eq!(waiting.await.expect("runs"), Status::Destroyed);
}

#[tokio::test(start_paused = true)]
async fn without_a_session_there_is_nothing_to_wait_for() {
    let store = SpyStore::new();
    let visit = Socket::on(layer(&store)).open().await;
    assert_eq!(visit.session().ended().await, Status::New);
    store.assert_untouched();
}

#[tokio::test(start_paused = true)]
async fn it_costs_one_load_in_each_period_and_changes_nothing_that_is_read() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    write_behind(&store, FieldChange::set("count", "7")).await;
    let waiting = wait(&visit);
    sleep(PERIOD * 30).await;
    let loads = store.calls().len();
    assert!((30..=40).contains(&loads), "{loads}");
    assert_eq!(visit.count(), 1);
    waiting.abort();

    let asking = async { visit.session().ended_asking_every(MINUTE).await };
    assert!(timeout(HOUR, asking).await.is_err());
    let loads = store.calls().len();
    assert!((60..=80).contains(&loads), "{loads}");
}

#[tokio::test(start_paused = true)]
async fn a_period_of_zero_lets_others_run() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let asking = async { visit.session().ended_asking_every(Duration::ZERO).await };
    assert!(timeout(SECOND, asking).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_traced_and_asked_again() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let log = Log::start();
    let waiting = wait(&visit);
    for _ in 0..3 {
        store.fail(Call::Load, StoreError::unavailable("down"));
    }
    sleep(MINUTE).await;
    assert!(!waiting.is_finished());
    let lines = log.lines();
    assert_eq!(lines.matches("could not be asked").count(), 1, "{lines}");
    store.inner.delete(store.last_id()).await.expect("deletes");
    assert_eq!(waiting.await.expect("runs"), Status::Gone);
}

#[tokio::test(start_paused = true)]
async fn it_holds_nothing_while_the_store_is_asked() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let mut asking = store.hold(Call::Load);
    let ended = visit.session().ended();
    let mut ended = pin!(ended);
    tokio::select! {
        status = &mut ended => panic!("{status:?}"),
        () = asking.reached() => {}
    }
    // Nobody polls the wait now, as in the branch of a `select!`.
    let update = visit.update(|visit| visit.count += 1);
    timeout(SECOND, update)
        .await
        .expect("waits for nobody")
        .expect("lives");
    asking.release();
    store.inner.delete(store.last_id()).await.expect("deletes");
    assert_eq!(ended.await, Status::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_by_the_handle_itself_is_no_end_not_even_while_it_is_under_way() {
    let store = SpyStore::new();
    let socket = Socket::on(layer(&store).store_timeout(HOUR));
    socket.browser.get("/count/1").await;
    let routes = Router::new().route(
        "/socket",
        get(async |visit: Visits| {
            let waiting = wait(&visit);
            visit.session().rotate();
            visit.session().commit().await.expect("commits");
            format!("{:?} {:?}", waiting.is_finished(), visit.session().status())
        }),
    );
    let slow = with(layer(&store).store_timeout(HOUR), routes);
    let sid = socket.browser.cookie("sid").expect("has a cookie");
    slow.set_cookie("sid", &sid);
    let mut committed = store.hold_answer(Call::Commit);
    let answer = slow.start("/socket");
    committed.reached().await;
    store.forget_calls();
    sleep(MINUTE).await;
    assert!(store.calls().contains(&Call::Load), "it was asked");
    committed.release();
    assert_eq!(answer.await.expect("runs").body, "false Live");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_begun_anew_again_and_again_goes_on() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let began = Instant::now();
    let mut rounds = 0;
    loop {
        tokio::select! {
            status = visit.session().ended() => {
                assert_eq!(status, Status::Gone);
                break;
            }
            () = sleep(SECOND) => rounds += 1,
        }
        if rounds == 25 {
            assert!((2..=4).contains(&store.calls().len()), "once in a period");
            store.inner.delete(store.last_id()).await.expect("deletes");
        }
        assert!(rounds < 40, "{:?}", began.elapsed());
    }
    assert!((25..=35).contains(&rounds), "{rounds}");
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_are_told() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let waiting: Vec<_> = (0..5).map(|_| wait(&visit)).collect();
    sleep(MINUTE).await;
    store.inner.delete(store.last_id()).await.expect("deletes");
    for waiting in waiting {
        assert_eq!(waiting.await.expect("runs"), Status::Gone);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_one_session_is_none_of_the_next_that_the_handle_began() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        let mut asking = spy.hold(Call::Load);
        let waiting = wait(&visit);
        asking.reached().await;
        visit.session().destroy();
        visit.set_count(2);
        visit.session().commit().await.expect("commits");
        asking.release();
        let told = waiting.await.expect("runs");
        format!("{told:?} {:?}", visit.session().status())
    };
    let browser = with(layer(&store), Router::new().route("/again", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/again").await.body, "Destroyed Live");
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test(start_paused = true)]
async fn it_tells_of_an_end_also_while_a_commit_of_its_own_goes_no_further() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let _held = store.hold(Call::Commit);
    let commit = begun(visit.update(|visit| visit.count += 1)).await;
    store.inner.delete(store.last_id()).await.expect("deletes");
    assert_eq!(visit.session().ended().await, Status::Gone);
    drop(commit);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_again_is_traced_again() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let log = Log::start();
    let waiting = wait(&visit);
    for _ in 0..2 {
        store.fail(Call::Load, StoreError::unavailable("down"));
        store.fail(Call::Load, StoreError::unavailable("down"));
        sleep(MINUTE).await;
    }
    waiting.abort();
    let lines = log.lines();
    assert_eq!(lines.matches("could not be asked").count(), 2, "{lines}");
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_is_busier_than_its_store_learns_of_its_end_all_the_same() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    store.inner.delete(store.last_id()).await.expect("deletes");
    let (began, mut asking) = (Instant::now(), store.hold(Call::Load));
    tokio::select! {
        status = visit.session().ended() => panic!("{status:?}"),
        () = asking.reached() => {}
    }
    // Each message gives the wait up.
    for _ in 0..100 {
        tokio::select! {
            biased;
            status = visit.session().ended() => panic!("{status:?}"),
            () = sleep(SECOND / 1000) => {}
        }
    }
    asking.release();
    sleep(SECOND).await;
    assert_eq!(visit.session().ended().await, Status::Gone);
    assert!(
        began.elapsed() <= PERIOD + SECOND * 2,
        "{:?}",
        began.elapsed()
    );
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_was_given_up_tells_nothing_of_the_session_that_came_after() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        let session = visit.session();
        assert!(timeout(SECOND, session.ended()).await.is_err());
        session.destroy();
        visit.set_count(2);
        session.commit().await.expect("begins another one");
        assert!(timeout(MINUTE, session.ended()).await.is_err());
    };
    let browser = with(layer(&store), Router::new().route("/again", get(handler)));
    browser.get("/count/1").await;
    browser.get("/again").await;
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test(start_paused = true)]
async fn two_who_wait_anew_again_and_again_keep_each_other_from_nothing() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    store.inner.delete(store.last_id()).await.expect("deletes");
    let socket = async |offset: u64| {
        let session = visit.session();
        sleep(Duration::from_millis(offset)).await;
        for _ in 0..20 {
            tokio::select! {
                status = session.ended() => return Some(status),
                () = sleep(SECOND) => {}
            }
            sleep(SECOND / 10).await;
        }
        None
    };
    let both = tokio::join!(socket(0), socket(50));
    assert_eq!(both, (Some(Status::Gone), Some(Status::Gone)));
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_another_period_is_another_one() {
    let store = SpyStore::new();
    let (_socket, visit) = open(&store).await;
    let session = visit.session();
    let long = session.ended_asking_every(HOUR);
    assert!(timeout(SECOND, long).await.is_err());
    store.inner.delete(store.last_id()).await.expect("deletes");
    let began = Instant::now();
    assert_eq!(session.ended().await, Status::Gone);
    assert!(began.elapsed() <= PERIOD + SECOND, "{:?}", began.elapsed());
}
