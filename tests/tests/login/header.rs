//! Tokens in headers, for clients without cookies: the same rules, another way.

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{Session, SessionLayer};
use session_tests::{Answer, Browser, SpyStore};

use crate::common::{HOUR, browse, get_with, layer, record, secret, timed, token, with};

const HEADER: &str = "x-session";

fn beside(store: &SpyStore) -> SessionLayer {
    layer(store).token_header(HEADER)
}

fn instead(store: &SpyStore) -> SessionLayer {
    beside(store).cookies(false)
}

/// The token that a response gives.
fn given(answer: &Answer) -> String {
    let given = answer.header(HEADER);
    assert!(!given.is_empty(), "no token in {answer:?}");
    given
}

async fn first(client: &Browser) -> String {
    let answer = get_with(client, "/log_in/ada", &[(HEADER, "")]).await;
    answer.assert_no_set_cookie();
    assert_eq!(answer.header("cache-control"), "no-store");
    given(&answer)
}

async fn bearing(client: &Browser, path: &str, token: &str) -> Answer {
    let answer = get_with(
        client,
        path,
        &[("authorization", &format!("Bearer {token}"))],
    )
    .await;
    answer.assert_no_set_cookie();
    answer
}

#[tokio::test]
async fn a_client_without_cookies_brings_and_gets_its_token_in_headers() {
    for layer in [beside, instead] {
        let (_, store) = timed();
        let client = browse(layer(&store));
        let token = first(&client).await;
        let answer = bearing(&client, "/whoami", &token).await;
        assert_eq!(
            (answer.body.as_str(), answer.header(HEADER)),
            ("ada", String::new())
        );
        for scheme in ["bearer", "BEARER", "Bearer  "] {
            let value = format!("{scheme} {token}");
            assert_eq!(
                get_with(&client, "/whoami", &[("authorization", &value)])
                    .await
                    .body,
                "ada"
            );
        }
    }
}

#[tokio::test]
async fn headers_with_a_token_are_marked_as_sensitive_and_not_shown() {
    let (_, store) = timed();
    let client = browse(beside(&store));
    let by_header = get_with(&client, "/log_in/ada", &[(HEADER, "")]).await;
    let by_cookie = client.get("/log_in/ada").await;
    for (answer, name) in [(by_header, HEADER), (by_cookie, "set-cookie")] {
        assert!(answer.headers[name].is_sensitive(), "{name}");
        let value = answer.header(name);
        let token = value.split([';', '=']).max_by_key(|part| part.len());
        assert!(!format!("{answer:?}").contains(token.expect("a part")));
    }
}

#[tokio::test]
async fn a_rotation_gives_a_new_token_and_the_older_one_is_dead() {
    let (clock, store) = timed();
    let client = browse(instead(&store).rotate_every(HOUR));
    let before = first(&client).await;
    let after = given(&bearing(&client, "/log_in/ada", &before).await);
    assert_eq!(bearing(&client, "/status", &before).await.body, "Replayed");
    // In its time, too, and then with a grace.
    clock.advance(HOUR);
    let next = given(&bearing(&client, "/whoami", &after).await);
    let again = bearing(&client, "/whoami", &after).await;
    assert_eq!(
        (again.body.as_str(), given(&again).is_empty()),
        ("ada", false)
    );
    assert_eq!(bearing(&client, "/whoami", &next).await.body, "ada");
}

#[tokio::test]
async fn an_empty_header_says_that_the_token_is_of_no_use_any_more() {
    let (_, store) = timed();
    let client = browse(instead(&store));
    let token = first(&client).await;
    let answer = bearing(&client, "/log_out", &token).await;
    assert!(answer.headers.contains_key(HEADER) && answer.header(HEADER).is_empty());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(bearing(&client, "/status", &token).await.body, "Unknown");
}

#[tokio::test]
async fn no_token_in_a_header_is_an_error() {
    let (_, store) = timed();
    let client = browse(beside(&store));
    let long = "x".repeat(10_000);
    for value in [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer é",
        "Basic YTpi",
        "",
        "Bearer a b",
        &long,
        &format!("Bearer {long}"),
    ] {
        let answer = get_with(&client, "/whoami", &[("authorization", value)]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "nobody"),
            "{value}"
        );
    }
    store.assert_untouched();
    assert_eq!(bearing(&client, "/status", "forged").await.body, "Unsealed");
}

