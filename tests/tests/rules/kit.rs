//! What the kit promises to other people's tests.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    response::IntoResponse,
    routing::{any, get},
};
use session_axum::{
    Guard, Key, MemoryStore, NewRecord, Patch, SessionData, SessionId, SessionLayer, SessionStore,
    StoreError, Timeouts, TypedSession,
    test_util::{CountingStore, StoreCall, TestClient, sealed_token},
};
use session_tests::{Call, SpyStore};

use crate::common::{Visit, browse, key, layer, timed};

#[derive(SessionData)]
struct Account {
    #[session(owner, required)]
    user: u64,
    #[session(required)]
    plan: String,
    #[session(rename = "lang")]
    language: Option<String>,
    visits: u64,
}

fn account() -> Account {
    Account {
        user: 7,
        plan: "loom".to_owned(),
        language: None,
        visits: 0,
    }
}

async fn show(account: TypedSession<Account>) -> String {
    let (user, plan) = (account.user(), account.plan());
    format!(
        "{user} {plan} {:?} {}",
        account.language(),
        account.visits()
    )
}

fn visit() -> Visit {
    Visit {
        count: 0,
        name: None,
    }
}

thread_local! {
    static FAILED_AT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The words of a failure, and the file that it is blamed on.
fn failure(fails: impl FnOnce()) -> (String, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |failed| {
            let at = failed.location().map(|at| at.file().to_owned());
            FAILED_AT.set(at);
            hook(failed);
        }));
    });
    let failed = panic::catch_unwind(AssertUnwindSafe(fails)).expect_err("it fails");
    let words = failed.downcast::<String>().expect("formatted words");
    (*words, FAILED_AT.take().expect("a place"))
}

/// The words with which making a session ready fails.
async fn refusal<L: 'static>(layer: SessionLayer<L>, state: Visit) -> String {
    let ready = tokio::spawn(async move {
        let client = TestClient::new(Router::new());
        client.as_session(&layer, state).await
    });
    let failed = ready.await.expect_err("it fails").into_panic();
    *failed.downcast::<String>().expect("formatted words")
}

