//! A cookie that moved to another path or domain: whoever has it in both places is locked out of neither.

use axum::{Router, extract::Path, routing::get};
use session_axum::{Session, SessionStore as _};
use session_tests::SpyStore;

use crate::{
    common::{Accounts, layer},
    rfc6265::Agent,
};

/// An app whose cookie moved from `/app` to `/`, or from the whole domain to one host.
#[derive(Debug, Clone, Copy)]
enum Move {
    Path,
    Domain,
}

impl Move {
    fn apps(self, store: &SpyStore) -> [Router; 2] {
        let routes = || {
            let visit = async |account: Accounts| {
                let visits = account.update(|account| {
                    account.visits += 1;
                    account.visits
                });
                visits.await.map(|visits| visits.to_string())
            };
            let log_in =
                async |session: Session, Path(owner): Path<String>| session.set_owner(&*owner);
            let who =
                async |session: Session| format!("{:?} {:?}", session.status(), session.owner());
            let write = async |session: Session| session.insert("a", 1);
            let inner = Router::new()
                .route("/visit", get(visit))
                .route("/log_in/{owner}", get(log_in))
                .route("/who", get(who))
                .route("/write", get(write))
                .route("/out", get(async |session: Session| session.destroy()));
            Router::new().nest("/app", inner.clone()).merge(inner)
        };
        let (old, new) = match self {
            Self::Path => (
                layer(store).path("/app"),
                layer(store).former_cookie("/app", None),
            ),
            Self::Domain => (
                layer(store).domain("example.com"),
                layer(store).former_cookie("/", Some("example.com")),
            ),
        };
        [routes().layer(old), routes().layer(new)]
    }

    /// A browser with genuine cookies of two sessions, one in each place: `ada`'s is the newer one.
    async fn torn(self) -> (SpyStore, Router, Agent) {
        let store = SpyStore::new();
        let [old, new] = self.apps(&store);
        let (mut agent, mut other) = (Agent::default(), Agent::default());
        agent.get(&old, "/app/log_in/former").await;
        other.get(&new, "/log_in/ada").await;
        agent.jar.cookies.append(&mut other.jar.cookies);
        assert_eq!(agent.jar.cookies.len(), 2);
        (store, new, agent)
    }
}

#[tokio::test]
async fn after_a_move_a_browser_with_the_former_cookie_goes_on_with_its_session() {
    for moved in [Move::Path, Move::Domain] {
        let store = SpyStore::new();
        let [old, new] = moved.apps(&store);
        let mut agent = Agent::default();
        agent.get(&old, "/app/log_in/ada").await;
        assert_eq!(
            agent.get(&new, "/app/who").await.body,
            r#"Live Some("ada")"#
        );
        // The next rotation puts the cookie into the new place; then the former one goes.
        agent.get(&new, "/app/log_in/ada").await;
        assert_eq!(agent.jar.cookies.len(), 2, "{moved:?}");
        assert_eq!(
            agent.get(&new, "/app/who").await.body,
            r#"Live Some("ada")"#
        );
        assert_eq!(agent.jar.cookies.len(), 1, "{moved:?}");
        for path in ["/app/who", "/who"] {
            assert_eq!(agent.get(&new, path).await.body, r#"Live Some("ada")"#);
        }
    }
}

#[tokio::test]
async fn what_opens_nothing_beside_the_former_cookie_takes_it_from_nobody() {
    for moved in [Move::Path, Move::Domain] {
        let store = SpyStore::new();
        let [old, new] = moved.apps(&store);
        let mut agent = Agent::default();
        agent.get(&old, "/app/log_in/ada").await;
        // As another app on the same host, or a neighbour, may have set it.
        let mut theirs = agent.jar.cookies[0].clone();
        (theirs.path, theirs.domain, theirs.value) = (
            "/".to_owned(),
            "www.example.com".to_owned(),
            "theirs".to_owned(),
        );
        agent.jar.cookies.push(theirs);
        for _ in 0..2 {
            let answer = agent.get(&new, "/app/who").await;
            assert_eq!(answer.body, r#"Live Some("ada")"#, "{moved:?}");
            assert_eq!(agent.jar.cookies.len(), 2, "{moved:?}");
        }
    }
}

#[tokio::test]
async fn two_sessions_after_a_move_lock_nobody_out() {
    for moved in [Move::Path, Move::Domain] {
        // Whatever the requests do: the second one has one session.
        for path in ["/app/who", "/app/write", "/app/visit"] {
            let (store, app, mut agent) = moved.torn().await;
            agent.get(&app, path).await;
            assert_eq!(agent.jar.cookies.len(), 1, "{moved:?} {path}");
            assert_eq!(
                agent.get(&app, "/app/who").await.body,
                r#"Live Some("ada")"#,
                "{moved:?} {path}"
            );
            assert_eq!(
                store.inner.count().await.expect("counts"),
                2,
                "{moved:?} {path}"
            );
        }
        let (_, app, mut agent) = moved.torn().await;
        let visits = [
            agent.get(&app, "/app/visit").await,
            agent.get(&app, "/app/visit").await,
        ];
        assert_eq!(visits.map(|visit| visit.body), ["Conflict", "1"]);
        // Who logs out is logged out of both.
        let (store, app, mut agent) = moved.torn().await;
        agent.get(&app, "/app/out").await;
        assert_eq!(store.inner.count().await.expect("counts"), 0);
        assert_eq!(agent.get(&app, "/app/who").await.body, "Unknown None");
    }
}

#[tokio::test]
async fn somebody_torn_between_two_sessions_can_log_in() {
    for moved in [Move::Path, Move::Domain] {
        let (_, app, mut agent) = moved.torn().await;
        agent.get(&app, "/app/log_in/bob").await;
        // As in every app, the page that comes after it.
        agent.get(&app, "/app/visit").await;
        assert_eq!(agent.jar.cookies.len(), 1, "{moved:?}");
        assert_eq!(
            agent.get(&app, "/app/who").await.body,
            r#"Live Some("bob")"#,
            "{moved:?}"
        );
    }
}
