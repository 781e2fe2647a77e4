//! The untyped handle.

use std::{collections::HashMap, time::Duration};

use axum::{
    RequestPartsExt as _, Router,
    extract::{Path, Request},
    http::StatusCode,
    routing::get,
};
use session_axum::{Session, SessionError, SessionId, SessionStore as _, Status, StoreError};
use session_tests::{Call, Log, SpyStore};
use tokio::time::timeout;

use crate::common::{
    DAY, HOUR, Visits, begun, browse, outcome, record, rotate_behind, stored, timed,
};

#[tokio::test]
async fn values_are_read_and_written_by_name_and_type() {
    let store = SpyStore::new();
    let handler = async |session: Session| {
        assert_eq!(session.get::<u64>("count"), Some(1));
        assert_eq!(session.get::<String>("count"), None, "of another type");
        assert_eq!(session.get::<u64>("absent"), None);
        session.insert("list", vec![1, 2]);
        session.insert(format!("made {}", "up"), "text");
        assert_eq!(session.get::<Vec<u8>>("list"), Some(vec![1, 2]));
        assert_eq!(session.get::<String>("made up").as_deref(), Some("text"));
        session.remove("count");
        assert_eq!(session.get::<u64>("count"), None);
    };
    let browser = browse(&store, Router::new().route("/values", get(handler)));
    browser.get("/count/1").await;
    let log = Log::start();
    assert_eq!(browser.get("/values").await.status, StatusCode::OK);
    assert!(log.lines().contains("does not decode"));
    let record = record(&store).await.expect("lives");
    let names: Vec<_> = record.fields().iter().map(|field| field.name).collect();
    assert_eq!(names, ["list", "made up"]);
}

#[tokio::test]
async fn clear_removes_every_field_and_nothing_else() {
    let store = SpyStore::new();
    let handler = async |session: Session, visit: Visits| {
        session.insert("staged", 1);
        session.clear();
        assert_eq!((visit.count(), session.get::<u8>("staged")), (0, None));
        session.insert("after", 2);
    };
    let browser = browse(&store, Router::new().route("/clear", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/1").await;
    browser.get("/name/Ada").await;
    let (id, generation) = (
        store.last_id(),
        record(&store).await.expect("lives").generation(),
    );
    browser.get("/clear").await.assert_no_set_cookie();
    let record = record(&store).await.expect("lives");
    let names: Vec<_> = record.fields().iter().map(|field| field.name).collect();
    assert_eq!(names, ["after"]);
    assert_eq!(
        (record.owner(), record.generation()),
        (Some("ada"), generation)
    );
    assert_eq!(store.last_id(), id);
}

#[tokio::test]
async fn a_session_has_an_id_that_stays_from_its_first_commit_to_its_end() {
    let store = SpyStore::new();
    let handler = async |session: Session| -> Result<(), SessionError> {
        assert!(session.is_new() && session.id().is_none() && session.fingerprint().is_none());
        assert!(session.created_at().is_none() && session.expires_at().is_none());
        session.insert("count", 1);
        assert!(session.is_new() && session.id().is_none(), "only staged");
        session.commit().await?;
        assert!(!session.is_new());
        let id = session.id().expect("stored");
        assert_eq!(session.fingerprint(), Some(id.fingerprint()));
        session.rotate();
        session.set_owner("ada");
        session.commit().await?;
        assert_eq!(session.id(), Some(id));
        session.destroy();
        session.commit().await?;
        assert!(session.is_new() && session.id().is_none());
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/life", get(handler)));
    assert_eq!(browser.get("/life").await.status, StatusCode::OK);
}

/// Does not compile for what is made of a `T` without a check: then it is by both.
trait NotFrom<T, Which> {
    fn holds() {}
}

impl<T, U> NotFrom<T, ()> for U {}

impl<T, U: From<T>> NotFrom<T, u8> for U {}

#[test]
fn an_id_is_made_of_16_bytes_and_of_no_number_or_text() {
    <SessionId as NotFrom<i128, _>>::holds();
    <SessionId as NotFrom<u128, _>>::holds();
    <SessionId as NotFrom<u64, _>>::holds();
    <SessionId as NotFrom<&str, _>>::holds();
    <SessionId as NotFrom<String, _>>::holds();
    let id = SessionId::generate();
    assert_eq!(SessionId::try_from(&id.as_bytes()[..]), Ok(id));
    for len in [0, 15, 17, 32, 36] {
        assert!(SessionId::try_from(&[b'1'; 36][..len]).is_err(), "{len}");
    }
}

#[tokio::test]
async fn the_status_tells_why_there_is_or_is_no_session() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |session: Session, Path(how): Path<String>| {
        match how.as_str() {
            "gone" => {
                spy.inner
                    .delete(session.id().expect("lives"))
                    .await
                    .expect("a memory store");
                assert!(session.refresh().await.is_err());
            }
            "superseded" => {
                rotate_behind(&spy).await;
                assert!(session.refresh().await.is_err());
            }
            "destroyed" => {
                session.destroy();
                session.commit().await.expect("works");
            }
            _ => {}
        }
        format!("{:?} {}", session.status(), session.is_new())
    };
    let browser = browse(&store, Router::new().route("/why/{how}", get(handler)));
    let why = async |how: &str, expected: &str| {
        let body = browser.get(&format!("/why/{how}")).await.body;
        assert_eq!(body, expected);
    };
    why("new", "New true").await;
    browser.set_cookie("sid", "forged");
    why("unsealed", "Unsealed true").await;
    browser.get("/count/1").await;
    why("live", "Live false").await;
    store.fail(Call::Load, StoreError::undecodable("broken"));
    why("undecodable", "Undecodable false").await;
    why("superseded", "Superseded false").await;
    why("replayed", "Replayed true").await;
    browser.set_cookie("sid", "");
    browser.get("/count/1").await;
    why("gone", "Gone false").await;
    why("unknown", "Unknown true").await;
    browser.get("/count/1").await;
    why("destroyed", "Destroyed true").await;
    let (one, two) = (browser.copy(), browser.copy());
    one.get("/count/1").await;
    two.get("/count/1").await;
    let (one, two) = (
        one.cookie("sid").expect("one"),
        two.cookie("sid").expect("two"),
    );
    browser.set_cookie("sid", &format!("{one}; sid={two}"));
    why("ambiguous", "Ambiguous true").await;
    assert_eq!(Status::New, Status::New);
}

#[tokio::test]
async fn refresh_sees_what_others_wrote_under_what_is_staged() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| -> Result<(), SessionError> {
        visit.set_name(Some("Ada".to_owned()));
        let field = |name: &'static str, json: &str| session_axum::FieldChange::set(name, json);
        crate::common::write_behind(&spy, field("count", "8")).await;
        crate::common::write_behind(&spy, field("name", "\"Eve\"")).await;
        assert_eq!(visit.count(), 1);
        visit.session().refresh().await?;
        assert_eq!((visit.count(), visit.name().as_deref()), (8, Some("Ada")));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/refresh", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/refresh").await.status, StatusCode::OK);
    assert_eq!(browser.get("/read").await.body, "8 Ada");
}

