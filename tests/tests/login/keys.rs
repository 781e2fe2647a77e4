//! Keys: replaced without logging anybody out, and without a second way in.

use std::time::Duration;

use axum::{http::StatusCode, response::IntoResponse as _};
use axum_extra::extract::cookie::PrivateCookieJar;
use session_axum::{Key, SessionLayer, StoreError};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{browse, secret, timed, token};

fn old() -> Key {
    secret("the older of two secrets, long enough")
}

fn new() -> Key {
    secret("the newer of two secrets, long enough")
}

/// Another instance of the app, with these keys, that this browser talks to as well.
fn instance(store: &SpyStore, first: Key, fallback: impl IntoIterator<Item = Key>) -> SessionLayer {
    SessionLayer::new(store.clone(), first).fallback_keys(fallback)
}

fn moved(browser: &Browser, to: &SessionLayer) -> Browser {
    let moved = browse(to.clone());
    moved.set_cookie("sid", &token(browser));
    moved
}

async fn logged_in(layer: &SessionLayer) -> Browser {
    let browser = browse(layer.clone());
    browser.get("/log_in/ada").await;
    browser
}

#[tokio::test]
async fn a_fallback_key_still_opens_and_what_it_opened_is_sealed_with_the_first() {
    let (_, store) = timed();
    let before = logged_in(&instance(&store, old(), [])).await;
    let both = moved(&before, &instance(&store, new(), [old()]));
    let answer = both.get("/whoami").await;
    assert_eq!(answer.body, "ada");
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(answer.header("cache-control"), "no-store");
    both.get("/whoami").await.assert_no_set_cookie();
    // It opens without the old one now.
    let alone = moved(&both, &instance(&store, new(), []));
    assert_eq!(alone.get("/whoami").await.body, "ada");
    // And it is the same session, of the same generation: no other response is outdated by it.
    assert_eq!(before.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn the_new_seal_rides_on_a_touch_that_is_made_due_at_once() {
    let (clock, store) = timed();
    let before = logged_in(&instance(&store, old(), [])).await;
    clock.advance(Duration::from_micros(1));
    store.forget_calls();
    moved(&before, &instance(&store, new(), [old()]))
        .get("/whoami")
        .await;
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    let patches = store.patches();
    assert!(patches[0].is_touch() && patches[0].renewal.is_some());
}

#[tokio::test]
async fn a_cookie_is_sealed_anew_only_by_a_commit_that_succeeded() {
    for rotates_meanwhile in [false, true] {
        let (_, store) = timed();
        let before = logged_in(&instance(&store, old(), [])).await;
        let both = moved(&before, &instance(&store, new(), [old()]));
        let answer = if rotates_meanwhile {
            let mut held = store.hold(Call::Commit);
            let slow = both.start("/whoami");
            held.reached().await;
            before.get("/rotate").await;
            held.release();
            slow.await.expect("ends")
        } else {
            store.fail(Call::Commit, StoreError::unavailable("out of order"));
            both.get("/whoami").await
        };
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "ada")
        );
        answer.assert_no_set_cookie();
        assert_eq!(before.get("/whoami").await.body, "ada");
    }
}

#[tokio::test]
async fn two_instances_with_the_keys_in_different_order_share_a_session() {
    let (_, store) = timed();
    let (one, two) = (
        instance(&store, old(), [new()]),
        instance(&store, new(), [old()]),
    );
    let mut browser = logged_in(&one).await;
    for (at, next) in [&two, &one, &two, &two, &one].into_iter().enumerate() {
        browser = moved(&browser, next);
        assert_eq!(browser.get("/whoami").await.body, "ada", "{at}");
        browser.get("/visit").await;
    }
    assert_eq!(browser.get("/visit").await.body, "6");
    assert_eq!(one.sessions().count("ada").await.expect("counts"), 1);
    browser.get("/log_out").await;
    assert_eq!(two.sessions().count("ada").await.expect("counts"), 0);
}

#[tokio::test]
async fn the_two_steps_of_a_roll_out_log_nobody_out() {
    let (_, store) = timed();
    let browser = logged_in(&instance(&store, old(), [])).await;
    let steps = [
        // The new key opens everywhere before anybody seals with it.
        [
            instance(&store, old(), []),
            instance(&store, old(), [new()]),
        ],
        [
            instance(&store, old(), [new()]),
            instance(&store, new(), [old()]),
        ],
        [
            instance(&store, new(), [old()]),
            instance(&store, new(), []),
        ],
    ];
    let mut browser = browser;
    for machines in steps
        .iter()
        .flat_map(|machines| [&machines[0], &machines[1], &machines[0], &machines[1]])
    {
        browser = moved(&browser, machines);
        assert_eq!(browser.get("/whoami").await.body, "ada");
    }
}

