//! R21 and the guide's page on changing a view: two versions of a program side by side on one store, as during a
//! deployment, and a browser that comes now to the one and now to the other.

mod names;
mod types;

use axum::{Router, http::StatusCode, routing::get};
use session_axum::{Session, SessionData, TypedSession};
use session_tests::{Browser, SpyStore};

use crate::common::{fields, layer};

/// The instances of one version, which all other instances share the store and the key with.
struct Version {
    store: SpyStore,
    routes: Router,
}

impl Version {
    fn new(store: &SpyStore, routes: Router) -> Self {
        let store = store.clone();
        Self { store, routes }
    }

    /// The balancer sends this request of the browser to this version.
    async fn get(&self, browser: &Browser, path: &str) -> String {
        let here = Browser::new(self.routes.clone().layer(layer(&self.store)));
        let cookie = browser.cookie("sid");
        here.set_cookie("sid", cookie.as_deref().unwrap_or_default());
        let answer = here.get(path).await;
        let cookie = here.cookie("sid");
        browser.set_cookie("sid", cookie.as_deref().unwrap_or_default());
        match answer.status {
            StatusCode::OK => answer.body,
            other => other.as_u16().to_string(),
        }
    }
}

fn browser() -> Browser {
    Browser::new(Router::new())
}

/// What is stored, in one line.
async fn stored(store: &SpyStore) -> String {
    fields(store).await.join(" ")
}

// The whole of it

#[tokio::test]
async fn a_log_in_of_one_version_is_one_for_the_other_and_so_is_its_log_out() {
    #[derive(SessionData)]
    struct Account {
        #[session(owner, required)]
        user: u64,
    }
    #[derive(SessionData)]
    struct Member {
        #[session(owner, required)]
        member: String,
    }
    let store = SpyStore::new();
    let before = Version::new(
        &store,
        Router::new()
            .route(
                "/in",
                get(async |session: Session| session.set_state(Account { user: 7 })),
            )
            .route(
                "/",
                get(async |account: TypedSession<Account>| account.user().to_string()),
            ),
    );
    let after = Version::new(
        &store,
        Router::new()
            .route(
                "/",
                get(async |member: TypedSession<Member>| member.member()),
            )
            .route("/out", get(async |session: Session| session.destroy())),
    );
    let browser = browser();
    before.get(&browser, "/in").await;
    assert_eq!(before.get(&browser, "/").await, "7");
    // The owner has a place of its own, whatever the field is called, and is kept as text.
    assert_eq!(after.get(&browser, "/").await, "7");
    after.get(&browser, "/out").await;
    assert_eq!(before.get(&browser, "/").await, "401");
}
