//! What somebody does who wants another one's session, and what overlapping requests do by chance.

use std::time::Duration;

use axum::http::StatusCode;
use session_axum::{ManualClock, SessionLayer, SessionStore};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{HOUR, MINUTE, browse, hex, layer, record, timed, token, whose};

/// An anonymous session that is known to two: the victim's browser and the attacker's.
async fn planted(store: &SpyStore) -> (Browser, Browser) {
    let attacker = browse(layer(store));
    attacker.get("/write/basket/poison").await;
    let victim = browse(layer(store));
    victim.set_cookie("sid", &token(&attacker));
    (victim, attacker)
}

#[tokio::test]
async fn a_planted_genuine_cookie_opens_nothing_after_the_log_in() {
    let (clock, store) = timed();
    let (victim, attacker) = planted(&store).await;
    let log = Log::start();
    victim.get("/log_in/ada").await;
    assert_ne!(token(&victim), token(&attacker));

    for later in [Duration::ZERO, MINUTE] {
        clock.advance(later);
        assert_eq!(attacker.get("/whoami").await.body, "nobody");
        assert_eq!(attacker.get("/status").await.body, "Replayed");
    }
    assert!(log.lines().contains("a token of an older generation"));
    // What the attacker writes now begins a session of his own.
    attacker.get("/write/basket/again").await;
    attacker.get("/log_in/mallory").await;
    attacker.get("/log_out").await;
    assert_eq!(victim.get("/whoami").await.body, "ada");
    assert_eq!(
        victim.get("/read/basket").await.body,
        "poison",
        "the basket survives a log-in"
    );
}

/// What a request does that overlaps a log-in; and whether the handler is told that it was too late.
const OVERLAPPING: [(&str, bool); 6] = [
    ("/whoami", false),
    ("/write/basket/poisoned", false),
    ("/visit", true),
    ("/touch", true),
    ("/rotate", false),
    ("/log_in/mallory", false),
];

#[tokio::test]
async fn a_request_that_began_before_the_log_in_can_not_undo_it_nor_write_nor_set_a_cookie() {
    for (path, is_told) in OVERLAPPING {
        for call in [Call::Load, Call::Commit] {
            let (clock, store) = timed();
            let (victim, attacker) = planted(&store).await;
            // So that a mere reader has something to commit, too.
            clock.advance(HOUR * 2);
            let mut held = match call {
                Call::Load => store.hold_answer(call),
                _ => store.hold(call),
            };
            let slow = attacker.start(path);
            held.reached().await;
            victim.get("/log_in/ada").await;
            held.release();
            let late = slow.await.expect("it ends");

            late.assert_no_set_cookie();
            let told = [StatusCode::OK, StatusCode::CONFLICT][usize::from(is_told)];
            assert_eq!(late.status, told, "{path}, held at {call:?}");
            let record = record(&store).await;
            assert_eq!(
                (record.generation(), record.owner()),
                (1, Some("ada")),
                "{path}"
            );
            assert_eq!(record.fields().get("basket"), Some("\"poison\""), "{path}");
            assert_eq!(record.fields().get("visits"), None, "{path}");
            assert_eq!(victim.get("/whoami").await.body, "ada", "{path}");
            assert_eq!(attacker.get("/whoami").await.body, "nobody", "{path}");
            assert_eq!(store.inner.count().await.expect("counts"), 1, "{path}");
        }
    }
}

#[tokio::test]
async fn a_request_that_commits_before_an_overlapping_log_in_keeps_its_write_and_loses_its_token() {
    let (_, store) = timed();
    let (victim, attacker) = planted(&store).await;
    let mut held = store.hold(Call::Commit);
    let log_in = victim.start("/log_in/ada");
    held.reached().await;
    attacker.get("/write/late/1").await;
    let rotated = attacker.copy();
    held.release();
    assert_eq!(log_in.await.expect("ends").set_cookies().len(), 1);
    assert_eq!(rotated.get("/whoami").await.body, "nobody");
    assert_eq!(victim.get("/whoami").await.body, "ada");
    assert_eq!(victim.get("/read/late").await.body, "1");
}

#[tokio::test]
async fn a_log_in_that_an_explicit_rotation_overtook_is_dropped_and_says_so_to_who_asks() {
    let (_, store) = timed();
    let (victim, attacker) = planted(&store).await;
    let mut held = store.hold(Call::Commit);
    let log_in = victim.start("/log_in/ada");
    held.reached().await;
    attacker.get("/rotate").await;
    held.release();
    log_in.await.expect("ends").assert_no_set_cookie();
    assert_eq!(attacker.get("/whoami").await.body, "nobody");
    assert_eq!(record(&store).await.owner(), None);
}

