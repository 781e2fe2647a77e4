//! Rows of the standards that belong to nothing else here; the guide lists them all.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, StatusCode},
    response::IntoResponse,
    routing::get,
};
use serde_json::value::RawValue;
use session_axum::{
    FieldChange, Guard, ManualClock, MemoryStore, Patch, Session, SessionData, SessionError,
    SessionStore as _, TypedSession,
};
use session_tests::{Call, Log, SpyStore};

use crate::common::{Account, Accounts, HOUR, browse, layer, record, timed, token, with};

// ASVS 14.3.1

#[tokio::test]
async fn a_log_out_can_clear_the_site_s_data_too() {
    let (_, store) = timed();
    let log_out = async |session: Session| {
        session.destroy();
        let clear = HeaderName::from_static("clear-site-data");
        ([(clear, "\"cache\", \"storage\"")], "Good bye").into_response()
    };
    let browser = with(layer(&store), Router::new().route("/bye", get(log_out)));
    browser.get("/log_in/ada").await;
    let answer = browser.get("/bye").await;
    assert_eq!(answer.header("clear-site-data"), "\"cache\", \"storage\"");
    assert!(answer.set_cookies()[0].contains("; Max-Age=0;"));
    assert_eq!(browser.get("/whoami").await.body, "nobody");
}

// ASVS 4.4.4

#[tokio::test]
async fn a_handle_that_outlives_its_response_learns_that_its_session_was_revoked() {
    let (_, store) = timed();
    let kept: Arc<Mutex<Option<Accounts>>> = Arc::default();
    let place = Arc::clone(&kept);
    let open = async move |account: Accounts| {
        *place.lock().expect("not poisoned") = Some(account);
    };
    let layer = layer(&store);
    let browser = with(layer.clone(), Router::new().route("/open", get(open)));
    browser.get("/log_in/7").await;
    browser.get("/open").await;
    let socket = kept
        .lock()
        .expect("not poisoned")
        .take()
        .expect("it was opened");
    let count = |account: &mut Account| account.visits += 1;
    socket.session().refresh().await.expect("it lives");
    socket.update(count).await.expect("it lives");
    layer.sessions().revoke_all("7").await.expect("revokes");
    assert!(matches!(
        socket.session().refresh().await,
        Err(SessionError::Gone)
    ));
    assert!(matches!(
        socket.update(count).await,
        Err(SessionError::Gone)
    ));
    assert_eq!(store.inner.count().await.expect("counts"), 0);
}

#[tokio::test]
async fn a_handle_that_outlives_its_response_learns_of_a_new_log_in() {
    let (_, store) = timed();
    let kept: Arc<Mutex<Option<Session>>> = Arc::default();
    let place = Arc::clone(&kept);
    let open = async move |session: Session| {
        *place.lock().expect("not poisoned") = Some(session);
    };
    let browser = with(layer(&store), Router::new().route("/open", get(open)));
    browser.get("/log_in/ada").await;
    browser.get("/open").await;
    let socket = kept
        .lock()
        .expect("not poisoned")
        .take()
        .expect("it was opened");
    browser.get("/log_in/bob").await;
    assert!(matches!(socket.refresh().await, Err(SessionError::Gone)));
}

// RFC 6265bis, 6.1

