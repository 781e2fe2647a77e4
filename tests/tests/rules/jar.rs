//! axum-extra's `PrivateCookieJar` beside us, with one key, and what makes a `Key`.

use axum::{Router, extract::FromRef, http::StatusCode, routing::get};
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key as JarKey},
};
use session_axum::{Key, KeyError, SessionLayer};
use session_tests::{Browser, SpyStore};

use crate::common::Visits;

#[derive(Clone)]
struct State(JarKey);

impl FromRef<State> for JarKey {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

fn jar_key(key: Key) -> JarKey {
    key.into()
}

fn app(store: &SpyStore, key: &Key, jar_key: JarKey) -> Browser {
    let both = async |visit: Visits, jar: PrivateCookieJar| {
        visit.set_count(visit.count() + 1);
        let theirs = jar
            .get("theirs")
            .map_or(0, |cookie| cookie.value().parse().unwrap_or(0))
            + 10;
        let body = format!("{} {theirs}", visit.count());
        (jar.add(Cookie::new("theirs", theirs.to_string())), body)
    };
    let peek = async |jar: PrivateCookieJar| {
        jar.get("sid")
            .map_or_else(String::new, |cookie| cookie.value().to_owned())
    };
    let routes = Router::new()
        .route("/both", get(both))
        .route("/peek", get(peek))
        .with_state(State(jar_key));
    Browser::new(routes.layer(SessionLayer::new(store.clone(), key.clone())))
}

#[tokio::test]
async fn a_private_jar_with_the_same_key_lives_beside_us_in_one_handler() {
    let (store, key) = (SpyStore::new(), Key::generate());
    let browser = app(&store, &key, key.clone().into());
    let answer = browser.get("/both").await;
    assert_eq!(
        (answer.body.as_str(), answer.set_cookies().len()),
        ("1 10", 2)
    );
    let answer = browser.get("/both").await;
    assert_eq!(
        (answer.body.as_str(), answer.set_cookies().len()),
        ("2 20", 1)
    );
}

#[tokio::test]
async fn a_private_jar_with_the_same_key_opens_our_cookie() {
    let (store, key) = (SpyStore::new(), Key::generate());
    let browser = app(&store, &key, key.clone().into());
    browser.get("/both").await;
    let id = u128::from_be_bytes(*store.last_id().as_bytes());
    assert_eq!(
        browser.get("/peek").await.body,
        format!("1{id:032x}0"),
        "version, id, generation"
    );

    let stranger = app(&store, &key, JarKey::generate());
    stranger.set_cookie("sid", &browser.cookie("sid").expect("it has one"));
    assert_eq!(stranger.get("/peek").await.body, "");
}

#[tokio::test]
async fn a_cookie_that_a_jar_sealed_under_another_name_opens_no_session() {
    let (store, key) = (SpyStore::new(), Key::generate());
    let browser = app(&store, &key, key.clone().into());
    browser.get("/both").await;
    browser.set_cookie("sid", &browser.cookie("theirs").expect("it has one"));
    store.forget_calls();
    assert_eq!(browser.get("/both").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [session_tests::Call::Create]);
}

#[test]
fn a_key_converts_into_that_of_a_jar_and_back() {
    let key = Key::generate();
    let jar_key: JarKey = key.into();
    let back = Key::try_from(jar_key.clone()).expect("64 bytes");
    let again: JarKey = back.into();
    assert!(jar_key == again);
    let zero = JarKey::from(&[0; 64]);
    assert_eq!(
        Key::try_from(zero).expect_err("no secret"),
        KeyError::Repeated
    );
}

#[test]
fn a_key_is_made_of_enough_random_bytes_or_not_at_all() {
    let bytes: Vec<u8> = (0..100).collect();
    let too_short = |len, min| Err(KeyError::TooShort { len, min });
    for len in [0, 1, 32, 63] {
        assert_eq!(Key::try_from(&bytes[..len]).map(drop), too_short(len, 64));
    }
    for len in [64, 65, 100] {
        assert!(Key::try_from(&bytes[..len]).is_ok());
        assert!(Key::try_from(bytes[..len].to_vec()).is_ok());
    }
    let array: [u8; 64] = bytes[..64].try_into().expect("64 bytes");
    let (one, other): (JarKey, JarKey) = (
        Key::try_from(array).expect("64 bytes").into(),
        Key::try_from(&array).expect("64 bytes").into(),
    );
    assert!(one == other && one == JarKey::from(&array));

    for len in [0, 1, 31] {
        assert_eq!(
            Key::derive_from(&bytes[..len]).map(drop),
            too_short(len, 32)
        );
    }
    let derived = |secret: &[u8]| jar_key(Key::derive_from(secret).expect("32 bytes"));
    assert!(derived(&bytes[..32]) == derived(&bytes[..32]));
    assert!(derived(&bytes[..32]) != derived(&bytes[..33]));
    assert!(
        derived(&bytes[..64]) != JarKey::from(&array),
        "derived, not taken as it is"
    );
    assert_eq!(Key::derive_from([7; 64]).map(drop), Err(KeyError::Repeated));
    assert_eq!(Key::try_from([7; 64]).map(drop), Err(KeyError::Repeated));
}

#[test]
fn a_key_comes_from_the_bytes_of_an_environment_variable() {
    // Cargo sets this one, and it is long enough: no test may change the environment.
    let set = std::env::var("CARGO_PKG_DESCRIPTION").expect("cargo sets it");
    let from_env = Key::from_env("CARGO_PKG_DESCRIPTION").expect("long enough");
    assert!(jar_key(from_env) == jar_key(Key::derive_from(set).expect("long enough")));
    assert!(matches!(
        Key::from_env("CARGO_PKG_NAME"),
        Err(KeyError::TooShort { len: 13, min: 32 })
    ));
    let missing = Key::from_env("NO_SUCH_VARIABLE_OF_OURS").expect_err("not set");
    assert_eq!(
        missing,
        KeyError::NotSet("NO_SUCH_VARIABLE_OF_OURS".to_owned())
    );
    assert!(
        missing
            .to_string()
            .contains("`NO_SUCH_VARIABLE_OF_OURS` is not set")
    );
}
