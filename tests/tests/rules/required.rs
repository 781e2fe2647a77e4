//! `required`, `strict` and `owner`: views that may not exist, and what `Option` and `Result` make of them.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{
    FieldChange, Session, SessionData, SessionError, SessionRejection, SessionStore, TypedSession,
};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{browse, record, stored, write_behind};

#[derive(Debug, SessionData)]
struct Login {
    #[session(required)]
    user: String,
    #[session(required, rename = "at")]
    since: u64,
    visits: u64,
}

type Logins = TypedSession<Login>;

fn routes() -> Router {
    let first = async |session: Session| {
        session.set_state(Login {
            user: "ada".to_owned(),
            since: 5,
            visits: 0,
        });
    };
    let typed = async |login: Logins| format!("{} {}", login.user(), login.since());
    let option = async |login: Option<Logins>| login.is_some().to_string();
    let result = async |login: Result<Logins, SessionRejection>| match login {
        Ok(login) => login.user(),
        Err(rejection) => format!("{rejection:?}"),
    };
    Router::new()
        .route("/first", get(first))
        .route("/typed", get(typed))
        .route("/option", get(option))
        .route("/result", get(result))
}

async fn is_rejected(
    browser: &Browser,
    status: StatusCode,
    option: (StatusCode, &str),
    result: &str,
) {
    let typed = browser.get("/typed").await;
    assert_eq!(typed.status, status);
    assert_eq!(
        Some(typed.body.as_str()),
        status.canonical_reason(),
        "opaque"
    );
    typed.assert_no_set_cookie();
    let optional = browser.get("/option").await;
    assert_eq!((optional.status, optional.body.as_str()), option);
    assert_eq!(browser.get("/result").await.body, result);
}

// required

#[tokio::test]
async fn without_a_required_field_the_view_does_not_exist() {
    let store = SpyStore::new();
    let browser = browse(&store, routes());
    let none = (StatusCode::OK, "false");
    is_rejected(
        &browser,
        StatusCode::UNAUTHORIZED,
        none,
        "MissingField(\"user\")",
    )
    .await;
    store.assert_untouched();
    browser.get("/count/1").await;
    is_rejected(
        &browser,
        StatusCode::UNAUTHORIZED,
        none,
        "MissingField(\"user\")",
    )
    .await;
    write_behind(&store, FieldChange::set("user", "\"ada\"")).await;
    is_rejected(
        &browser,
        StatusCode::UNAUTHORIZED,
        none,
        "MissingField(\"at\")",
    )
    .await;
    write_behind(&store, FieldChange::set("at", "\"no number\"")).await;
    is_rejected(
        &browser,
        StatusCode::UNAUTHORIZED,
        none,
        "MissingField(\"at\")",
    )
    .await;
    assert_eq!(
        stored(&store, "at").await.as_deref(),
        Some("\"no number\""),
        "kept"
    );
    write_behind(&store, FieldChange::set("at", "5")).await;
    assert_eq!(browser.get("/typed").await.body, "ada 5");
}

#[tokio::test]
async fn the_untyped_session_writes_a_view_that_does_not_exist_yet() {
    let store = SpyStore::new();
    let browser = browse(&store, routes());
    browser.get("/first").await;
    assert_eq!(store.calls(), [Call::Create]);
    assert_eq!(
        stored(&store, "visits").await.as_deref(),
        Some("0"),
        "all of it"
    );
    assert_eq!(browser.get("/typed").await.body, "ada 5");
    assert_eq!(browser.get("/option").await.body, "true");
    store.forget_calls();
    browser.get("/first").await;
    assert_eq!(
        store.calls(),
        [Call::Load],
        "what exists and is equal is not written again"
    );
}