#[tokio::test]
async fn a_session_made_ready_is_in_the_store_with_its_owner_and_every_field() {
    let store = SpyStore::new();
    let layer = layer(&store);
    let app = Router::new().route("/", get(show)).layer(layer.clone());

    let client = TestClient::new(app).as_session(&layer, account()).await;
    assert_eq!(store.calls(), [Call::Create]);
    let record = store.inner.load(store.last_id()).await;
    let record = record.expect("a memory store").expect("it lives");
    assert_eq!(record.owner(), Some("7"));
    assert_eq!(record.fields().get("plan"), Some("\"loom\""));
    assert_eq!(record.fields().get("visits"), Some("0"), "also a default");

    let answer = client.get("/").await;
    assert_eq!(answer.body, "7 loom None 0");
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn a_session_made_ready_obeys_every_option_of_its_layer() {
    struct Admin;
    let (clock, store) = timed();
    let layer = SessionLayer::named::<Admin>(store.clone(), key())
        .cookie_name("__Host-admin")
        .timeouts(Timeouts::aal3());
    let route = get(async |visit: TypedSession<Visit, Admin>| visit.count().to_string());
    let app = Router::new().route("/", route).layer(layer.clone());

    let state = Visit {
        count: 3,
        ..visit()
    };
    let client = TestClient::new(app).as_session(&layer, state).await;
    assert!(client.cookie("__Host-admin").is_some());
    assert_eq!(client.get("/").await.body, "3");
    clock.advance(Timeouts::aal3().idle);
    assert_eq!(client.get("/").await.body, "0");
}

#[tokio::test]
async fn a_state_that_is_all_defaults_makes_a_session_too() {
    let store = SpyStore::new();
    let client = browse(&store, Router::new());
    let client = client.stranger().as_session(&layer(&store), visit()).await;
    assert_eq!(store.inner.count().await.expect("a memory store"), 1);
    assert_eq!(client.get("/status").await.body, "Live");
}

#[tokio::test]
async fn a_layer_made_a_second_time_with_the_same_store_and_key_will_do() {
    let store = SpyStore::new();
    let client = browse(&store, Router::new()).stranger();
    let state = Visit {
        count: 3,
        ..visit()
    };
    let again = SessionLayer::new(store.clone(), key());
    let client = client.as_session(&again, state).await;
    assert_eq!(client.get("/read").await.body, "3 nobody");
}

#[tokio::test]
async fn where_no_session_comes_of_it_the_failure_says_why_and_where() {
    #[derive(SessionData)]
    struct Prefs {
        theme: Option<String>,
    }
    let store = SpyStore::new();
    let words = refusal(layer(&store).cookies(false).token_header("x-sid"), visit()).await;
    assert!(words.contains("takes no cookies"), "{words}");
    assert!(words.contains("kit.rs:"), "{words}");

    let words = refusal(
        layer(&store).idle_timeout(std::time::Duration::ZERO),
        visit(),
    )
    .await;
    assert!(words.contains("`idle_timeout` is zero"), "{words}");

    let words = refusal(layer(&store).max_record_size(4), visit()).await;
    assert!(words.contains("`max_record_size`"), "{words}");
    store.assert_untouched();

    store.fail(Call::Create, StoreError::unavailable("no network"));
    let words = refusal(layer(&store), visit()).await;
    assert!(words.contains("no network"), "{words}");

    let layer = layer(&store);
    store.forget_calls();
    let nothing = tokio::spawn(async move { sealed_token(&layer, Prefs { theme: None }).await });
    let failed = nothing.await.expect_err("it fails").into_panic();
    let words = failed.downcast::<String>().expect("formatted words");
    assert!(words.contains("nothing of this state is stored"), "{words}");
    assert!(
        words.contains("`sealed_token` at tests/tests/rules/kit.rs"),
        "{words}"
    );
    store.assert_untouched();
}

#[tokio::test]
async fn the_asserts_say_what_they_saw_at_the_line_of_the_test() {
    let store = CountingStore::new(MemoryStore::new());
    let client = browse(&store, Router::new());
    let answer = client.get("/count/1").await;

    let (words, at) = failure(|| answer.assert_no_set_cookie());
    assert!(words.contains("(200 OK)"), "{words}");
    assert!(words.contains("sid=("), "{words}");
    assert!(words.contains("; HttpOnly"), "{words}");
    assert!(at.ends_with("rules/kit.rs"), "{at}");

    let (words, at) = failure(|| store.assert_store_untouched());
    assert!(words.contains("[Create]"), "{words}");
    assert!(at.ends_with("rules/kit.rs"), "{at}");

    let (words, at) = failure(|| drop(client.get("no path")));
    assert!(words.contains("\"no path\""), "{words}");
    assert!(at.ends_with("rules/kit.rs"), "{at}");
}

#[tokio::test]
async fn neither_a_failed_assert_nor_debug_shows_the_value_of_a_cookie() {
    let store = SpyStore::new();
    let client = browse(&store, Router::new());
    let answer = client.get("/count/1").await;
    let token = client.cookie("sid").expect("a session");

    let (words, _) = failure(|| answer.assert_no_set_cookie());
    let request = client
        .get("/read")
        .header(header::COOKIE, format!("sid={token}"));
    for shown in [
        words,
        format!("{answer:?}"),
        format!("{client:?}"),
        format!("{request:?}"),
    ] {
        assert!(!shown.contains(&token), "{shown}");
    }
    let removal = client.get("/destroy").await;
    let (words, _) = failure(|| removal.assert_no_set_cookie());
    assert!(
        words.contains("sid=; "),
        "a removal looks like one: {words}"
    );
}

#[tokio::test]
async fn a_client_keeps_and_drops_cookies_as_a_browser_does() {
    async fn set() -> impl IntoResponse {
        let mut headers = HeaderMap::new();
        for cookie in [
            "a=1; Path=/",
            "b=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "c=3",
            "d=4",
            "e=5",
            "c=; Max-Age=0",
            "d=x; max-age=-1",
            "e=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "no cookie",
        ] {
            headers.append(header::SET_COOKIE, cookie.parse().expect("a header"));
        }
        headers
    }
    let sent = async |headers: HeaderMap| {
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies: Vec<_> = cookies.map(|value| value.to_str().expect("text")).collect();
        cookies.join(" | ")
    };
    let app = Router::new()
        .route("/set", get(set))
        .route("/sent", any(sent));
    let client = TestClient::new(app);
    assert_eq!(client.get("/sent").await.body, "");
    client.get("/set").await;
    assert_eq!(client.get("/sent").await.body, "a=1; b=2");

    // Tabs share, copies and strangers do not.
    let (tab, copy, stranger) = (client.clone(), client.copy(), client.stranger());
    client.set_cookie("a", "9");
    assert_eq!(tab.get("/sent").await.body, "a=9; b=2");
    assert_eq!(copy.get("/sent").await.body, "a=1; b=2");
    assert_eq!(stranger.get("/sent").await.body, "");

    // A request's own header counts, and nothing beside it.
    let own = client.get("/sent").header(header::COOKIE, "z=0").await;
    assert_eq!(own.body, "z=0");
    let made = Request::post("/sent").body(Body::empty());
    let made = client.send(made.expect("a request")).await;
    assert_eq!(made.body, "a=9; b=2");
}

#[tokio::test]
async fn a_client_sends_methods_headers_and_bodies_to_any_service() {
    let echo = any(async |request: Request<Body>| {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let method = request.method().clone();
        let body = axum::body::to_bytes(request.into_body(), 100).await;
        (
            StatusCode::ACCEPTED,
            format!("{method} {kind:?} {:?}", body.expect("short")),
        )
    });
    // No router: a handler with its methods.
    let client = TestClient::new(echo);
    let answer = client.post("/any").form("a=1").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let form = "POST Some(\"application/x-www-form-urlencoded\") b\"a=1\"";
    assert_eq!(answer.body, form);
    let put = client
        .request("PUT".parse().expect("a method"), "/")
        .body(vec![1, 2]);
    assert_eq!(put.await.body, "PUT None b\"\\x01\\x02\"");
}

#[tokio::test]
async fn a_counting_store_notes_every_call_and_changes_no_answer() {
    let store = CountingStore::new(MemoryStore::new());
    const { assert!(<CountingStore<MemoryStore> as SessionStore>::ANSWERS_AT_ONCE) };
    const { assert!(!<CountingStore<SpyStore> as SessionStore>::ANSWERS_AT_ONCE) };
    let id = SessionId::generate();
    let new = NewRecord {
        fields: session_axum::Fields::default(),
        owner: Some("ada".to_owned()),
        lifetime: session_axum::Lifetime {
            idle: crate::common::HOUR,
            absolute: crate::common::DAY,
        },
    };
    let guard = Guard {
        generation: 0,
        version: None,
    };
    let twin = store.clone();
    assert!(store.create(id, new).await.is_ok());
    assert!(matches!(store.load(id).await, Ok(Some(_))));
    assert!(store.commit(id, guard, &Patch::default()).await.is_ok());
    assert_eq!(store.find_by_owner("ada").await.expect("works").len(), 1);
    assert_eq!(store.count().await.expect("works"), 1);
    assert_eq!(store.revoke_owner("ada", Some(id)).await.expect("works"), 0);
    assert_eq!(store.delete_expired(9).await.expect("works"), 0);
    assert!(matches!(store.delete(id).await, Ok(true)));
    assert_eq!(store.inner().count().await.expect("works"), 0);
    assert!(matches!(store.load(id).await, Ok(None)));

    assert_eq!(store.count_of(StoreCall::Load), 2);
    assert_eq!(
        twin.take_calls(),
        [
            StoreCall::Create,
            StoreCall::Load,
            StoreCall::Commit,
            StoreCall::FindByOwner,
            StoreCall::Count,
            StoreCall::RevokeOwner,
            StoreCall::DeleteExpired,
            StoreCall::Delete,
            StoreCall::Load,
        ],
        "clones share the notes"
    );
    store.assert_store_untouched();
    assert_eq!(store.count_of(StoreCall::Load), 0);
    let _ = store.count().await;
    store.forget_calls();
    store.assert_store_untouched();
}

#[tokio::test]
async fn another_key_opens_nothing_of_a_session_made_ready() {
    let store = SpyStore::new();
    let client = browse(&store, Router::new()).stranger();
    let other = SessionLayer::new(store.clone(), Key::generate());
    let client = client.as_session(&other, visit()).await;
    assert_eq!(client.get("/status").await.body, "Unsealed");
}
