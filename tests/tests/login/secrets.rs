//! R18: no id, token, key or value is ever printed: a day in the life of an app, logged at the finest level, and
//! searched for everything that is nobody's business.

use std::{collections::BTreeSet, fmt::Write as _};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use axum_extra::extract::cookie::Key as CookieKey;
use session_axum::{
    AtLimit, Key, MemoryStore, ReplayPolicy, Session, SessionData, SessionError, SessionId,
    SessionLayer, SessionRejection, SessionStore as _, Sessions, StoreError, TypedSession,
};
use session_tests::{Answer, Browser, Call, Log, SpyStore};

use crate::common::{HOUR, MINUTE, get_with, secret, timed};
use crate::spelling::spellings;

const SECRET: &str = "the-key-of-all-keys-is-nobody's-business";
const OLD_SECRET: &str = "the-key-before-that-one-is-neither-known";
/// Begins every value that is stored here, and is part of nothing else.
const VALUE: &str = "zq7value";
const OWNER: &str = "zq7owner";

#[derive(SessionData)]
struct Private {
    #[session(owner)]
    who: Option<String>,
    note: Option<String>,
    count: u64,
    #[session(flash)]
    flash: Option<String>,
}

#[derive(SessionData)]
struct Strict {
    #[session(strict)]
    note: u64,
}

#[derive(SessionData)]
struct Needs {
    #[session(required)]
    note: u64,
}

/// Everything that a careless handler may print.
async fn print(
    State((layer, sessions)): State<(SessionLayer, Sessions)>,
    private: TypedSession<Private>,
    needs: Result<TypedSession<Needs>, SessionRejection>,
    strict: Result<TypedSession<Strict>, SessionRejection>,
) -> String {
    let session = private.session();
    let mut printed =
        format!("{layer:?} {sessions:?} {private:?} {session:?} {needs:?} {strict:?}");
    let mut print = |more: String| printed.push_str(&more);
    print(format!(
        "{:?} {:?} {:?}",
        session.id(),
        session.fingerprint(),
        session.status()
    ));
    print(format!("{:?}", session.id().map(|id| id.to_ref())));
    for rejection in [needs.err(), strict.err()].into_iter().flatten() {
        print(format!("{rejection} {rejection:?}"));
    }
    session.insert("unwritable", Unwritable::default());
    if let Err(error) = session.commit().await {
        print(format!("{error} {error:?}"));
    }
    printed
}

/// JSON has no such names.
type Unwritable = std::collections::BTreeMap<Option<(u8, u8)>, u8>;

async fn set(
    private: TypedSession<Private>,
    Path(value): Path<String>,
) -> Result<(), SessionError> {
    private.set_note(Some(format!("{VALUE}-{value}")));
    private.set_flash(Some(format!("{VALUE}-flash")));
    private.session().commit().await?;
    private.update(|private| private.count += 1).await
}