#[tokio::test]
async fn a_client_that_loses_its_cookie_is_a_newcomer_and_no_error() {
    let (_, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/log_in/ada").await;
    for path in [
        "/whoami",
        "/visit",
        "/write/a/1",
        "/rotate",
        "/touch",
        "/log_out",
        "/log_in/ada",
    ] {
        let forgetful = browse(layer(&store));
        assert_eq!(forgetful.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

// OWASP: logging the life cycle

#[tokio::test]
async fn the_life_of_a_session_is_logged_with_its_fingerprint() {
    let (clock, store) = timed();
    let layer = layer(&store).rotate_every(HOUR);
    let browser = browse(layer);
    let before = |log: &Log, wanted: &[&str], store: &SpyStore| {
        let lines = log.lines();
        for wanted in wanted {
            let fingerprint = store.last_id().fingerprint().to_string();
            let line = lines.lines().find(|line| line.contains(wanted));
            let line = line.unwrap_or_else(|| panic!("{wanted} is not in {lines}"));
            assert!(line.contains(&fingerprint), "{line}");
        }
    };
    let log = Log::start();
    browser.get("/write/a/1").await;
    before(&log, &["session created"], &store);
    browser.get("/log_in/ada").await;
    before(&log, &["session rotated"], &store);
    clock.advance(HOUR);
    let old = browser.copy();
    browser.get("/whoami").await;
    before(&log, &["session rotated"], &store);
    browser.get("/log_in/ada").await;
    let _ = log.lines();
    old.get("/whoami").await;
    before(&log, &["a token of an older generation"], &store);
    let tab = browser.copy();
    browser.get("/log_out").await;
    before(&log, &["session destroyed"], &store);
    tab.get("/whoami").await;
    before(&log, &["no live session for a genuine token"], &store);
}

// OWASP: session puzzling

#[tokio::test]
async fn a_field_that_is_called_as_the_owner_is_not_the_owner() {
    let (_, store) = timed();
    let browser = with(
        layer(&store),
        Router::new().route(
            "/user",
            get(async |account: Accounts| format!("{:?}", account.user())),
        ),
    );
    for name in ["user", "owner", "owner_since", "generation"] {
        browser.get(&format!("/write/{name}/7")).await;
    }
    assert_eq!(browser.get("/user").await.body, "None");
    assert_eq!(browser.get("/whoami").await.body, "nobody");
    assert_eq!(record(&store).await.owner(), None);
}

// ASVS 1.5.2

#[derive(SessionData)]
struct Deep {
    deep: Vec<u64>,
    count: u64,
}

#[tokio::test]
async fn a_stored_value_that_is_nested_without_end_harms_nobody() {
    let (_, store) = timed();
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let again = nested.clone();
    let routes = Router::new()
        .route(
            "/read",
            get(async |deep: TypedSession<Deep>| {
                deep.set_count(deep.count() + 1);
                format!(
                    "{:?} {:?}",
                    deep.deep(),
                    deep.session().get::<serde_json::Value>("deep")
                )
            }),
        )
        .route(
            "/equal",
            get(async move |session: Session| {
                session.insert("deep", RawValue::from_string(again.clone()).ok());
            }),
        );
    let browser = with(layer(&store), routes);
    browser.get("/write/a/1").await;
    let guard = Guard {
        generation: 0,
        version: None,
    };
    let patch = Patch {
        fields: vec![FieldChange::set("deep", nested.clone())],
        ..Patch::default()
    };
    store
        .inner
        .commit(store.last_id(), guard, &patch)
        .await
        .expect("a memory store");
    let answer = browser.get("/read").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "[] None")
    );
    // Nobody could read what is written so.
    let answer = browser.get("/equal").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        record(&store).await.fields().get("deep"),
        Some(&*nested),
        "it stays as it is"
    );
}

// Endless anonymous sessions

#[tokio::test]
async fn a_flood_of_visitors_without_a_session_stores_nothing() {
    let (_, store) = timed();
    for at in 0..1_000 {
        let bot = browse(layer(&store));
        if at % 2 == 0 {
            bot.set_cookie("sid", &format!("random{at}"));
        }
        bot.get("/whoami").await.assert_no_set_cookie();
        bot.get("/log_out").await;
    }
    store.assert_untouched();
}

#[tokio::test]
async fn a_flood_of_anonymous_sessions_logs_nobody_out() {
    let clock = ManualClock::new();
    let store = MemoryStore::builder()
        .max_sessions(100)
        .clock(clock.clone())
        .build();
    let member = browse(layer(&store));
    member.get("/log_in/ada").await;
    for _ in 0..1_000 {
        clock.advance(HOUR / 1_000);
        browse(layer(&store)).get("/write/a/1").await;
    }
    assert_eq!(member.get("/whoami").await.body, "ada");
    assert!(store.count().await.expect("counts") <= 100);
    assert!(store.evicted() >= 900);
}

// Sessions swapped between users

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_users_at_once_each_sees_only_their_own() {
    let store = SpyStore::new();
    store.be_slow();
    let see = async |session: Session, Path(who): Path<String>| {
        let before = session.owner();
        tokio::task::yield_now().await;
        let mark = session.get::<String>("mark");
        session.insert("mark", &who);
        format!(
            "{} {}",
            before.unwrap_or_default(),
            mark.unwrap_or_default()
        )
    };
    let browser = with(layer(&store), Router::new().route("/see/{who}", get(see)));
    let users: Vec<_> = (0..100)
        .map(|user| {
            let browser = browser.copy();
            tokio::spawn(async move {
                browser.get(&format!("/log_in/{user}")).await;
                browser.get(&format!("/see/{user}")).await;
                for _ in 0..10 {
                    let seen = browser.get(&format!("/see/{user}")).await.body;
                    assert_eq!(seen, format!("{user} {user}"));
                }
                token(&browser)
            })
        })
        .collect();
    let mut tokens = Vec::new();
    for user in users {
        tokens.push(user.await.expect("each its own"));
    }
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 100);
}

// Redirect before save

#[tokio::test]
async fn a_redirect_leaves_when_the_session_is_stored() {
    let (_, store) = timed();
    let log_in = async |session: Session| {
        session.set_owner("ada");
        axum::response::Redirect::to("/whoami")
    };
    let browser = with(layer(&store), Router::new().route("/enter", get(log_in)));
    let mut held = store.hold(Call::Create);
    let redirect = browser.start("/enter");
    held.reached().await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!redirect.is_finished());
    held.release();
    assert_eq!(redirect.await.expect("ends").status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/whoami").await.body, "ada");
}
