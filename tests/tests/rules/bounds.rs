//! R22: everything is bounded.

use std::{collections::BTreeSet, time::Duration};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{
    FieldChange, MAX_FIELDS, MAX_NAME_LEN, MemoryStore, Session, SessionStore as _,
};
use session_tests::{Browser, Call, SpyStore};
use tokio::time::Instant;

use crate::common::{browse, layer, outcome, record, stored, with, write_behind};

/// `/text/{len}` stores a text of so many bytes of JSON under a name of 4.
fn texts() -> Router {
    let set = async |session: Session, Path(len): Path<usize>| {
        session.insert("text", "x".repeat(len - 2));
    };
    let other = async |session: Session, Path(len): Path<usize>| {
        session.insert("more", "x".repeat(len - 2));
    };
    let swap = async |session: Session, Path(len): Path<usize>| {
        session.remove("text");
        session.insert("more", "x".repeat(len - 2));
    };
    let commit = async |session: Session, Path(len): Path<usize>| {
        session.insert("text", "x".repeat(len - 2));
        outcome(&session.commit().await)
    };
    Router::new()
        .route("/text/{len}", get(set))
        .route("/more/{len}", get(other))
        .route("/swap/{len}", get(swap))
        .route("/commit/{len}", get(commit))
}

#[tokio::test]
async fn a_commit_beyond_the_record_s_size_fails_and_changes_nothing() {
    for (max, layered) in [(64 * 1024, false), (1_000, true)] {
        let store = SpyStore::new();
        let layer = if layered {
            layer(&store).max_record_size(max)
        } else {
            layer(&store)
        };
        let browser = with(layer, texts());
        let answer = browser.get(&format!("/text/{}", max - 3)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        answer.assert_no_set_cookie();
        store.assert_untouched();

        assert_eq!(
            browser.get(&format!("/text/{}", max - 4)).await.status,
            StatusCode::OK
        );
        store.forget_calls();
        for path in [
            format!("/text/{}", max - 3),
            "/more/10".to_owned(),
            "/owner/ada".to_owned(),
        ] {
            let answer = browser.get(&path).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert_eq!(answer.body, "Internal Server Error");
            assert_eq!(store.calls(), [Call::Load]);
        }
        assert_eq!(stored(&store, "more").await, None);
        let said = browser.get(&format!("/commit/{max}")).await.body;
        assert!(said.contains("TooLarge"), "{said}");
    }
}

#[tokio::test]
async fn only_growth_is_judged() {
    let store = SpyStore::new();
    let generous = browse(&store, texts());
    generous.get("/text/5000").await;
    let strict = with(layer(&store).max_record_size(1_000), texts());
    strict.set_cookie("sid", &generous.cookie("sid").expect("it has one"));
    for (path, status) in [
        ("/text/5001", 500),
        ("/more/10", 500),
        ("/swap/5000", 200),
        ("/more/4000", 200),
        ("/more/4001", 500),
        ("/rotate", 200),
        ("/more/900", 200),
        ("/more/996", 200),
        ("/more/997", 500),
        ("/owner/ada", 500),
        ("/more/990", 200),
        ("/owner/twelve-chars", 500),
        ("/owner/ada", 200),
    ] {
        assert_eq!(strict.get(path).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn the_owner_counts_whether_it_is_there_already_or_comes_with_the_session() {
    let store = SpyStore::new();
    let owner = "x".repeat(600);
    let handler = async |session: Session, Path(owner): Path<String>| {
        session.set_owner(owner.as_str());
        session.insert("text", owner);
    };
    let routes = texts().route("/both/{owner}", get(handler));
    let browser = with(layer(&store).max_record_size(1_000), routes);
    let answer = browser.get(&format!("/both/{owner}")).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    store.assert_untouched();
    browser.get(&format!("/owner/{owner}")).await;
    for (len, status) in [(396, 200), (397, 500)] {
        let answer = browser.get(&format!("/text/{len}")).await;
        assert_eq!(answer.status.as_u16(), status, "{len}");
    }
}

#[tokio::test]
async fn a_session_that_changes_hands_may_stay_as_large_as_it_was_but_grow_no_more() {
    let store = SpyStore::new();
    let fill = async |session: Session, Path((owner, to)): Path<(String, usize)>| {
        session.set_owner(&*owner);
        for n in 0..to {
            session.insert(format!("field {n:03}"), "x");
        }
    };
    let routes = || Router::new().route("/fill/{owner}/{to}", get(fill));
    let generous = browse(&store, routes());
    generous.get("/fill/ada/100").await;
    let strict = with(layer(&store).max_record_size(1_000), routes());
    strict.set_cookie("sid", &generous.cookie("sid").expect("it has one"));
    // None of the former owner's fields stay.
    for (path, status) in [
        ("/fill/bob/101", 500),
        ("/fill/beth/100", 500),
        ("/fill/bob/100", 200),
        ("/fill/ada/100", 200),
    ] {
        assert_eq!(strict.get(path).await.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn of_too_many_fields_as_many_may_stay_when_the_session_changes_hands() {
    let store = SpyStore::new();
    let fill = async |session: Session, Path((owner, to)): Path<(String, usize)>| {
        session.set_owner(&*owner);
        for n in 0..to {
            session.insert(format!("field {n}"), n);
        }
    };
    let browser = browse(&store, Router::new().route("/fill/{owner}/{to}", get(fill)));
    browser.get("/owner/ada").await;
    for n in 0..=MAX_FIELDS {
        // Whoever wrote them knew no bound.
        write_behind(&store, FieldChange::set(format!("field {n}"), "1")).await;
    }
    let many = MAX_FIELDS + 1;
    for (path, status) in [
        (format!("/fill/bob/{}", many + 1), 500),
        (format!("/fill/bob/{many}"), 200),
    ] {
        assert_eq!(browser.get(&path).await.status.as_u16(), status, "{path}");
    }
    let record = record(&store).await.expect("lives");
    assert_eq!(record.fields().len(), many);
}

#[tokio::test]
async fn the_number_of_fields_is_bounded() {
    let store = SpyStore::new();
    let fill = async |session: Session, Path((from, to)): Path<(usize, usize)>| {
        for n in from..to {
            session.insert(format!("field {n}"), n);
        }
    };
    let swap = async |session: Session| {
        session.remove("field 0");
        session.insert("other", 1);
    };
    let routes = Router::new()
        .route("/fill/{from}/{to}", get(fill))
        .route("/swap", get(swap));
    let browser = browse(&store, routes);
    let answer = browser.get(&format!("/fill/0/{}", MAX_FIELDS + 1)).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    store.assert_untouched();
    assert_eq!(
        browser.get(&format!("/fill/0/{MAX_FIELDS}")).await.status,
        StatusCode::OK
    );
    let answer = browser
        .get(&format!("/fill/{MAX_FIELDS}/{}", MAX_FIELDS + 1))
        .await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(browser.get("/swap").await.status, StatusCode::OK);
    assert_eq!(
        record(&store).await.expect("lives").fields().len(),
        MAX_FIELDS
    );
}

#[tokio::test]
async fn names_have_1_to_128_bytes_and_no_control_characters() {
    let store = SpyStore::new();
    let names = [
        ("x".repeat(MAX_NAME_LEN), true),
        ("ä".repeat(MAX_NAME_LEN / 2), true),
        ("with space, \"quotes\" and = ; :".to_owned(), true),
        (String::new(), false),
        ("x".repeat(MAX_NAME_LEN + 1), false),
        ("ä".repeat(MAX_NAME_LEN / 2) + "x", false),
        ("a\nb".to_owned(), false),
        ("a\0b".to_owned(), false),
        ("a\u{7f}b\u{85}".to_owned(), false),
    ];
    let all = names.clone();
    let handler = async move |session: Session, Path(at): Path<usize>| {
        session.insert(all[at].0.clone(), 1);
        session.insert("beside", 2);
    };
    let browser = browse(&store, Router::new().route("/{at}", get(handler)));
    for (at, (name, good)) in names.iter().enumerate() {
        let browser = browser.copy();
        let status = browser.get(&format!("/{at}")).await.status;
        assert_eq!(status.is_success(), *good, "{name:?}");
        if *good {
            assert_eq!(stored(&store, name).await.as_deref(), Some("1"));
        } else {
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
            assert_eq!(browser.cookie("sid"), None, "nothing was stored");
        }
    }
    assert_eq!(store.inner.count().await.expect("a memory store"), 3);
}

#[tokio::test]
async fn the_memory_store_holds_no_more_sessions_than_it_may() {
    let store = MemoryStore::builder().max_sessions(50).build();
    let browser = browse(&store, texts());
    let user = browser.copy();
    user.get("/owner/ada").await;
    for _ in 0..500 {
        let newcomer = browser.copy();
        assert_eq!(newcomer.get("/count/1").await.status, StatusCode::OK);
        assert_eq!(newcomer.get("/read").await.body, "1 nobody");
        assert!(store.count().await.expect("a memory store") <= 50);
    }
    assert_eq!(store.evicted(), 451);
    assert_eq!(
        user.get("/status").await.body,
        "Live",
        "a flood logs nobody out"
    );
}

#[tokio::test(start_paused = true)]
async fn every_store_call_ends_in_time() {
    for (seconds, layered) in [(5, false), (1, true)] {
        let store = SpyStore::new();
        let layer = if layered {
            layer(&store).store_timeout(Duration::from_secs(seconds))
        } else {
            layer(&store)
        };
        let browser = with(layer, Router::new());
        for (call, path) in [
            (Call::Create, "/count/1"),
            (Call::Load, "/read"),
            (Call::Commit, "/count/2"),
            (Call::Commit, "/owner/ada"),
            (Call::Delete, "/destroy"),
        ] {
            let newcomer: Browser = browser.copy();
            if call != Call::Create {
                newcomer.get("/count/1").await;
            }
            let _held = store.hold(call);
            let begun = Instant::now();
            let answer = newcomer.get(path).await;
            assert_eq!(begun.elapsed().as_secs(), seconds, "{path}");
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(answer.header("retry-after"), "1");
            answer.assert_no_set_cookie();
        }
    }
}

#[tokio::test]
async fn an_id_that_is_taken_is_never_overwritten_and_tries_are_bounded() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    store.take_ids(3);
    assert_eq!(browser.get("/count/1").await.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Create; 4]);
    assert_eq!(browser.get("/read").await.body, "1 nobody");
    store.forget_calls();

    let newcomer = browser.copy();
    newcomer.set_cookie("sid", "");
    store.take_ids(usize::MAX);
    let answer = newcomer.get("/count/1").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    answer.assert_no_set_cookie();
    let tries = store.calls();
    assert!((2..10).contains(&tries.len()) && tries.iter().all(|call| *call == Call::Create));
}

#[tokio::test]
async fn every_session_has_an_id_of_its_own() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let mut ids = BTreeSet::new();
    for _ in 0..100 {
        browser.copy().get("/count/1").await;
        ids.insert(store.last_id());
    }
    assert_eq!(ids.len(), 100);
}
