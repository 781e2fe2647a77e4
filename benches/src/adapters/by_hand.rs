//! What one writes who takes no session library: axum-extra's private jar, and a map.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{FromRef, State},
    routing::get,
};
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key},
};
use bench_harness::{Adapter, TEXT};
use tokio::sync::Mutex;
use uuid::Uuid;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "by-hand",
    counts: true,
    build: |_| router(),
};

#[derive(Default)]
struct Session {
    count: u64,
    profile: Option<Box<Profile>>,
}

#[derive(Default)]
#[expect(dead_code, reason = "texts that only lie there")]
struct Profile {
    name: String,
    email: String,
    city: String,
    street: String,
    company: String,
    theme: String,
    language: String,
    note: String,
    visits: u64,
    level: u64,
}

#[derive(Clone)]
struct App {
    key: Key,
    sessions: Arc<Mutex<HashMap<Uuid, Session>>>,
}

impl FromRef<App> for Key {
    fn from_ref(app: &App) -> Self {
        app.key.clone()
    }
}

fn router() -> Router {
    Router::new()
        .route("/unused", get(async || "x"))
        .route("/read", get(read))
        .route("/update", get(update))
        .route("/set", get(update))
        .route("/fill", get(fill))
        .route("/read_one", get(read_one))
        .route("/write_one", get(write_one))
        .with_state(App {
            key: Key::generate(),
            sessions: Arc::default(),
        })
}

impl App {
    fn id(jar: &PrivateCookieJar) -> Option<Uuid> {
        jar.get("id")?.value().parse().ok()
    }

    async fn read(&self, jar: &PrivateCookieJar, value: fn(&Session) -> u64) -> String {
        let Some(id) = Self::id(jar) else {
            return 0.to_string();
        };
        let sessions = self.sessions.lock().await;
        sessions.get(&id).map_or(0, value).to_string()
    }

    async fn write<R>(
        &self,
        jar: PrivateCookieJar,
        change: fn(&mut Session) -> R,
    ) -> (PrivateCookieJar, R) {
        let mut sessions = self.sessions.lock().await;
        if let Some(session) = Self::id(&jar).and_then(|id| sessions.get_mut(&id)) {
            return (jar, change(session));
        }
        let id = Uuid::new_v4();
        let answer = change(sessions.entry(id).or_default());
        let cookie = Cookie::build(("id", id.to_string())).http_only(true);
        (jar.add(cookie), answer)
    }
}

async fn read(State(app): State<App>, jar: PrivateCookieJar) -> String {
    app.read(&jar, |session| session.count).await
}

async fn update(State(app): State<App>, jar: PrivateCookieJar) -> (PrivateCookieJar, String) {
    let change = |session: &mut Session| {
        session.count += 1;
        session.count.to_string()
    };
    app.write(jar, change).await
}

async fn fill(State(app): State<App>, jar: PrivateCookieJar) -> (PrivateCookieJar, &'static str) {
    let change = |session: &mut Session| {
        session.profile = Some(Box::new(Profile {
            name: TEXT.into(),
            email: TEXT.into(),
            city: TEXT.into(),
            street: TEXT.into(),
            company: TEXT.into(),
            theme: TEXT.into(),
            language: TEXT.into(),
            note: TEXT.into(),
            visits: 1,
            level: 1,
        }));
        "x"
    };
    app.write(jar, change).await
}

async fn read_one(State(app): State<App>, jar: PrivateCookieJar) -> String {
    let visits = |session: &Session| session.profile.as_ref().map_or(0, |it| it.visits);
    app.read(&jar, visits).await
}

async fn write_one(State(app): State<App>, jar: PrivateCookieJar) -> (PrivateCookieJar, String) {
    let change = |session: &mut Session| {
        let profile = session.profile.get_or_insert_default();
        profile.visits += 1;
        profile.visits.to_string()
    };
    app.write(jar, change).await
}
