//! `Sessions`: what can be done with the sessions of an owner from outside their requests.

use std::time::{Duration, Instant};

use axum::{Router, extract::State, routing::get};
use futures_util::FutureExt as _;
use session_axum::{
    AtLimit, Fields, Guard, Lifetime, MemoryStore, NewRecord, Patch, Rotation, Session,
    SessionData, SessionError, SessionId, SessionInfo, SessionLayer, SessionRef, SessionStore,
    Sessions, StoreError,
};
use session_tests::{Browser, Call};

use crate::common::{
    Account, DAY, HOUR, MINUTE, browse, hex, layer, record, timed, token, whose, with,
};

/// A device, by its name.
#[derive(SessionData)]
struct Device {
    #[session(required)]
    device: String,
}

#[derive(SessionData)]
struct Role {
    #[session(default = "user".to_owned())]
    role: String,
}

/// Some devices of one owner.
async fn devices(layer: &SessionLayer, owner: &str, names: &[&str]) -> Vec<Browser> {
    let mut browsers = Vec::new();
    for name in names {
        let browser = browse(layer.clone());
        browser.get(&format!("/write/device/{name}")).await;
        browser.get(&format!("/log_in/{owner}")).await;
        browsers.push(browser);
    }
    browsers
}

async fn list(sessions: &Sessions, owner: &str) -> Vec<SessionInfo<Device>> {
    sessions.list(owner, None).await.expect("lists")
}

fn names(list: &[SessionInfo<Device>]) -> Vec<&str> {
    let names = list.iter().map(|info| info.state.as_ref());
    names
        .map(|state| state.map_or("none", |state| &state.device))
        .collect()
}

async fn refer(sessions: &Sessions, owner: &str, name: &str) -> SessionRef {
    let found = list(sessions, owner).await;
    let at = names(&found).iter().position(|other| *other == name);
    found[at.expect("listed")].session_ref
}

#[tokio::test]
async fn an_owner_s_live_sessions_are_listed_with_their_views_and_times() {
    let (clock, store) = timed();
    let layer = layer(&store).idle_timeout(DAY).absolute_timeout(DAY * 7);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone", "laptop", "tablet"]).await;
    devices(&layer, "bob", &["tv"]).await;
    clock.advance(HOUR * 20);
    adas[1].get("/whoami").await;
    clock.advance(HOUR * 2);
    adas[0].get("/whoami").await;
    let found = list(&sessions, "ada").await;
    assert_eq!(
        names(&found),
        ["phone", "laptop", "tablet"],
        "the one seen last first"
    );
    let ago = |info: &SessionInfo<Device>| {
        found[0]
            .last_seen
            .duration_since(info.last_seen)
            .expect("earlier")
    };
    assert_eq!(ago(&found[1]), HOUR * 2);
    assert_eq!(ago(&found[2]), HOUR * 22);
    assert_eq!(found[0].created_at, found[2].created_at);
    assert_eq!(found[0].owner_since, Some(found[0].created_at));
    assert!(found.iter().all(|info| !info.is_this));

    clock.advance(HOUR * 4);
    assert_eq!(
        names(&list(&sessions, "ada").await),
        ["phone", "laptop"],
        "one is dead by now"
    );
    assert_eq!(sessions.count("ada").await.expect("counts"), 2);
    assert_eq!(sessions.count("nobody").await.expect("counts"), 0);
}

#[tokio::test]
async fn a_session_without_the_view_is_listed_without_it() {
    let (_, store) = timed();
    let layer = layer(&store);
    browse(layer.clone()).get("/log_in/ada").await;
    assert_eq!(names(&list(&layer.sessions(), "ada").await), ["none"]);
}

#[tokio::test]
async fn the_session_that_asks_is_marked() {
    let (_, store) = timed();
    let layer = layer(&store);
    let handler = async |State(sessions): State<Sessions>, session: Session| {
        let owner = session.owner().unwrap_or_default();
        let found = sessions.list::<Device>(&owner, Some(&session)).await?;
        let this = found.into_iter().filter(|info| info.is_this);
        let names = this.map(|info| info.state.map_or_else(String::new, |state| state.device));
        Ok::<_, SessionError>(names.collect::<String>())
    };
    let routes = Router::new()
        .route("/this", get(handler))
        .with_state(layer.sessions());
    let browsers = devices(&layer, "ada", &["phone", "laptop"]).await;
    let asking = with(layer, routes);
    asking.set_cookie("sid", &token(&browsers[1]));
    assert_eq!(asking.get("/this").await.body, "laptop");
}