fn app(store: &SpyStore) -> Browser {
    let layer = SessionLayer::new(store.clone(), secret(SECRET))
        .fallback_keys([secret(OLD_SECRET)])
        .rotate_every(HOUR)
        .replay(ReplayPolicy::Destroy)
        .max_sessions_per_owner(2, AtLimit::EvictOldest)
        .max_record_size(4096)
        .former_cookie("/old", None)
        .token_header("x-session");
    let routes = Router::new()
        .route("/print", get(print))
        .with_state((layer.clone(), layer.sessions()))
        .route("/set/{value}", get(set))
        .route(
            "/in",
            get(async |private: TypedSession<Private>| private.set_who(Some(OWNER.to_owned()))),
        )
        .route("/out", get(async |session: Session| session.destroy()))
        .route("/rotate", get(async |session: Session| session.rotate()))
        .route(
            "/flash",
            get(async |private: TypedSession<Private>| drop(private.flash())),
        )
        .route(
            "/strict",
            get(async |strict: TypedSession<Strict>| format!("{:?}", strict.note())),
        )
        .route(
            "/needs",
            get(async |needs: TypedSession<Needs>| format!("{:?}", needs.note())),
        )
        .route(
            "/wrong",
            get(async |session: Session| format!("{:?}", session.get::<u64>("note"))),
        )
        .route(
            "/huge",
            get(async |session: Session| session.insert("huge", VALUE.repeat(1000))),
        )
        .route(
            "/name",
            get(async |session: Session| session.insert(format!("{VALUE}\n"), 1)),
        )
        .route(
            "/fail",
            get(async |private: TypedSession<Private>| {
                private.set_note(None);
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route(
            "/late",
            get(async |session: Session| {
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    session.insert("late", VALUE);
                    session.rotate();
                });
            }),
        );
    Browser::new(routes.layer(layer))
}

/// What must not be seen, and where it could have been.
#[derive(Default)]
struct Search {
    ids: Vec<SessionId>,
    tokens: BTreeSet<String>,
    seen: String,
}

impl Search {
    /// A request, and all that came of it but the header that carries the token.
    async fn visit(&mut self, store: &SpyStore, browser: &Browser, path: &str) -> Answer {
        let answer = browser.get(path).await;
        self.note(&answer);
        if let Some(token) = browser.cookie("sid") {
            self.tokens.insert(token);
            self.ids.push(store.last_id());
        }
        answer
    }

    fn note(&mut self, answer: &Answer) {
        self.seen.push_str(&answer.body);
        for (name, value) in &answer.headers {
            if name != "set-cookie" && name != "x-session" {
                writeln!(self.seen, "{name}: {value:?}").expect("a string");
            }
        }
    }

    fn assert_clean(&self) {
        let mut secrets: Vec<String> = self.tokens.iter().cloned().collect();
        self.ids
            .iter()
            .for_each(|id| secrets.extend(spellings(id.as_bytes())));
        for text in [SECRET, OLD_SECRET] {
            secrets.extend(spellings(text.as_bytes()));
            let key: CookieKey = secret(text).into();
            secrets.extend(spellings(key.signing()));
            secrets.extend(spellings(key.encryption()));
        }
        secrets.extend([SECRET, OLD_SECRET, VALUE, OWNER].map(str::to_owned));
        let seen = self.seen.to_lowercase();
        for secret in secrets {
            assert!(
                !seen.contains(&secret.to_lowercase()),
                "{secret} is in:\n{}",
                self.around(&secret)
            );
        }
    }

    fn around(&self, secret: &str) -> String {
        let is_in = |line: &&str| line.to_lowercase().contains(&secret.to_lowercase());
        self.seen
            .lines()
            .filter(is_in)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[tokio::test]
async fn no_id_token_key_or_value_is_seen_in_logs_bodies_or_errors() {
    let log = Log::start();
    let (clock, store) = timed();
    let mut search = Search::default();
    let browser = app(&store);
    let everything = [
        "/print", "/set/1", "/in", "/set/2", "/print", "/flash", "/wrong", "/strict", "/needs",
        "/huge", "/name", "/fail", "/late", "/rotate", "/print", "/in", "/set/3", "/out", "/print",
        "/in", "/set/4",
    ];
    for path in everything {
        search.visit(&store, &browser, path).await;
    }
    // In time, and beside each other.
    for _ in 0..3 {
        clock.advance(HOUR);
        let old = browser.copy();
        search.visit(&store, &browser, "/set/5").await;
        search.visit(&store, &old, "/print").await;
        clock.advance(MINUTE);
    }
    // More sessions of the owner than allowed; a replay; an old key; what attackers send.
    for _ in 0..3 {
        let other = app(&store);
        search.visit(&store, &other, "/set/6").await;
        search.visit(&store, &other, "/in").await;
        let thief = other.copy();
        search.visit(&store, &other, "/rotate").await;
        search.visit(&store, &thief, "/set/7").await;
        let torn = format!(
            "sid={}; sid={}",
            browser.cookie("sid").expect("set"),
            other.cookie("sid").expect("set")
        );
        search.note(&get_with(&other, "/print", &[("cookie", &*torn)]).await);
        clock.advance(MINUTE);
        search.visit(&store, &thief, "/set/8").await;
    }
    let keyed = SessionLayer::new(store.clone(), secret(OLD_SECRET));
    let keyed = Browser::new(
        Router::new()
            .route(
                "/in",
                get(async |session: Session| session.set_owner(OWNER)),
            )
            .layer(keyed),
    );
    search.visit(&store, &keyed, "/in").await;
    let resealed = app(&store);
    resealed.set_cookie("sid", &keyed.cookie("sid").expect("set"));
    search.visit(&store, &resealed, "/print").await;
    for forged in [
        "",
        "forged",
        &"x".repeat(600),
        &resealed.cookie("sid").expect("set")[1..],
    ] {
        let stranger = app(&store);
        stranger.set_cookie("sid", forged);
        search.note(&stranger.get("/print").await);
    }
    let bearer = format!("Bearer {}", resealed.cookie("sid").expect("set"));
    for path in ["/print", "/rotate", "/set/9", "/out"] {
        let answer = get_with(&app(&store), path, &[("authorization", &*bearer)]).await;
        search.tokens.extend([answer.header("x-session")]);
        search.note(&answer);
    }
    failures(&mut search, &store).await;
    search.tokens.remove("");

    let lines = log.lines();
    assert!(lines.lines().count() > 50, "it is logged");
    assert!(lines.contains(&search.ids[0].fingerprint().to_string()));
    search.seen.push_str(&lines);
    assert!(search.tokens.len() > 20 && search.ids.len() > 20);
    search.assert_clean();
}

/// A store that fails at every call, in every way; the last one quotes what it could not read.
async fn failures(search: &mut Search, store: &SpyStore) {
    let browser = app(store);
    search.visit(store, &browser, "/in").await;
    search.visit(store, &browser, "/set/1").await;
    for call in [Call::Load, Call::Create, Call::Commit, Call::Delete] {
        for error in [
            StoreError::unavailable("connection refused"),
            StoreError::internal("syntax error"),
            StoreError::undecodable(format!("invalid type: string \"{VALUE}\"")),
        ] {
            for path in ["/print", "/set/2", "/in", "/rotate", "/out"] {
                store.fail(call, error.clone());
                let browser = browser.copy();
                search.visit(store, &browser, path).await;
                store.forget_orders();
            }
            search.visit(store, &browser, "/in").await;
        }
    }
    // One id that is always taken, and a store that answers too late.
    store.take_ids(10);
    search.note(&app(store).get("/set/3").await);
    store.take_ids(0);
}

#[tokio::test]
async fn configuration_errors_and_keys_tell_no_secret() {
    let mut search = Search::default();
    let store = MemoryStore::new();
    let layer =
        SessionLayer::new(store.clone(), secret(SECRET)).fallback_keys([secret(OLD_SECRET)]);
    let error = layer.clone().path("none").check().expect_err("no path");
    write!(
        search.seen,
        "{layer:?} {error} {error:?} {store:?} {:?}",
        secret(SECRET)
    )
    .expect("a string");
    for secret in [&SECRET[..10], "", &"z".repeat(40)] {
        let error = Key::derive_from(secret).expect_err("no secret");
        write!(search.seen, "{error} {error:?}").expect("a string");
        assert!(secret.is_empty() || !search.seen.contains(secret));
    }
    search.assert_clean();
}

#[tokio::test]
async fn records_and_patches_show_names_and_sizes_but_no_values() {
    let (_, store) = timed();
    let browser = app(&store);
    let mut search = Search::default();
    search.visit(&store, &browser, "/in").await;
    search.visit(&store, &browser, "/set/1").await;
    let id = store.last_id();
    let record = store.inner.load(id).await.expect("loads").expect("lives");
    write!(
        search.seen,
        "{record:?} {:?} {:?} {store:?}",
        record.parts(),
        record.fields()
    )
    .expect("a string");
    write!(search.seen, "{:?} {id:?}", store.patches()).expect("a string");
    search.assert_clean();
    assert!(search.seen.contains("note"), "names are told");
}
