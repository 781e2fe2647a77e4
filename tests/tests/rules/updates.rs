//! R5: `update` is atomic.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{FieldChange, MemoryStore, Session, SessionError, SessionStore as _};
use session_tests::{Browser, Call, SpyStore};
use tokio::time::Instant;

use crate::common::{
    HOUR, Visit, Visits, browse, increment, layer, outcome, record, rotate_behind, stored, timed,
    with, write_behind,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn n_parallel_updates_add_exactly_n() {
    let store = MemoryStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/0").await;
    let updates: Vec<_> = (0..500).map(|_| browser.start("/increment")).collect();
    let mut counts = Vec::new();
    for update in updates {
        counts.push(
            update
                .await
                .expect("runs")
                .body
                .parse::<u64>()
                .expect("a number"),
        );
    }
    counts.sort_unstable();
    assert!(counts.into_iter().eq(1..=500), "each saw its own count");
    assert_eq!(browser.get("/read").await.body, "500 nobody");
}

#[tokio::test(start_paused = true)]
async fn n_updates_of_several_processes_add_exactly_n() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/0").await;
    store.be_slow();
    let processes: Vec<_> = (0..4).map(|_| another_process(&store, &browser)).collect();
    let updates: Vec<_> = (0..100)
        .map(|n| processes[n % processes.len()].start("/increment"))
        .collect();
    for update in updates {
        assert_eq!(update.await.expect("runs").status, StatusCode::OK);
    }
    assert_eq!(browser.get("/read").await.body, "100 nobody");
    let commits = store
        .calls()
        .into_iter()
        .filter(|call| *call == Call::Commit);
    assert!(commits.count() > 100, "some were outrun");
}

/// The same app with a layer of its own: it shares nothing but the store and the key.
fn another_process(store: &SpyStore, browser: &Browser) -> Browser {
    let other = browse(store, Router::new());
    other.set_cookie("sid", &browser.cookie("sid").expect("it has one"));
    other
}

#[tokio::test(start_paused = true)]
async fn an_update_that_was_outrun_runs_again_on_the_newest_record() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<String, SessionError> {
        let mut seen = Vec::new();
        visit
            .update(|visit| {
                seen.push(visit.count);
                visit.count += 1;
            })
            .await?;
        Ok(format!("{seen:?} {}", visit.count()))
    };
    let browser = browse(&store, Router::new().route("/seen", get(handler)));
    browser.get("/count/1").await;
    let mut sent = store.hold(Call::Commit);
    let update = browser.start("/seen");
    sent.reached().await;
    browser.get("/count/10").await;
    sent.release();
    assert_eq!(update.await.expect("runs").body, "[1, 10] 11");
}

#[tokio::test(start_paused = true)]
async fn an_update_sees_the_newest_under_its_request_s_writes_and_leaves_those_staged() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        write_behind(&spy, FieldChange::set("count", "10")).await;
        write_behind(&spy, FieldChange::set("name", "\"Eve\"")).await;
        visit.set_name(Some("Ada".to_owned()));
        let seen = visit.update(|visit| {
            visit.count += 1;
            (visit.count, visit.name.clone())
        });
        assert_eq!(seen.await?, (11, Some("Ada".to_owned())));
        assert_eq!(stored(&spy, "count").await.as_deref(), Some("11"));
        assert_eq!(stored(&spy, "name").await.as_deref(), Some("\"Eve\""));
        assert_eq!(visit.name().as_deref(), Some("Ada"));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/update").await.status, StatusCode::OK);
    assert_eq!(browser.get("/read").await.body, "11 Ada");
}

#[tokio::test]
async fn what_an_update_changed_is_no_longer_staged() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.set_count(5);
        visit.update(|visit| visit.count += 1).await?;
        write_behind(&spy, FieldChange::set("count", "9")).await;
        visit.set_name(Some("Ada".to_owned()));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    browser.get("/update").await;
    assert_eq!(browser.get("/read").await.body, "9 Ada");
}

#[tokio::test]
async fn a_staged_rotation_stays_staged_beside_an_update() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<(), SessionError> {
        visit.session().rotate();
        visit.update(|visit| visit.count += 1).await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/update").await.set_cookies().len(), 1);
    let rotations: Vec<_> = store
        .patches()
        .iter()
        .map(|patch| patch.rotation.is_some())
        .collect();
    assert_eq!(rotations, [false, true]);
}