#[tokio::test]
async fn one_session_is_revoked_and_only_by_its_owner() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone", "laptop"]).await;
    let bobs = devices(&layer, "bob", &["tv"]).await;
    let phone = refer(&sessions, "ada", "phone").await;
    let tv = refer(&sessions, "bob", "tv").await;
    assert!(!sessions.revoke("ada", tv).await.expect("no failure"));
    assert!(!sessions.revoke("bob", phone).await.expect("no failure"));
    assert!(!sessions.revoke("", phone).await.expect("no failure"));
    assert_eq!(bobs[0].get("/whoami").await.body, "bob");

    assert!(sessions.revoke("ada", phone).await.expect("no failure"));
    assert!(!sessions.revoke("ada", phone).await.expect("once"));
    let answer = adas[0].get("/whoami").await;
    assert_eq!(answer.body, "nobody");
    assert_eq!(adas[1].get("/whoami").await.body, "ada");
    assert_eq!(sessions.count("ada").await.expect("counts"), 1);
}

#[tokio::test]
async fn a_revoked_session_is_not_revived_by_a_request_that_runs() {
    let (_, store) = timed();
    let layer = layer(&store);
    let adas = devices(&layer, "ada", &["phone"]).await;
    let mut held = store.hold(Call::Commit);
    let slow = adas[0].start("/write/late/1");
    held.reached().await;
    assert_eq!(
        layer.sessions().revoke_all("ada").await.expect("revokes"),
        1
    );
    held.release();
    slow.await.expect("ends").assert_no_set_cookie();
    assert_eq!(adas[0].get("/whoami").await.body, "nobody");
    assert_eq!(store.inner.count().await.expect("counts"), 0);
}

#[tokio::test]
async fn all_sessions_of_an_owner_are_revoked_without_a_request_of_theirs() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone", "laptop", "tablet"]).await;
    let bobs = devices(&layer, "bob", &["tv"]).await;
    assert_eq!(sessions.revoke_all("ada").await.expect("revokes"), 3);
    for browser in &adas {
        assert_eq!(browser.get("/whoami").await.body, "nobody");
    }
    assert_eq!(bobs[0].get("/whoami").await.body, "bob");
    assert_eq!(sessions.revoke_all("ada").await.expect("revokes"), 0);
    // And she may come back.
    adas[0].get("/log_in/ada").await;
    assert_eq!(adas[0].get("/whoami").await.body, "ada");
}

#[tokio::test]
async fn all_but_this_one_are_revoked_and_this_one_rotates() {
    let (_, store) = timed();
    let layer = layer(&store);
    let adas = devices(&layer, "ada", &["phone", "laptop", "tablet"]).await;
    let bobs = devices(&layer, "bob", &["tv"]).await;
    let others = async |State(sessions): State<Sessions>, session: Session| {
        let owner = session.owner().unwrap_or_default();
        let revoked = sessions.revoke_others(&owner, &session).await?;
        Ok::<_, SessionError>(revoked.to_string())
    };
    let routes = Router::new()
        .route("/others", get(others))
        .with_state(layer.sessions());
    let this = with(layer.clone(), routes);
    let before = token(&adas[1]);
    this.set_cookie("sid", &before);
    assert_eq!(this.get("/others").await.body, "2");
    assert_eq!(this.get("/whoami").await.body, "ada");
    assert_eq!(
        whose(&this, &before).await,
        "nobody",
        "a stolen copy is out, too"
    );
    assert_eq!(adas[0].get("/whoami").await.body, "nobody");
    assert_eq!(adas[2].get("/whoami").await.body, "nobody");
    assert_eq!(bobs[0].get("/whoami").await.body, "bob");
    assert_eq!(layer.sessions().count("ada").await.expect("counts"), 1);
}

#[tokio::test]
async fn a_form_that_was_sent_twice_revokes_all_but_this_one_too() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let spy = store.clone();
    let log_in = async move |session: Session, State(sessions): State<Sessions>| {
        let store = spy.clone();
        session.set_owner("ada");
        // The first one is faster.
        let guard = Guard {
            generation: 1,
            version: None,
        };
        let first = Patch {
            rotation: Some(Rotation::Explicit),
            ..Patch::default()
        };
        let id = session.id().expect("lives");
        let first = store.inner.commit(id, guard, &first).await;
        first.expect("a memory store");
        match session.commit().await {
            Ok(()) => panic!("superseded"),
            Err(SessionError::Gone) => {}
            Err(other) => return Err(other),
        }
        let listed = sessions.list::<Device>("ada", Some(&session)).await?;
        let this = listed.iter().filter(|info| info.is_this).count();
        let revoked = sessions.revoke_others("ada", &session).await?;
        Ok::<_, SessionError>(format!("{revoked} {this}"))
    };
    let routes = Router::new()
        .route("/again", get(log_in))
        .with_state(layer.sessions());
    let adas = devices(&layer, "ada", &["phone", "laptop"]).await;
    let this = with(layer, routes);
    this.set_cookie("sid", &token(&adas[1]));
    assert_eq!(this.get("/again").await.body, "1 1");
    let left = list(&sessions, "ada").await;
    assert_eq!(names(&left), ["laptop"]);
}