#[tokio::test]
async fn a_request_that_reads_gets_no_token() {
    let (_, store) = timed();
    let client = browse(instead(&store));
    let answer = get_with(&client, "/whoami", &[(HEADER, "")]).await;
    assert!(!answer.headers.contains_key(HEADER));
    store.assert_untouched();
}

#[tokio::test]
async fn beside_cookies_each_request_speaks_one_language() {
    let (_, store) = timed();
    let client = browse(beside(&store));
    // By cookie.
    let answer = client.get("/log_in/bob").await;
    assert_eq!(
        (answer.set_cookies().len(), answer.header(HEADER).len()),
        (1, 0)
    );
    let cookie = format!("sid={}", token(&client));
    // By header, whatever cookies come along.
    let ada = first(&client).await;
    let bearer = format!("Bearer {ada}");
    let answer = get_with(
        &client,
        "/whoami",
        &[("authorization", &bearer), ("cookie", &cookie)],
    )
    .await;
    assert_eq!(answer.body, "ada");
    let answer = get_with(
        &client,
        "/log_out",
        &[("authorization", &bearer), ("cookie", &cookie)],
    )
    .await;
    answer.assert_no_set_cookie();
    assert_eq!(client.get("/whoami").await.body, "bob");
    // Another scheme is none of ours.
    let answer = get_with(
        &client,
        "/whoami",
        &[("authorization", "Basic YTpi"), ("cookie", &cookie)],
    )
    .await;
    assert_eq!(answer.body, "bob");
}

#[tokio::test]
async fn instead_of_cookies_none_is_read_nor_set() {
    let (_, store) = timed();
    let by_cookie = browse(beside(&store));
    by_cookie.get("/log_in/ada").await;
    let client = browse(instead(&store));
    client.set_cookie("sid", &token(&by_cookie));
    store.forget_calls();
    let answer = client.get("/whoami").await;
    assert_eq!(answer.body, "nobody");
    store.assert_untouched();
}

#[tokio::test]
async fn without_the_option_no_header_opens_anything() {
    let (_, store) = timed();
    let token = first(&browse(beside(&store))).await;
    let client = browse(layer(&store));
    store.forget_calls();
    assert_eq!(bearing(&client, "/whoami", &token).await.body, "nobody");
    store.assert_untouched();
}

#[tokio::test]
async fn caches_are_told_of_every_header_that_counts() {
    let (_, store) = timed();
    for (layer, wanted) in [
        (layer(&store), "Cookie"),
        (beside(&store), "Cookie, authorization, x-session"),
    ] {
        let client = browse(layer);
        let vary = client.get("/whoami").await.header("vary");
        assert_eq!(vary.to_lowercase(), wanted.to_lowercase());
    }
    let routes = Router::new().route(
        "/own",
        get(async |session: Session| {
            drop(session);
            [("vary", "authorization, Accept")]
        }),
    );
    let vary = with(beside(&store), routes)
        .get("/own")
        .await
        .header("vary");
    assert_eq!(vary, "authorization, Accept, Cookie, x-session");
}

#[tokio::test]
async fn a_token_is_bound_to_the_layer_s_name_and_key_in_a_header_too() {
    let (_, store) = timed();
    let token = first(&browse(instead(&store))).await;
    let other_name = browse(instead(&store).cookie_name("admin"));
    assert_eq!(
        bearing(&other_name, "/status", &token).await.body,
        "Unsealed"
    );
    let other_key = SessionLayer::new(
        store.clone(),
        secret("another secret than that of the others"),
    );
    let other_key = browse(other_key.token_header(HEADER));
    assert_eq!(
        bearing(&other_key, "/status", &token).await.body,
        "Unsealed"
    );
    let fallback = SessionLayer::new(
        store.clone(),
        secret("another secret than that of the others"),
    )
    .fallback_keys([crate::common::key()])
    .token_header(HEADER);
    let fallback = browse(fallback);
    let answer = bearing(&fallback, "/whoami", &token).await;
    assert_eq!(answer.body, "ada");
    assert_eq!(
        bearing(&browse(instead(&store)), "/whoami", &given(&answer))
            .await
            .body,
        "nobody"
    );
    assert_eq!(record(&store).await.owner(), Some("ada"));
}
