//! R18: ids, tokens, keys and values are never printed.

use std::{collections::BTreeMap, fmt::Debug};

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{
    FieldChange, Guard, Key, Patch, Session, SessionData, SessionError, SessionLayer,
    SessionStore as _, StoreError, TypedSession,
};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{DAY, HOUR, Visits, browse, record, timed, with, write_behind};

/// The secret of a key, a value, an owner, and what a driver says: nobody may ever read them.
const SECRET: &str = "the-secret-of-the-key-0123456789";
const VALUE: &str = "Lovelace";
const OWNER: &str = "ada-at-example";
const NUMBER: u64 = 8_364_518_273;
const CAUSE: &str = "expected a number, found Lovelace";

#[derive(SessionData)]
struct Strict {
    #[session(strict)]
    name: u64,
}

#[derive(SessionData)]
struct Needy {
    #[session(required)]
    name: u64,
}

#[derive(SessionData)]
struct Wrong {
    name: u64,
    pairs: BTreeMap<(u8, u8), String>,
}

async fn act(
    visit: Visits,
    wrong: TypedSession<Wrong>,
    Path(how): Path<String>,
) -> Result<String, SessionError> {
    let session = visit.session();
    match how.as_str() {
        "set" => {
            visit.set_name(Some(VALUE.to_owned()));
            visit.set_count(NUMBER);
            session.commit().await?;
        }
        "wrong" => drop((wrong.name(), session.get::<bool>("count"))),
        "update" => {
            visit
                .update(|visit| visit.name = Some(format!("{VALUE}!")))
                .await?;
        }
        "login" => session.set_owner(OWNER),
        "unwritable" => wrong.set_pairs(BTreeMap::from([((1, 2), VALUE.to_owned())])),
        "large" => session.insert("large", VALUE.repeat(100_000)),
        "name" => session.insert(format!("{VALUE}\n"), VALUE),
        "rotate" => session.rotate(),
        "destroy" => session.destroy(),
        "touch" => session.touch().await?,
        "refresh" => session.refresh().await?,
        _ => unreachable!(),
    }
    Ok(format!("{session:?} {:?}", session.status()))
}

fn routes() -> Router {
    Router::new()
        .route("/act/{how}", get(act))
        .route("/strict", get(async |_: TypedSession<Strict>| "never"))
        .route("/needy", get(async |_: TypedSession<Needy>| "never"))
        .route(
            "/show",
            get(async |session: Session| {
                session.insert("more", VALUE);
                session.view().reading(|reader| format!("{reader:?}"))
            }),
        )
        .route(
            "/untyped",
            get(async |session: Session| session.insert("name", VALUE)),
        )
}

/// Everything that may not be seen of this browser and of the session of the latest call.
fn secrets(store: &SpyStore, browser: &Browser) -> Vec<String> {
    let id = store.last_id();
    let number = u128::from_be_bytes(*id.as_bytes());
    let hex = format!("{number:032x}");
    let hyphenated = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-");
    let mut secrets = vec![
        hyphenated,
        format!("{:?}", id.as_bytes()),
        number.to_string(),
        hex,
        SECRET.to_owned(),
        VALUE.to_owned(),
        OWNER.to_owned(),
        NUMBER.to_string(),
        CAUSE.to_owned(),
    ];
    secrets.extend(browser.cookie("sid").filter(|token| !token.is_empty()));
    secrets
}

#[track_caller]
fn shows_none(text: &str, secrets: &[String]) {
    for secret in secrets {
        assert!(!text.contains(secret), "{secret:?} is in:\n{text}");
    }
}

/// Requests, and what they showed and may not show.
struct Run<'a> {
    store: &'a SpyStore,
    known: Vec<String>,
    bodies: String,
}

impl Run<'_> {
    async fn get(&mut self, browser: &Browser, path: &str, status: u16) {
        self.known.extend(browser.cookie("sid"));
        let answer = browser.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        self.bodies += &answer.body;
        if !self.store.calls().is_empty() {
            self.known.extend(secrets(self.store, browser));
        }
    }
}

