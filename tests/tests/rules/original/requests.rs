//! What was wrong with what a request reads and writes, and is right here.

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::AppendHeaders,
    routing::get,
};
use session_axum::{
    ConfigError, MemoryStore, Session, SessionData, SessionError, SessionStore, TypedSession,
};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{Visits, browse, catch_panic, layer, record, stored, with};

/// F1
#[tokio::test]
async fn a_request_without_a_cookie_that_only_reads_creates_nothing() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    for _ in 0..100 {
        browser.get("/read").await.assert_no_set_cookie();
    }
    store.assert_untouched();
    assert_eq!(store.count().await.expect("counted"), 0);
}

/// F2
#[tokio::test]
async fn all_set_cookie_headers_of_the_handler_are_kept() {
    let handler = async |visit: Visits| {
        visit.set_count(1);
        AppendHeaders([
            (header::SET_COOKIE, "theme=dark"),
            (header::SET_COOKIE, "lang=de"),
        ])
    };
    let browser = browse(
        &MemoryStore::new(),
        Router::new().route("/theme", get(handler)),
    );
    let answer = browser.get("/theme").await;
    assert_eq!(answer.set_cookies().len(), 3);
    assert_eq!(browser.cookie("theme").as_deref(), Some("dark"));
    assert_eq!(browser.cookie("lang").as_deref(), Some("de"));
    assert!(browser.cookie("sid").is_some());
}

/// F9
#[tokio::test]
async fn a_store_is_given_what_changed_without_being_asked_to_save() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    browser.get("/name/Ada").await;
    assert_eq!(store.calls(), [Call::Create, Call::Load, Call::Commit]);
    assert_eq!(stored(&store, "name").await.as_deref(), Some("\"Ada\""));
}

/// F10
#[tokio::test]
async fn nobody_sees_half_done_changes_and_those_of_a_failed_handler_are_dropped() {
    async fn half(visit: Visits) -> StatusCode {
        visit.set_count(7);
        assert!(
            visit.session().is_new() || visit.name().is_some(),
            "a handler that raises"
        );
        StatusCode::INTERNAL_SERVER_ERROR
    }
    let store = SpyStore::new();
    let routes = Router::new()
        .route("/half", get(half))
        .layer(axum::middleware::from_fn(catch_panic));
    let browser = browse(&store, routes);
    browser.get("/count/1").await;
    for name in [None, Some("/name/Ada")] {
        if let Some(name) = name {
            browser.get(name).await;
        }
        // It raises the first time, and answers 500 the second time.
        assert_eq!(
            browser.get("/half").await.status,
            StatusCode::INTERNAL_SERVER_ERROR
        );
        assert_eq!(stored(&store, "count").await.as_deref(), Some("1"));
    }
}

/// F12
#[tokio::test]
async fn at_a_login_what_the_cookie_holds_changes_and_the_old_one_is_dead() {
    let store = SpyStore::new();
    for login in ["/owner/ada", "/rotate"] {
        let browser = browse(&store, Router::new());
        browser.get("/count/5").await;
        let before = browser.copy();
        browser.get(login).await;
        assert_ne!(before.cookie("sid"), browser.cookie("sid"));
        assert_eq!(before.get("/read").await.body, "0 nobody");
        assert_eq!(browser.get("/read").await.body, "5 nobody");
    }
}

/// F13
#[tokio::test]
async fn clear_ends_the_data_and_destroy_the_session() {
    let store = SpyStore::new();
    let clear = get(async |session: Session| session.clear());
    let browser = browse(&store, Router::new().route("/clear", clear));
    browser.get("/count/5").await;
    browser.get("/clear").await.assert_no_set_cookie();
    let cleared = record(&store).await.expect("the session stays");
    assert!(cleared.fields().is_empty());
    let answer = browser.get("/destroy").await;
    assert!(answer.set_cookies()[0].starts_with("sid=; "));
    assert!(record(&store).await.is_none());
}