#[tokio::test]
async fn from_outside_nobody_s_owner_is_changed() {
    let (_, store) = timed();
    let layer = layer(&store);
    let adas = devices(&layer, "7", &["phone"]).await;
    let sessions = layer.sessions();
    let refused = sessions
        .update("7", |account: &mut Account| account.user = Some(8))
        .await;
    assert!(
        matches!(refused, Err(SessionError::Refused(_))),
        "{refused:?}"
    );
    assert_eq!(adas[0].get("/whoami").await.body, "7");
    assert_eq!(sessions.count("8").await.expect("counts"), 0);
}

#[tokio::test]
async fn a_role_is_changed_in_all_sessions_of_an_owner() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone", "laptop"]).await;
    let bobs = devices(&layer, "bob", &["tv"]).await;
    let update = sessions.update("ada", |role: &mut Role| "admin".clone_into(&mut role.role));
    assert_eq!(update.await.expect("updates"), 2);
    for browser in &adas {
        assert_eq!(browser.get("/read/role").await.body, "admin");
        assert_eq!(
            browser.get("/whoami").await.body,
            "ada",
            "the same token still works"
        );
    }
    assert_eq!(bobs[0].get("/read/role").await.body, "");
    // Only where the view exists.
    browse(layer).get("/log_in/ada").await;
    let rename = sessions.update("ada", |device: &mut Device| device.device.push('!'));
    assert_eq!(rename.await.expect("updates"), 2);
}

#[tokio::test]
async fn a_session_that_can_not_be_changed_keeps_none_of_the_others_from_it() {
    let (_, store) = timed();
    let layer = layer(&store);
    let browsers = devices(&layer, "ada", &["phone", "laptop", "tablet"]).await;
    store.fail(Call::Commit, StoreError::unavailable("the first"));
    store.fail(Call::Commit, StoreError::internal("the second"));
    let sessions = layer.sessions();
    let update = sessions.update("ada", |role: &mut Role| "admin".clone_into(&mut role.role));
    let error = update.await.expect_err("two could not be changed");
    let SessionError::Store(error) = error else {
        panic!("{error:?}")
    };
    assert!(error.is_unavailable(), "the first error is told");
    let mut changed = 0;
    for browser in &browsers {
        changed += usize::from(browser.get("/read/role").await.body == "admin");
    }
    assert_eq!(changed, 1);
}

#[tokio::test]
async fn a_change_from_outside_reaches_a_session_that_is_rotated_at_that_moment() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone"]).await;
    let mut held = store.hold(Call::Commit);
    let update = tokio::spawn(async move {
        let change = |role: &mut Role| "admin".clone_into(&mut role.role);
        sessions.update("ada", change).await
    });
    held.reached().await;
    adas[0].get("/log_in/ada").await;
    held.release();
    assert_eq!(update.await.expect("ends").expect("updates"), 1);
    assert_eq!(adas[0].get("/read/role").await.body, "admin");
}

#[tokio::test]
async fn a_change_from_outside_is_nobody_s_activity() {
    let (clock, store) = timed();
    let layer = layer(&store).rotate_every(HOUR).rotation_grace(MINUTE);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone"]).await;
    let before = record(&store).await;
    clock.advance(HOUR * 10);
    for role in ["admin", "user"] {
        let update = sessions.update("ada", |view: &mut Role| role.clone_into(&mut view.role));
        assert_eq!(update.await.expect("updates"), 1);
        let after = record(&store).await;
        assert_eq!(after.expires_at(), before.expires_at());
        assert_eq!(after.touched_at(), before.touched_at());
        assert_eq!(
            after.generation(),
            before.generation(),
            "nobody could be told"
        );
        assert_eq!(after.confirmed_at(), None, "nobody has shown a token");
    }
    assert_eq!(adas[0].get("/read/role").await.body, "user");
}

