//! Two views that claim one stored name with different types: found at run time, and named (R18, R19, R21).

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{SessionData, SessionError, SessionRejection, TypedSession};
use session_tests::{Browser, Log, SpyStore};

use crate::common::{browse, stored};

#[derive(SessionData)]
struct Shop {
    page: Option<String>,
}

#[derive(SessionData)]
struct Blog {
    page: u64,
    posts: u64,
}

#[derive(SessionData)]
struct Strict {
    #[session(strict, rename = "page")]
    number: u64,
}

#[derive(SessionData)]
struct Required {
    #[session(required, rename = "page")]
    number: u64,
}

fn routes() -> Router {
    let both = async |shop: TypedSession<Shop>, blog: TypedSession<Blog>| {
        shop.set_page(Some("cart".to_owned()));
        blog.page().to_string()
    };
    let read = async |blog: TypedSession<Blog>| blog.page().to_string();
    let update = async |blog: TypedSession<Blog>| -> Result<(), SessionError> {
        blog.update(|blog| blog.posts += 1).await
    };
    let strict = async |view: Result<TypedSession<Strict>, SessionRejection>| match view {
        Ok(view) => view.number().to_string(),
        Err(rejection) => rejection.to_string(),
    };
    let required = async |view: TypedSession<Required>| view.number().to_string();
    Router::new()
        .route("/views/both", get(both))
        .route("/views/read", get(read))
        .route("/views/update", get(update))
        .route("/views/strict", get(strict))
        .route("/views/required", get(required))
}

/// A browser for which the shop's text stands in the field.
async fn claimed(store: &SpyStore) -> Browser {
    let browser = browse(store, routes());
    browser.get("/views/both").await;
    browser
}

#[tokio::test]
async fn the_log_names_the_field_and_the_type_that_it_is_not_and_no_value() {
    let store = SpyStore::new();
    let browser = browse(&store, routes());
    for path in ["/views/both", "/views/read"] {
        let log = Log::start();
        assert_eq!(browser.get(path).await.body, "0", "{path}");
        let lines = log.lines();
        let mut warnings = lines.lines().filter(|line| line.contains("WARN"));
        let named =
            |line: &str| line.contains(r#"field="page""#) && line.contains(r#"wanted="u64""#);
        assert!(warnings.any(named), "{path}: {lines}");
        assert!(!lines.contains("cart"), "{path}: {lines}");
    }
}

#[tokio::test]
async fn the_other_view_s_value_stays_whatever_else_is_written() {
    let store = SpyStore::new();
    let browser = claimed(&store).await;
    assert_eq!(browser.get("/views/update").await.status, StatusCode::OK);
    assert_eq!(stored(&store, "posts").await.as_deref(), Some("1"));
    assert_eq!(stored(&store, "page").await.as_deref(), Some("\"cart\""));
}

#[tokio::test]
async fn a_strict_view_is_refused_with_the_field_s_name() {
    let store = SpyStore::new();
    let browser = claimed(&store).await;
    let told = browser.get("/views/strict").await.body;
    assert!(told.contains("the stored `page` does not decode"), "{told}");
}

#[tokio::test]
async fn a_view_that_requires_it_does_not_exist() {
    let store = SpyStore::new();
    let browser = claimed(&store).await;
    assert_eq!(
        browser.get("/views/required").await.status,
        StatusCode::UNAUTHORIZED
    );
}