#[tokio::test]
async fn an_update_creates_the_session_where_there_is_none_and_leaves_the_rest_staged() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.set_name(Some("Ada".to_owned()));
        visit.session().set_owner("ada");
        visit.update(|visit| visit.count = 1).await?;
        assert_eq!(spy.calls(), [Call::Create]);
        assert_eq!(stored(&spy, "name").await, None);
        assert_eq!(record(&spy).await.expect("lives").owner(), None);
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    assert_eq!(browser.get("/update").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "1 Ada");
    let record = record(&store).await.expect("lives");
    assert_eq!(record.owner(), Some("ada"));
}

#[tokio::test]
async fn an_update_of_a_session_that_ended_meanwhile_says_gone() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        let id = visit.session().id().expect("lives");
        spy.inner.delete(id).await.expect("a memory store");
        increment(visit).await
    };
    let browser = browse(&store, Router::new().route("/update", get(handler)));
    browser.get("/count/1").await;
    let answer = browser.get("/update").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.assert_no_set_cookie();
    assert_eq!(store.inner.count().await.expect("a memory store"), 0);
}

#[tokio::test]
async fn an_update_of_a_session_that_was_superseded_meanwhile_says_gone() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let mut loaded = store.hold_answer(Call::Load);
    let update = browser.start("/increment");
    loaded.reached().await;
    browser.get("/rotate").await;
    loaded.release();
    let answer = update.await.expect("runs");
    assert_eq!(answer.status, StatusCode::CONFLICT);
    answer.assert_no_set_cookie();
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_try_update_that_returns_an_error_saves_nothing() {
    #[derive(Debug)]
    struct SoldOut;
    impl From<SessionError> for SoldOut {
        fn from(error: SessionError) -> Self {
            panic!("{error}")
        }
    }
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        visit.set_name(Some("Ada".to_owned()));
        let refused = visit.try_update(|visit| {
            visit.count += 1;
            Err::<(), _>(SoldOut)
        });
        assert!(matches!(refused.await, Err(SoldOut)));
        assert_eq!(visit.count(), 1);
        let done = visit.try_update(|visit| {
            visit.count += 2;
            Ok::<_, SoldOut>(visit.count)
        });
        done.await.expect("not sold out").to_string()
    };
    let browser = browse(&store, Router::new().route("/buy", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/buy").await.body, "3");
    assert_eq!(store.calls(), [Call::Load, Call::Commit, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "3 Ada");
}

#[tokio::test]
async fn the_untyped_handle_updates_any_view_and_says_the_same() {
    #[derive(Debug)]
    enum Buying {
        SoldOut,
        Failed(SessionError),
    }
    impl From<SessionError> for Buying {
        fn from(error: SessionError) -> Self {
            Self::Failed(error)
        }
    }
    let store = SpyStore::new();
    let behind = store.clone();
    let handler = async move |session: Session| -> Result<String, SessionError> {
        let count = session
            .update(|visit: &mut Visit| {
                visit.count += 1;
                visit.count
            })
            .await?;
        let refused = session.try_update(|visit: &mut Visit| {
            visit.count += 1;
            Err::<(), _>(Buying::SoldOut)
        });
        assert!(matches!(refused.await, Err(Buying::SoldOut)));
        let done = session.try_update(|visit: &mut Visit| {
            visit.count += 1;
            Ok::<_, Buying>(visit.count)
        });
        assert_eq!(done.await.expect("not sold out"), count + 1);

        rotate_behind(&behind).await;
        let late = session.try_update(|visit: &mut Visit| {
            visit.count += 1;
            Ok::<(), Buying>(())
        });
        assert!(matches!(
            late.await,
            Err(Buying::Failed(SessionError::Gone))
        ));
        session.update(|visit: &mut Visit| visit.count).await?;
        Ok(count.to_string())
    };
    let browser = browse(&store, Router::new().route("/buy", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/buy").await.status, StatusCode::CONFLICT);
    assert_eq!(
        store.calls(),
        [Call::Load, Call::Commit, Call::Commit, Call::Commit]
    );
    assert_eq!(stored(&store, "count").await.as_deref(), Some("3"));
}

#[tokio::test]
async fn updates_of_one_session_take_turns_in_order_and_spare_each_other_the_conflict() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/0").await;
    let mut sent = store.hold(Call::Commit);
    let mut updates = vec![browser.start("/increment")];
    sent.reached().await;
    for _ in 0..4 {
        updates.push(browser.start("/increment"));
        tokio::task::yield_now().await;
    }
    store.forget_calls();
    // Another session's turn comes at once.
    let other = browse(&store, Router::new());
    other.get("/count/1").await;
    assert_eq!(other.get("/increment").await.body, "2");
    assert_eq!(store.calls(), [Call::Create, Call::Load, Call::Commit]);
    sent.release();
    for (at, update) in updates.into_iter().enumerate() {
        assert_eq!(update.await.expect("runs").body, (at + 1).to_string());
    }
    assert_eq!(store.calls(), [Call::Commit; 4], "nobody was outrun");
}

#[tokio::test]
async fn whoever_stops_waiting_for_a_turn_leaves_nothing_behind() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/0").await;
    let mut sent = store.hold(Call::Commit);
    let first = browser.start("/increment");
    sent.reached().await;
    let impatient = browser.start("/increment");
    tokio::task::yield_now().await;
    let patient = browser.start("/increment");
    tokio::task::yield_now().await;
    impatient.abort();
    assert!(impatient.await.expect_err("cancelled").is_cancelled());
    sent.release();
    first.await.expect("runs");
    assert_eq!(patient.await.expect("runs").body, "2");

    // The one whose turn it is may stop, too.
    let mut sent = store.hold(Call::Commit);
    let first = browser.start("/increment");
    sent.reached().await;
    first.abort();
    assert_eq!(browser.get("/increment").await.body, "3");
}

#[tokio::test]
async fn a_closure_may_use_its_own_session() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| -> Result<String, SessionError> {
        let seen = visit.update(|inner| {
            visit.set_name(Some("Ada".to_owned()));
            inner.count = visit.count() + visit.state().count + 1;
            visit.session().is_new()
        });
        Ok(seen.await?.to_string())
    };
    let browser = browse(&store, Router::new().route("/nested", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/nested").await.body, "false");
    assert_eq!(browser.get("/read").await.body, "3 Ada");
}

#[tokio::test]
async fn two_updates_at_once_in_one_request_both_count() {
    let store = SpyStore::new();
    let handler = async |visit: Visits| {
        let add = |more: u64| visit.update(move |visit| visit.count += more);
        let (one, two) = tokio::join!(add(1), add(10));
        outcome(&one) + &outcome(&two)
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    assert_eq!(browser.get("/both").await.body, "okok");
    assert_eq!(browser.get("/read").await.body, "11 nobody");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_does_not_get_through_in_time_is_contended_and_writes_nothing() {
    let store = SpyStore::new();
    let default = browse(&store, Router::new());
    default.get("/count/1").await;
    let quick = with(
        layer(&store).update_timeout(Duration::from_secs(3)),
        Router::new(),
    );
    quick.set_cookie("sid", &default.cookie("sid").expect("it has one"));
    store.be_contended();
    let before = record(&store).await.expect("lives").version();
    for (browser, limit) in [(default, 30), (quick, 3)] {
        let begun = Instant::now();
        let answer = browser.get("/increment").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(begun.elapsed().as_secs(), limit);
        let tries = store.calls().len();
        assert!(
            tries < 40 * usize::try_from(limit).expect("small"),
            "{tries} tries"
        );
    }
    let after = record(&store).await.expect("lives");
    assert_eq!(
        (after.version(), after.fields().get("count")),
        (before, Some("1"))
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_turn_ends_in_time_too() {
    let store = SpyStore::new();
    let browser = with(layer(&store).store_timeout(HOUR), Router::new());
    browser.get("/count/1").await;
    let mut sent = store.hold(Call::Commit);
    let first = browser.start("/increment");
    sent.reached().await;
    let begun = Instant::now();
    let answer = browser.get("/increment").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(begun.elapsed().as_secs(), 30);
    sent.release();
    assert_eq!(first.await.expect("runs").body, "2");
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn an_update_is_not_outrun_by_a_touch() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    store.forget_calls();
    let mut sent = store.hold(Call::Commit);
    let update = browser.start("/increment");
    sent.reached().await;
    browser.get("/read").await;
    sent.release();
    assert_eq!(update.await.expect("runs").body, "2");
    assert_eq!(
        store.calls(),
        [Call::Load, Call::Commit, Call::Load, Call::Commit]
    );
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_not_tried_again() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    store.forget_calls();
    store.lose_answer(Call::Commit, session_axum::StoreError::unavailable("lost"));
    let answer = browser.get("/increment").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}
