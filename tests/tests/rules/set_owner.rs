//! R12, where the untyped session sets the owner.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{Session, SessionData, SessionError, TypedSession};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{DAY, HOUR, Visits, browse, record, stored, timed};

#[derive(SessionData)]
struct Kept {
    #[session(keep)]
    lang: Option<String>,
}

async fn names(store: &SpyStore) -> Vec<String> {
    let record = record(store).await.expect("lives");
    record
        .fields()
        .iter()
        .map(|field| field.name.to_owned())
        .collect()
}

/// The owner to set, or none, and a field written beside.
async fn login(session: Session, visit: Visits, Path(owner): Path<String>) {
    session.set_owner((owner != "nobody").then_some(owner.as_str()));
    // Equal to what the former owner had.
    visit.set_count(1);
}

async fn browser(store: &SpyStore) -> Browser {
    let out = async |session: Session| session.set_owner(None);
    let routes = Router::new()
        .route("/login/{owner}", get(login))
        .route("/out", get(out));
    let browser = browse(store, routes);
    browser.get("/count/1").await;
    browser.get("/name/Eve").await;
    browser
}

#[tokio::test]
async fn from_nobody_to_somebody_the_fields_stay_and_the_generation_rises_in_the_same_commit() {
    let store = SpyStore::new();
    let browser = browser(&store).await;
    let (before, id) = (browser.copy(), store.last_id());
    store.forget_calls();
    assert_eq!(browser.get("/owner/ada").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(store.last_id(), id);
    let record = record(&store).await.expect("lives");
    assert_eq!((record.generation(), record.owner()), (1, Some("ada")));
    assert_eq!(names(&store).await, ["count", "name"]);
    assert_eq!(before.get("/status").await.body, "Replayed");
}

#[tokio::test]
async fn the_request_that_logs_in_or_out_sees_the_fields_that_will_stay() {
    let store = SpyStore::new();
    let handler = async |session: Session, visit: Visits, Path(owner): Path<String>| {
        session.set_owner((owner != "nobody").then_some(owner.as_str()));
        visit.count().to_string()
    };
    let routes = Router::new().route("/now/{owner}", get(handler));
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    for (owner, seen) in [("nobody", "1"), ("ada", "1"), ("ada", "1"), ("bob", "0")] {
        let answer = browser.get(&format!("/now/{owner}")).await;
        assert_eq!(answer.body, seen, "{owner}");
        assert_eq!(browser.get("/read").await.body, format!("{seen} nobody"));
    }
}

#[tokio::test]
async fn from_one_to_another_or_to_nobody_only_what_is_written_in_the_same_commit_stays() {
    for (path, left) in [
        ("/owner/bob", &[][..]),
        ("/out", &[]),
        ("/login/bob", &["count"]),
        ("/login/nobody", &["count"]),
    ] {
        let store = SpyStore::new();
        let browser = browser(&store).await;
        browser.get("/owner/ada").await;
        assert_eq!(browser.get(path).await.set_cookies().len(), 1, "{path}");
        assert_eq!(names(&store).await, left, "{path}");
        assert_eq!(
            record(&store).await.expect("lives").generation(),
            2,
            "{path}"
        );
        assert_eq!(browser.get("/status").await.body, "Live", "{path}");
    }
}

#[tokio::test]
async fn the_same_owner_again_is_a_write_that_rotates_and_renews_owner_since() {
    let (clock, store) = timed();
    let browser = browser(&store).await;
    browser.get("/owner/ada").await;
    let (before, stolen) = (record(&store).await.expect("lives"), browser.copy());
    clock.advance(HOUR);
    assert_eq!(browser.get("/owner/ada").await.set_cookies().len(), 1);
    let after = record(&store).await.expect("lives");
    assert_eq!(after.generation(), before.generation() + 1);
    assert_eq!(
        after.owner_since(),
        before.owner_since().map(|since| since.after(HOUR))
    );
    assert_eq!(
        after.started_at(),
        before.started_at(),
        "no other owner, no other clock"
    );
    assert_eq!(names(&store).await, ["count", "name"]);
    assert_eq!(stolen.get("/status").await.body, "Replayed");
}

#[tokio::test]
async fn only_a_different_owner_restarts_the_absolute_clock() {
    for (path, alive) in [("/owner/ada", false), ("/owner/bob", true), ("/out", true)] {
        let (clock, store) = timed();
        let browser = browser(&store).await;
        browser.get("/owner/ada").await;
        for _ in 0..39 {
            clock.advance(HOUR * 18);
            browser.get("/read").await;
        }
        assert_eq!(browser.get(path).await.set_cookies().len(), 1);
        clock.advance(HOUR * 18);
        let status = browser.get("/status").await.body;
        assert_eq!(status == "Live", alive, "{path}: {status} after 30 days");
    }
}

#[tokio::test]
async fn a_different_owner_restarts_the_idle_clock_too() {
    let (clock, store) = timed();
    let browser = browser(&store).await;
    browser.get("/owner/ada").await;
    clock.advance(HOUR);
    browser.get("/owner/bob").await;
    let record = record(&store).await.expect("lives");
    assert_eq!(record.expires_at(), record.now().after(DAY));
    assert_eq!(record.touched_at(), record.now());
}

#[tokio::test]
async fn a_newcomer_who_logs_in_gets_a_session_of_that_owner() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    assert_eq!(browser.get("/owner/ada").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Create]);
    let record = record(&store).await.expect("lives");
    assert_eq!(
        (record.owner(), record.owner_since()),
        (Some("ada"), Some(record.created_at()))
    );
}