#[tokio::test]
async fn after_a_clear_or_destroy_a_required_getter_keeps_the_last_value_and_update_says_missing() {
    let store = SpyStore::new();
    let handler = async |login: Logins, Path(how): Path<String>| {
        login.set_user("bob".to_owned());
        assert_eq!(login.user(), "bob");
        let clone = login.clone();
        match how.as_str() {
            "clear" => login.clear(),
            "clear_all" => login.session().clear(),
            "destroy" => login.session().destroy(),
            "remove" => login.session().remove("user"),
            _ => unreachable!(),
        }
        assert_eq!(
            (login.user(), clone.user(), login.state().user),
            ("bob".into(), "bob".into(), "bob".into())
        );
        let updated = login.update(|login| login.visits += 1).await;
        assert!(matches!(&updated, Err(SessionError::Missing(field)) if field == "user"));
        updated
    };
    let browser = browse(&store, routes().route("/end/{how}", get(handler)));
    for how in ["clear", "clear_all", "remove", "destroy"] {
        browser.get("/first").await;
        let answer = browser.get(&format!("/end/{how}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{how}");
        assert_eq!(
            browser.get("/option").await.body,
            "false",
            "{how}: 4xx commits"
        );
    }
}

#[tokio::test]
async fn a_required_field_that_another_request_removed_makes_update_say_missing() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |login: Logins| {
        write_behind(&spy, FieldChange::removed("user")).await;
        login.session().refresh().await.expect("lives");
        assert_eq!(login.user(), "ada");
        login.update(|login| login.visits += 1).await
    };
    let browser = browse(&store, routes().route("/late", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/late").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stored(&store, "visits").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn the_last_value_is_the_last_that_was_seen() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |login: Logins| {
        write_behind(&spy, FieldChange::set("user", "\"eve\"")).await;
        login.session().refresh().await.expect("lives");
        assert_eq!(login.user(), "eve");
        login.clear();
        login.user()
    };
    let browser = browse(&store, routes().route("/last", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/last").await.body, "eve");
}

#[tokio::test]
async fn the_last_value_is_also_one_that_was_set_and_never_read() {
    let store = SpyStore::new();
    let handler = async |login: Logins| {
        login.set_user("bob".to_owned());
        login.session().destroy();
        login.user()
    };
    let browser = browse(&store, routes().route("/unread", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/unread").await.body, "bob");
}

#[tokio::test]
async fn the_last_value_is_none_that_was_refused() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |login: Logins| {
        spy.inner.delete(spy.last_id()).await.expect("there");
        assert!(login.session().refresh().await.is_err());
        login.set_user("bob".to_owned());
        login.user()
    };
    let browser = browse(&store, routes().route("/refused", get(handler)));
    browser.get("/first").await;
    assert_eq!(browser.get("/refused").await.body, "ada");
}

// strict

#[derive(SessionData)]
struct Price {
    #[session(strict)]
    cents: u64,
    note: String,
}

fn priced() -> Router {
    let typed = async |price: TypedSession<Price>| price.cents().to_string();
    let option = async |price: Option<TypedSession<Price>>| price.is_some().to_string();
    let result = async |price: Result<TypedSession<Price>, SessionRejection>| match price {
        Ok(price) => price.cents().to_string(),
        Err(rejection) => format!("{rejection:?}"),
    };
    Router::new()
        .route("/typed", get(typed))
        .route("/option", get(option))
        .route("/result", get(result))
}

#[tokio::test]
async fn a_strict_field_that_does_not_decode_rejects_the_extraction() {
    let store = SpyStore::new();
    let browser = browse(&store, priced());
    assert_eq!(
        browser.get("/typed").await.body,
        "0",
        "absent is not undecodable"
    );
    browser.get("/count/1").await;
    write_behind(&store, FieldChange::set("cents", "\"free\"")).await;
    let error = (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    let undecodable = "UndecodableField(\"cents\")";
    is_rejected(
        &browser,
        StatusCode::INTERNAL_SERVER_ERROR,
        error,
        undecodable,
    )
    .await;
    assert_eq!(
        browser.get("/read").await.body,
        "1 nobody",
        "other views go on"
    );
    assert_eq!(stored(&store, "cents").await.as_deref(), Some("\"free\""));
    write_behind(&store, FieldChange::set("cents", "5")).await;
    assert_eq!(browser.get("/typed").await.body, "5");
}

#[tokio::test]
async fn an_update_of_a_strict_field_that_does_not_decode_any_more_changes_nothing() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |price: TypedSession<Price>| {
        write_behind(&spy, FieldChange::set("cents", "\"free\"")).await;
        assert_eq!(price.cents(), 3, "this request sees what it loaded");
        price.session().refresh().await.expect("lives");
        assert_eq!(price.cents(), 0);
        price.update(|price| price.note.push('x')).await
    };
    let browser = browse(&store, priced().route("/update", get(handler)));
    browser.get("/count/1").await;
    write_behind(&store, FieldChange::set("cents", "3")).await;
    assert_eq!(
        browser.get("/update").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    assert_eq!(stored(&store, "note").await, None);
}

// owner

#[derive(SessionData)]
struct User {
    #[session(owner)]
    user: Option<u64>,
    basket: Vec<u8>,
}

#[derive(SessionData)]
struct Member {
    #[session(owner, required)]
    user: u64,
    visits: u64,
}

#[tokio::test]
async fn the_owner_field_is_the_record_s_owner_and_setting_it_rotates() {
    let store = SpyStore::new();
    let handler = async |user: TypedSession<User>, Path(how): Path<String>| {
        match how.as_str() {
            "set" => user.set_user(Some(7)),
            "state" => user.set_state(User {
                user: Some(8),
                basket: vec![1],
            }),
            "update" => user
                .update(|user| user.user = Some(9))
                .await
                .expect("lives"),
            "clear" => user.clear(),
            "take" => assert_eq!(user.take_user(), Some(9)),
            _ => unreachable!(),
        }
        format!("{:?}", user.user())
    };
    let member = async |member: TypedSession<Member>| member.user().to_string();
    let maybe = async |member: Option<TypedSession<Member>>| member.is_some().to_string();
    let routes = Router::new()
        .route("/do/{how}", get(handler))
        .route("/member", get(member))
        .route("/maybe", get(maybe));
    let browser = browse(&store, routes);
    assert_eq!(
        browser.get("/member").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(browser.get("/maybe").await.body, "false");
    browser.get("/count/1").await;
    for (how, said, cookies, generation, owner, member) in [
        ("set", "Some(7)", 1, 1, Some("7"), "7"),
        ("state", "Some(8)", 1, 2, Some("8"), "8"),
        ("clear", "Some(8)", 0, 2, Some("8"), "8"),
        ("update", "Some(9)", 1, 3, Some("9"), "9"),
        ("take", "None", 1, 4, None, "Unauthorized"),
    ] {
        let answer = browser.get(&format!("/do/{how}")).await;
        assert_eq!(
            (answer.body.as_str(), answer.set_cookies().len()),
            (said, cookies),
            "{how}"
        );
        let record = record(&store).await.expect("lives");
        assert_eq!(
            (record.generation(), record.owner()),
            (generation, owner),
            "{how}"
        );
        assert!(
            record.fields().find("user").is_none(),
            "kept once, in the record's owner"
        );
        assert_eq!(browser.get("/member").await.body, member, "{how}");
    }
}

#[tokio::test]
async fn an_owner_that_is_none_of_this_type_reads_as_nobody() {
    let store = SpyStore::new();
    let user = async |user: TypedSession<User>| format!("{:?}", user.user());
    let member = async |member: TypedSession<Member>| member.user().to_string();
    let routes = Router::new()
        .route("/user", get(user))
        .route("/member", get(member));
    let browser = browse(&store, routes);
    browser.get("/owner/ada").await;
    assert_eq!(browser.get("/user").await.body, "None");
    assert_eq!(
        browser.get("/member").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_required_owner_keeps_the_last_value_when_nobody_is_logged_in_any_more() {
    let store = SpyStore::new();
    let handler = async |member: TypedSession<Member>| {
        member.set_user(8);
        member.session().set_owner(None);
        assert_eq!(member.user(), 8);
        let updated = member.update(|member| member.visits += 1).await;
        assert!(matches!(&updated, Err(SessionError::Missing(field)) if field == "user"));
    };
    let browser = browse(&store, Router::new().route("/out", get(handler)));
    browser.get("/owner/7").await;
    assert_eq!(browser.get("/out").await.status, StatusCode::OK);
    assert_eq!(record(&store).await.expect("lives").owner(), None);
}

#[tokio::test]
async fn setting_a_required_owner_changes_whom_the_session_belongs_to() {
    let store = SpyStore::new();
    let handler = async |member: TypedSession<Member>| member.set_user(8);
    let browser = browse(&store, Router::new().route("/other", get(handler)));
    browser.get("/owner/7").await;
    assert_eq!(browser.get("/other").await.set_cookies().len(), 1);
    let record = record(&store).await.expect("lives");
    assert_eq!((record.owner(), record.generation()), (Some("8"), 1));
}