#[tokio::test]
async fn neither_the_log_of_a_whole_run_nor_any_answer_shows_a_secret() {
    let (clock, store) = timed();
    let key = Key::derive_from(SECRET).expect("long enough");
    let browser = with(SessionLayer::new(store.clone(), key).max_age(DAY), routes());
    let log = Log::start();
    let mut run = Run {
        store: &store,
        known: Vec::new(),
        bodies: String::new(),
    };
    run.get(&browser, "/act/set", 200).await;
    for how in ["wrong", "update", "rotate", "login", "touch", "refresh"] {
        run.get(&browser, &format!("/act/{how}"), 200).await;
    }
    for how in ["unwritable", "large", "name"] {
        run.get(&browser, &format!("/act/{how}"), 500).await;
    }
    run.get(&browser, "/strict", 500).await;
    run.get(&browser, "/needy", 401).await;
    for call in [Call::Load, Call::Commit] {
        store.fail(call, StoreError::unavailable("the driver's own words"));
        run.get(&browser, "/act/rotate", 503).await;
        store.fail(call, StoreError::internal("the driver's own words"));
        run.get(&browser, "/act/rotate", 500).await;
    }
    store.fail(Call::Load, StoreError::undecodable(CAUSE));
    run.get(&browser, "/untyped", 500).await;
    store.fail(Call::Load, StoreError::undecodable(CAUSE));
    run.get(&browser, "/strict", 500).await;
    clock.advance(HOUR * 2);
    run.get(&browser, "/status", 200).await;
    store.fail(Call::Commit, StoreError::unavailable("down"));
    clock.advance(HOUR * 2);
    run.get(&browser, "/status", 200).await;

    let stale = browser.copy();
    run.get(&browser, "/act/rotate", 200).await;
    run.get(&stale, "/act/update", 409).await;
    run.get(&stale, "/act/set", 409).await;
    let tampered = browser.cookie("sid").expect("it has one") + "x";
    stale.set_cookie("sid", &tampered);
    run.get(&stale, "/status", 200).await;
    run.get(&browser, "/act/destroy", 200).await;
    store.take_ids(1);
    run.get(&browser, "/act/set", 200).await;

    let lines = log.lines();
    assert!(
        lines.contains("TRACE") && lines.lines().count() > 20,
        "everything is logged"
    );
    shows_none(&lines, &run.known);
    shows_none(&run.bodies, &run.known);
    let shown = format!(
        "Session {{ status: Live, fingerprint: Some({}), .. }}",
        store.last_id().fingerprint()
    );
    assert!(run.bodies.contains(&shown), "{}", run.bodies);
}

#[tokio::test]
async fn the_fingerprint_is_the_same_in_all_lines_of_a_session_and_is_no_id() {
    let store = SpyStore::new();
    let browser = browse(&store, routes());
    let log = Log::start();
    browser.get("/act/set").await;
    browser.get("/act/rotate").await;
    browser.get("/act/destroy").await;
    let fingerprint = store.last_id().fingerprint().to_string();
    assert_eq!(fingerprint.len(), 16);
    assert_eq!(
        log.lines().matches(&fingerprint).count(),
        3,
        "created, rotated, destroyed"
    );
}

#[tokio::test]
async fn no_type_of_ours_shows_a_secret() {
    let store = SpyStore::new();
    let key = Key::derive_from(SECRET).expect("long enough");
    let layer = SessionLayer::new(store.clone(), key.clone()).fallback_keys([key.clone()]);
    let browser = with(layer.clone(), routes());
    browser.get("/act/set").await;
    browser.get("/act/login").await;
    write_behind(&store, FieldChange::set("more", format!("\"{VALUE}\""))).await;
    let id = store.last_id();
    let record = record(&store).await.expect("lives");
    let guard = Guard {
        generation: record.generation(),
        version: None,
    };
    let patch = Patch {
        fields: vec![FieldChange::set("name", format!("\"{VALUE}\""))],
        ..Patch::default()
    };
    let committed = store
        .inner
        .commit(id, guard, &patch)
        .await
        .expect("a memory store");
    let loaded = store.inner.load(id).await;
    let shown = browser.get("/show").await.body;
    let all: [&dyn Debug; 13] = [
        &key,
        &layer,
        &store.inner,
        &id,
        &id.fingerprint(),
        &record,
        &record.parts(),
        record.fields(),
        &patch,
        &committed,
        &loaded,
        &store.patches(),
        &shown,
    ];
    for part in all {
        shows_none(&format!("{part:?} {part:#?}"), &secrets(&store, &browser));
    }
}

#[tokio::test]
async fn an_error_shows_its_kind_to_the_client_and_its_field_to_the_developer() {
    let store = SpyStore::new();
    let browser = browse(&store, routes());
    browser.get("/act/set").await;
    for (path, error) in [
        ("/act/unwritable", "`pairs`"),
        ("/act/large", "max_record_size"),
        ("/act/name", "a field's name"),
        ("/strict", "`name`"),
    ] {
        let log = Log::start();
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.body, "Internal Server Error");
        let lines = log.lines();
        assert!(
            lines
                .lines()
                .any(|line| line.contains("ERROR") && line.contains(error)),
            "{lines}"
        );
        shows_none(&lines, &secrets(&store, &browser));
    }
    let log = Log::start();
    store.fail(Call::Commit, StoreError::unavailable("connection refused"));
    browser.get("/act/rotate").await;
    assert!(
        log.lines().contains("connection refused"),
        "what a store says of itself helps"
    );
}