#[tokio::test]
async fn a_removed_key_opens_nothing_and_costs_no_store_call() {
    let (_, store) = timed();
    let before = logged_in(&instance(&store, old(), [])).await;
    store.forget_calls();
    let after = moved(
        &before,
        &instance(
            &store,
            new(),
            [secret("a third secret, of no use to anybody")],
        ),
    );
    assert_eq!(after.get("/status").await.body, "Unsealed");
    after.get("/whoami").await.assert_no_set_cookie();
    store.assert_untouched();
    // The session itself was neither read nor overwritten.
    after.get("/write/a/1").await;
    assert_eq!(before.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn everybody_is_logged_out_by_a_change_of_the_key() {
    let (_, store) = timed();
    let first = logged_in(&instance(&store, old(), [])).await;
    let second = logged_in(&instance(&store, old(), [])).await;
    let changed = instance(&store, new(), []);
    for browser in [first, second] {
        assert_eq!(
            moved(&browser, &changed).get("/whoami").await.body,
            "nobody"
        );
    }
}

fn sealed_by_axum_extra(text: &'static str) -> String {
    let jar = PrivateCookieJar::new(new().into()).add(("sid", text));
    let response = jar.into_response();
    let cookie = response.headers()["set-cookie"].to_str().expect("ascii");
    let value = cookie
        .split(';')
        .next()
        .and_then(|pair| pair.strip_prefix("sid="));
    value
        .expect("its cookie")
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=")
}

#[tokio::test]
async fn there_is_no_other_decoder_than_the_seal() {
    let (_, store) = timed();
    let layer = instance(&store, new(), [old()]);
    let browser = logged_in(&layer).await;
    let genuine = token(&browser);
    // So that the genuine one is among those that were opened lately.
    assert_eq!(browser.get("/whoami").await.body, "ada");
    store.forget_calls();
    let mut forged: Vec<String> = vec![
        "1000102030405060708090a0b0c0d0e0f0".to_owned(),
        "eyJpZCI6MX0".to_owned(),
        genuine.replace('=', ""),
        genuine.to_lowercase(),
        format!("{genuine}A"),
        genuine[..genuine.len() - 4].to_owned(),
        String::new(),
        // What another part of the app seals with the same key, under the same name.
        sealed_by_axum_extra("hello"),
        sealed_by_axum_extra("{\"id\":1}"),
        sealed_by_axum_extra("2000102030405060708090a0b0c0d0e0f0"),
        sealed_by_axum_extra("1000102030405060708090A0b0c0d0e0f0"),
        sealed_by_axum_extra("100010203-0405-0607-0809-0a0b0c0d0e0f0"),
    ];
    // Each byte of the genuine one changed.
    for at in 0..genuine.trim_end_matches('=').len() - 1 {
        let mut bytes = genuine.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).expect("ascii"));
    }
    for text in forged {
        let stranger = browse(layer.clone());
        stranger.set_cookie("sid", &text);
        assert_eq!(stranger.get("/status").await.body, "Unsealed", "{text}");
    }
    store.assert_untouched();
    assert_eq!(browser.get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn two_seals_of_one_session_have_nothing_in_common() {
    let (_, store) = timed();
    let layer = instance(&store, new(), [old()]);
    let before = logged_in(&instance(&store, old(), [])).await;
    let (one, two) = (moved(&before, &layer), moved(&before, &layer));
    one.get("/whoami").await;
    two.get("/whoami").await;
    let (one, two) = (token(&one), token(&two));
    let same = one
        .bytes()
        .zip(two.bytes())
        .filter(|(one, two)| one == two)
        .count();
    assert!(
        same < one.len() / 4,
        "{same} of {} places are equal",
        one.len()
    );
}

/// How many cookies come back to one that brings both of these, in one order and in the other.
async fn answers(layer: &SessionLayer, one: &Browser, other: &Browser) -> [usize; 2] {
    let ask = async |first, second| {
        let cookies = format!("sid={}; sid={}", token(first), token(second));
        let answer = browse(layer.clone())
            .get("/whoami")
            .header("cookie", cookies);
        answer.await.set_cookies().len()
    };
    [ask(one, other).await, ask(other, one).await]
}

#[tokio::test]
async fn of_copies_of_the_newest_token_one_that_the_first_key_sealed_is_enough() {
    let (_, store) = timed();
    let (before, both) = (
        instance(&store, old(), []),
        instance(&store, new(), [old()]),
    );
    let by_old = logged_in(&before).await;
    let by_new = moved(&by_old, &both);
    by_new.get("/whoami").await;
    assert_eq!(answers(&both, &by_old, &by_new).await, [0, 0]);
    assert_eq!(answers(&both, &by_old, &by_old).await, [1, 1]);

    let next_by_old = by_old.copy();
    next_by_old.get("/rotate").await;
    let next_by_new = moved(&next_by_old, &both);
    next_by_new.get("/whoami").await;
    // The one before says nothing about the newest.
    assert_eq!(answers(&both, &by_old, &next_by_new).await, [0, 0]);
    assert_eq!(answers(&both, &by_new, &next_by_old).await, [1, 1]);
}