/// Requests of one session that are slow, each held where its kind can be. An update that is held keeps the turn of the
/// one before it: so let the last one go first.
async fn slow_ones(browser: &Browser, store: &SpyStore, clock: &ManualClock) -> Vec<Slow> {
    let mut slow = Vec::new();
    for (path, call) in [
        ("/whoami", Call::Load),
        ("/write/basket/late", Call::Load),
        ("/write/basket/later", Call::Commit),
        ("/visit", Call::Load),
        ("/visit", Call::Commit),
        ("/touch", Call::Load),
        ("/whoami", Call::Commit),
        ("/rotate", Call::Commit),
        ("/log_in/ada", Call::Commit),
    ] {
        if path == "/whoami" && call == Call::Commit {
            // A reader that renews the expiry.
            clock.advance(HOUR * 2);
        }
        let mut held = match call {
            Call::Load => store.hold_answer(call),
            _ => store.hold(call),
        };
        let request = browser.start(path);
        held.reached().await;
        slow.push((path, held, request));
    }
    slow
}

type Slow = (
    &'static str,
    session_tests::Held,
    tokio::task::JoinHandle<session_tests::Answer>,
);

#[tokio::test]
async fn a_cookie_replayed_after_the_log_out_opens_nothing_whatever_still_runs() {
    let (clock, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/log_in/ada").await;
    let thief = browser.copy();
    let tab = browser.copy();
    let slow = slow_ones(&tab, &store, &clock).await;
    let bye = browser.get("/log_out").await;
    assert!(bye.set_cookies()[0].contains("Max-Age=0"));
    assert_eq!(whose(&browser, &token(&thief)).await, "nobody");
    for (path, held, request) in slow.into_iter().rev() {
        held.release();
        request.await.expect("ends").assert_no_set_cookie();
        assert_eq!(
            whose(&browser, &token(&thief)).await,
            "nobody",
            "after {path}"
        );
        assert_eq!(
            store.inner.count().await.expect("counts"),
            0,
            "after {path}"
        );
    }
}

#[tokio::test]
async fn a_request_of_the_former_user_can_not_write_into_the_next_one_s_session() {
    let (clock, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/log_in/ada").await;
    browser.get("/write/basket/adas").await;
    let former = browser.copy();
    let slow = slow_ones(&former, &store, &clock).await;
    browser.get("/log_in/bob").await;
    for (path, held, request) in slow.into_iter().rev() {
        held.release();
        let late = request.await.expect("ends");
        late.assert_no_set_cookie();
        let record = record(&store).await;
        assert_eq!(
            (record.owner(), record.fields().len()),
            (Some("bob"), 0),
            "after {path}"
        );
    }
    assert_eq!(former.get("/whoami").await.body, "nobody");
    assert_eq!(browser.get("/whoami").await.body, "bob");
}

#[tokio::test]
async fn nothing_in_a_dump_of_the_store_opens_a_session() {
    let (_, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/log_in/ada").await;
    browser.get("/write/a/1").await;
    let id = store.last_id();
    let hex = hex(id.as_bytes());
    let dumped = [
        hex.clone(),
        hex.to_uppercase(),
        format!("1{hex}1"),
        format!("1{hex}0"),
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        ),
        id.to_ref().to_string(),
        id.fingerprint().to_string(),
        "ada".to_owned(),
    ];
    for text in dumped {
        assert_eq!(whose(&browser, &text).await, "nobody");
    }
    assert_eq!(whose(&browser, &token(&browser)).await, "ada");
}

#[tokio::test]
async fn a_genuine_token_of_another_store_is_not_adopted() {
    let (_, store) = timed();
    let elsewhere = browse(layer(&SpyStore::new()));
    elsewhere.get("/write/a/1").await;
    let browser = browse(layer(&store));
    browser.set_cookie("sid", &token(&elsewhere));
    assert_eq!(browser.get("/status").await.body, "Unknown");
    browser.get("/log_in/ada").await;
    assert_ne!(token(&browser), token(&elsewhere));
    assert_eq!(whose(&browser, &token(&elsewhere)).await, "nobody");
}

#[tokio::test]
async fn no_token_is_taken_from_a_url() {
    let (_, store) = timed();
    let browser =
        browse(SessionLayer::new(store.clone(), crate::common::key()).token_header("x-session"));
    browser.get("/log_in/ada").await;
    let token = token(&browser);
    let stranger = browse(layer(&store).token_header("x-session"));
    for query in ["sid", "token", "access_token", "x-session", "authorization"] {
        let answer = stranger.get(&format!("/whoami?{query}={token}")).await;
        assert_eq!(answer.body, "nobody", "{query}");
    }
}