/// F14
#[tokio::test]
async fn a_field_of_any_name_is_the_user_s_and_the_library_adds_none() {
    const NAMES: [&str; 7] = [
        "__cause__",
        "owner",
        "status",
        "id",
        "version",
        "generation",
        "expires_at",
    ];
    let write = get(async |session: Session| {
        for name in NAMES {
            session.insert(name, "mine");
        }
    });
    let read = get(async |session: Session| {
        let read = NAMES.map(|name| session.get::<String>(name).unwrap_or_default());
        format!("{} {:?}", read.join(" "), session.owner())
    });
    let store = SpyStore::new();
    let routes = Router::new().route("/write", write).route("/all", read);
    let browser = browse(&store, routes);
    browser.get("/write").await;
    browser.get("/owner/ada").await;
    let all = format!("{} {:?}", ["mine"; 7].join(" "), Some("ada"));
    assert_eq!(browser.get("/all").await.body, all);
    assert_eq!(record(&store).await.expect("lives").fields().len(), 7);
}

/// F15
#[tokio::test]
async fn a_skip_rule_can_not_be_half_filled() {
    let new = || layer(&MemoryStore::new());
    assert!(matches!(
        new().skip_header("", "yes").check(),
        Err(ConfigError::SkipHeader(_))
    ));
    // An empty value is that value, and never "none": who lacks the header is not skipped.
    let browser = with(new().skip_header("x-probe", ""), Router::new());
    assert_eq!(browser.get("/increment").await.body, "1");
    let skipped = browser.get_with("/increment", "x-probe", "").await;
    assert_eq!(skipped.status, StatusCode::BAD_REQUEST);
}

/// F16
#[tokio::test]
async fn a_handler_that_needs_a_session_answers_a_skipped_request_with_400() {
    let option = get(async |visit: Option<Visits>| visit.is_none().to_string());
    let browser = with(
        layer(&MemoryStore::new()).skip_header("x-probe", "*"),
        Router::new().route("/option", option),
    );
    let needed = browser.get_with("/read", "x-probe", "1").await;
    assert_eq!(needed.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        browser.get_with("/option", "x-probe", "1").await.body,
        "true"
    );
}

/// F23
#[tokio::test]
async fn a_handler_that_fails_leaves_no_orphan() {
    let fail = get(async |visit: Visits| {
        visit.set_count(1);
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let store = SpyStore::new();
    let browser = browse(&store, Router::new().route("/fail", fail));
    browser.get("/fail").await.assert_no_set_cookie();
    store.assert_untouched();
}

/// F25; and F24, for there, too, the cookie does not come back.
#[tokio::test]
async fn a_cookie_of_another_worker_is_replaced_only_when_something_is_written() {
    let (one, other) = (SpyStore::new(), SpyStore::new());
    let here = browse(&one, Router::new());
    here.get("/count/5").await;
    let there = browse(&other, Router::new());
    let cookie = here.cookie("sid").expect("a session");
    there.set_cookie("sid", &cookie);
    for _ in 0..3 {
        there.get("/read").await.assert_no_set_cookie();
    }
    assert_eq!(there.cookie("sid"), Some(cookie));
    assert_eq!(other.count().await.expect("counted"), 0);
    assert_eq!(there.get("/increment").await.set_cookies().len(), 1);
}

/// F26
#[tokio::test]
async fn a_streaming_body_is_passed_on_as_it_is_and_may_read() {
    let stream = get(async |visit: Visits| {
        let (visit, pieces) = (visit.clone(), ["a", "b", "c"]);
        let pieces =
            pieces.map(|piece| Ok::<_, SessionError>(format!("{piece}{} ", visit.count())));
        Body::from_stream(futures_util::stream::iter(pieces))
    });
    let browser = browse(&MemoryStore::new(), Router::new().route("/stream", stream));
    browser.get("/count/5").await;
    assert_eq!(browser.get("/stream").await.body, "a5 b5 c5 ");
}

/// F30
#[tokio::test]
async fn a_value_that_is_too_large_is_a_typed_error() {
    #[derive(SessionData)]
    struct Basket {
        items: Vec<u8>,
    }

    let fill = get(async |basket: TypedSession<Basket>| {
        basket.set_items(vec![0; 100_000]);
        let outcome = basket.session().commit().await;
        format!("{outcome:?}")
    });
    let store = SpyStore::new();
    let browser: Browser = browse(&store, Router::new().route("/fill", fill));
    let answer = browser.get("/fill").await;
    assert!(answer.body.contains("TooLarge"), "{}", answer.body);
    store.assert_untouched();
}