/// The same digits as others would write them.
fn uuid_like(hex: &str) -> String {
    let ends = [8, 12, 16, 20, 32];
    let groups = std::iter::once(0).chain(ends).zip(ends);
    let groups: Vec<_> = groups.map(|(from, to)| &hex[from..to]).collect();
    groups.join("-")
}

#[tokio::test]
async fn a_session_ref_is_no_credential_and_survives_a_page() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let adas = devices(&layer, "ada", &["phone"]).await;
    let shown = refer(&sessions, "ada", "phone").await;
    let text = shown.to_string();
    assert_eq!(text.len(), 32);
    assert_eq!(text.parse::<SessionRef>(), Ok(shown));
    let id = store.last_id();
    let hex = hex(id.as_bytes());
    assert_ne!(text, hex, "one-way");
    for value in [text.clone(), format!("1{text}1")] {
        assert_eq!(whose(&adas[0], &value).await, "nobody");
    }
    for bad in [
        "",
        "x",
        &text[1..],
        &format!("{text}0"),
        &uuid_like(&text),
        &text.replace(|_| true, "é"),
    ] {
        assert!(bad.parse::<SessionRef>().is_err(), "{bad}");
    }
    // The same session, the same name: also after a rotation.
    adas[0].get("/rotate").await;
    assert_eq!(refer(&sessions, "ada", "phone").await, shown);
    let info = &list(&sessions, "ada").await[0];
    let printed = format!("{:?}", (info.session_ref, info.created_at, info.is_this));
    assert!(!printed.contains(&hex) && !printed.contains(&token(&adas[0])));
}

#[tokio::test]
async fn a_changed_owner_moves_between_the_lists() {
    let (_, store) = timed();
    let layer = layer(&store);
    let sessions = layer.sessions();
    let browsers = devices(&layer, "ada", &["phone"]).await;
    browsers[0].get("/log_in/bob").await;
    assert_eq!(sessions.count("ada").await.expect("counts"), 0);
    assert_eq!(sessions.count("bob").await.expect("counts"), 1);
    assert_eq!(sessions.revoke_all("ada").await.expect("revokes"), 0);
    browsers[0].get("/log_out").await;
    assert_eq!(sessions.count("bob").await.expect("counts"), 0);
}

/// So many owners, the first hundred of whom have ten sessions each.
fn filled(owners: usize) -> MemoryStore {
    let store = MemoryStore::new();
    for owner in 0..owners {
        for _ in 0..if owner < 100 { 10 } else { 1 } {
            let new = NewRecord {
                fields: Fields::default(),
                owner: Some(owner.to_string()),
                lifetime: Lifetime {
                    idle: DAY,
                    absolute: DAY,
                },
            };
            let created = store.create(SessionId::generate(), new).now_or_never();
            created.expect("it answers at once").expect("creates");
        }
    }
    store
}

/// The shortest of some tries of what is done to twenty owners: what else runs here does not count.
async fn cost(store: &MemoryStore) -> Duration {
    let mut best = Duration::MAX;
    for at in 0..5 {
        let owners: Vec<_> = (0..20).map(|owner| (at * 20 + owner).to_string()).collect();
        let start = Instant::now();
        for owner in &owners {
            assert_eq!(store.find_by_owner(owner).await.expect("finds").len(), 10);
            assert_eq!(store.revoke_owner(owner, None).await.expect("revokes"), 10);
            assert_eq!(store.find_by_owner(owner).await.expect("finds").len(), 0);
        }
        best = best.min(start.elapsed());
    }
    best
}

#[tokio::test]
async fn an_owner_s_sessions_are_found_among_a_hundred_thousand_owners_without_a_scan() {
    let (few, many) = (cost(&filled(100)).await, cost(&filled(100_000)).await);
    // A scan would take a hundred times as long; the larger tables, in caches that no longer hold them, a few times.
    assert!(
        many < few * 20,
        "{few:?} among a hundred, {many:?} among a hundred thousand"
    );
}

#[tokio::test]
async fn the_view_of_a_list_is_of_the_caller_s_type() {
    let (_, store) = timed();
    let layer = layer(&store).max_sessions_per_owner(5, AtLimit::EvictOldest);
    let browser = browse(layer.clone());
    browser.get("/visit").await;
    browser.get("/log_in/7").await;
    let found = layer
        .sessions()
        .list::<Account>("7", None)
        .await
        .expect("lists");
    let account = found[0].state.as_ref().expect("nothing is required");
    assert_eq!(
        (account.user, account.visits, account.basket.len()),
        (Some(7), 1, 0)
    );
    assert_eq!(account.lang, None);
}