#[tokio::test]
async fn remember_gives_a_session_a_lifetime_of_its_own_until_its_owner_changes() {
    let (clock, store) = timed();
    let remember = async |session: Session| session.remember(DAY * 90);
    let browser = browse(&store, Router::new().route("/remember", get(remember)));
    browser.get("/remember").await.assert_no_set_cookie();
    store.assert_untouched();
    browser.get("/count/1").await;
    let answer = browser.get("/remember").await;
    assert!(answer.set_cookies()[0].ends_with("Max-Age=7776000"));
    assert_eq!(browser.get("/read").await.set_cookies().len(), 0);
    // Longer than the idle timeout, and than the absolute one; it goes on by activity.
    clock.advance(DAY * 50);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    clock.advance(DAY * 30);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    let answer = browser.get("/owner/ada").await;
    assert!(
        !answer.set_cookies()[0].contains("Max-Age"),
        "a former visitor's wish"
    );
    assert_eq!(record(&store).await.expect("lives").remembered(), None);
    clock.advance(DAY);
    assert_eq!(browser.get("/read").await.body, "0 nobody");
}

#[tokio::test]
async fn remember_beside_the_log_in_is_kept() {
    let (clock, store) = timed();
    let handler = async |session: Session| {
        session.set_owner("ada");
        session.remember(DAY * 20);
    };
    let browser = browse(&store, Router::new().route("/login", get(handler)));
    for begin in ["/read", "/count/1"] {
        let browser = browser.copy();
        browser.get(begin).await;
        let answer = browser.get("/login").await;
        assert_eq!(answer.set_cookies().len(), 1, "{begin}");
        assert!(
            answer.set_cookies()[0].ends_with("Max-Age=1728000"),
            "{begin}"
        );
        clock.advance(DAY * 19);
        assert_eq!(browser.get("/status").await.body, "Live", "{begin}");
    }
}