#[tokio::test]
async fn the_last_owner_set_counts_and_setting_one_back_is_still_a_write() {
    let store = SpyStore::new();
    let handler = async |session: Session| -> Result<(), SessionError> {
        session.set_owner("eve");
        session.set_owner(None);
        assert_eq!(session.owner(), None);
        session.set_owner("ada");
        assert_eq!(session.owner().as_deref(), Some("ada"));
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/back", get(handler)));
    browser.get("/owner/ada").await;
    browser.get("/count/1").await;
    assert_eq!(browser.get("/back").await.set_cookies().len(), 1);
    let record = record(&store).await.expect("lives");
    assert_eq!((record.owner(), record.generation()), (Some("ada"), 1));
    assert_eq!(names(&store).await, ["count"], "it was always hers");
}

#[tokio::test]
async fn a_change_of_owner_is_a_barrier_to_the_former_owner_s_slow_request() {
    let store = SpyStore::new();
    let browser = browser(&store).await;
    browser.get("/owner/ada").await;
    let mut loaded = store.hold_answer(Call::Load);
    let slow = browser.start("/name/Secret");
    loaded.reached().await;
    browser.get("/owner/bob").await;
    loaded.release();
    let answer = slow.await.expect("runs");
    assert_eq!(answer.status, StatusCode::OK);
    answer.assert_no_set_cookie();
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn an_untyped_write_leaves_the_mark_of_a_staged_one_as_it_is() {
    let store = SpyStore::new();
    let write = async |account: TypedSession<Kept>| {
        account.set_lang(Some("de".to_owned()));
        account.session().insert("lang", "fr");
    };
    let browser = browse(&store, Router::new().route("/write", get(write)));
    browser.get("/owner/ada").await;
    browser.get("/write").await;
    browser.get("/owner/bob").await;
    assert_eq!(stored(&store, "lang").await.as_deref(), Some("\"fr\""));
}

/// The next release of [`Kept`].
#[derive(SessionData)]
struct Dropped {
    lang: Option<String>,
}

#[tokio::test]
async fn the_mark_of_a_kept_field_is_stored_with_its_value() {
    type Write = fn(&TypedSession<Dropped>);
    let cases: [(Write, bool); 3] = [
        (|view| view.set_state(view.state()), true),
        (|view| view.set_lang(view.lang()), false),
        (|view| view.set_lang(Some("fr".to_owned())), false),
    ];
    for (at, (write, stays)) in cases.into_iter().enumerate() {
        let store = SpyStore::new();
        let before = async |kept: TypedSession<Kept>| kept.set_lang(Some("de".to_owned()));
        let after = async move |view: TypedSession<Dropped>| write(&view);
        let routes = Router::new()
            .route("/before", get(before))
            .route("/after", get(after));
        let browser = browse(&store, routes);
        for path in ["/owner/ada", "/before", "/after", "/owner/bob"] {
            browser.get(path).await;
        }
        assert_eq!(stored(&store, "lang").await.is_some(), stays, "case {at}");
    }
}