#[tokio::test]
async fn of_several_writes_that_can_not_be_staged_the_first_is_told() {
    let store = SpyStore::new();
    let handler = async |session: Session| {
        session.insert("", 1);
        session.insert("map", HashMap::from([((1, 2), 3)]));
        outcome(&session.commit().await)
    };
    let browser = browse(&store, Router::new().route("/both", get(handler)));
    let said = browser.get("/both").await.body;
    assert!(said.contains("InvalidName"), "{said}");
    store.assert_untouched();
}

#[tokio::test]
async fn nobody_is_remembered_for_less_than_a_second() {
    let store = SpyStore::new();
    let handler = async |session: Session| session.remember(Duration::ZERO);
    let browser = browse(&store, Router::new().route("/remember", get(handler)));
    browser.get("/count/1").await;
    let answer = browser.get("/remember").await;
    assert!(answer.set_cookies()[0].ends_with("Max-Age=1"));
}

#[tokio::test]
async fn who_is_remembered_may_be_remembered_for_longer() {
    let (clock, store) = timed();
    let remember = async |session: Session, Path(days): Path<u32>| session.remember(DAY * days);
    let routes = Router::new().route("/remember/{days}", get(remember));
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    browser.get("/remember/20").await;
    let answer = browser.get("/remember/40").await;
    assert!(answer.set_cookies()[0].ends_with("Max-Age=3456000"));
    clock.advance(DAY * 39);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
}

#[tokio::test]
async fn a_session_that_could_not_be_remembered_is_over_and_the_next_write_begins_another() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        visit.set_count(1);
        visit.session().remember(DAY);
        spy.fail(Call::Commit, StoreError::unavailable("down"));
        let failed = visit.session().commit().await;
        assert!(matches!(failed, Err(SessionError::Store(_))));
        visit.set_count(2);
    };
    let browser = browse(&store, Router::new().route("/twice", get(handler)));
    assert_eq!(browser.get("/twice").await.set_cookies().len(), 1);
    let calls = [Call::Create, Call::Commit, Call::Delete, Call::Create];
    assert_eq!(store.calls(), calls);
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

#[tokio::test]
async fn times_are_told_by_the_store_s_clock_and_reading_them_renews_nothing() {
    let (clock, store) = timed();
    let handler = async |session: Session| {
        let created = session.created_at().expect("lives");
        let expires = session.expires_at().expect("lives");
        let owned = session
            .owner_since()
            .map(|since| since.duration_since(created).expect("after"));
        format!(
            "{} {owned:?}",
            expires.duration_since(created).expect("after").as_secs()
        )
    };
    let browser = browse(&store, Router::new().route("/times", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/times").await.body, "86400 None");
    clock.advance(HOUR);
    browser.get("/owner/ada").await;
    assert_eq!(browser.get("/times").await.body, "90000 Some(3600s)");
    assert_eq!(stored(&store, "count").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_handle_may_be_cloned_into_a_task_of_the_request() {
    let store = SpyStore::new();
    let handler = async |session: Session| {
        let clone = session.clone();
        tokio::spawn(async move { clone.insert("count", 5) })
            .await
            .expect("runs");
        session
            .get::<u64>("count")
            .expect("it is one session")
            .to_string()
    };
    let browser = browse(&store, Router::new().route("/task", get(handler)));
    assert_eq!(browser.get("/task").await.body, "5");
    assert_eq!(browser.get("/read").await.body, "5 nobody");
}

#[tokio::test]
async fn an_extraction_that_nobody_polls_any_more_keeps_no_other_from_the_open_session() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |request: Request| {
        let (mut parts, _) = request.into_parts();
        let (mut second, mut third) = (parts.clone(), parts.clone());
        let mut held = spy.hold(Call::Load);
        let first = tokio::spawn(async move { parts.extract::<Session>().await.is_ok() });
        held.reached().await;
        let _parked = begun(second.extract::<Session>()).await;
        held.release();
        assert!(first.await.expect("runs"));
        let extracted = timeout(Duration::from_secs(5), third.extract::<Session>()).await;
        extracted.is_ok().to_string()
    };
    let browser = browse(&store, Router::new().route("/extract", get(handler)));
    browser.get("/count/1").await;
    assert_eq!(browser.get("/extract").await.body, "true");
}
