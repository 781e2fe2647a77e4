//! Two layers in one app: each with its own store, cookie and marker.

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, Request},
    http::{StatusCode, header},
    middleware::{Next, from_fn},
    routing::get,
};
use session_axum::{
    MemoryStore, Session, SessionData, SessionError, SessionLayer, SessionRejection,
    SessionStore as _, StoreError, TypedSession,
};
use session_tests::{Browser, Call, Log, SpyStore};

use crate::common::{get_with, key};

struct Admin;

#[derive(SessionData)]
struct Visit {
    count: u64,
}

async fn both(
    shop: TypedSession<Visit>,
    admin: TypedSession<Visit, Admin>,
) -> Result<String, SessionError> {
    shop.update(|visit| visit.count += 1).await?;
    admin.update(|visit| visit.count += 10).await?;
    Ok(format!("{} {}", shop.count(), admin.count()))
}

/// One key for both: that a cookie of one is none of the other is no matter of keys.
fn app(shop: &SpyStore, admin: &SpyStore) -> Browser {
    let routes = Router::new()
        .route("/both", get(both))
        .route(
            "/shop/{owner}",
            get(async |session: Session, Path(owner): Path<String>| session.set_owner(&*owner)),
        )
        .route(
            "/admin/{owner}",
            get(async |session: Session<Admin>, Path(owner): Path<String>| {
                session.set_owner(&*owner);
            }),
        )
        .route(
            "/owners/{owner}",
            get(
                async |shop: Session, admin: Session<Admin>, Path(owner): Path<String>| {
                    shop.set_owner(&*owner);
                    admin.set_owner(&*owner);
                },
            ),
        )
        .route(
            "/seen/{owner}",
            get(
                async |shop: Session, admin: Session<Admin>, Path(owner): Path<String>| {
                    admin.set_owner(&*owner);
                    (
                        [(header::CACHE_CONTROL, "max-age=60")],
                        shop.owner().unwrap_or_default(),
                    )
                },
            ),
        )
        .route(
            "/admin_out",
            get(async |session: Session<Admin>| session.destroy()),
        )
        .route(
            "/who",
            get(async |shop: Session, admin: Session<Admin>| {
                let name = |owner: Option<String>| owner.unwrap_or_else(|| "nobody".to_owned());
                format!("{} {}", name(shop.owner()), name(admin.owner()))
            }),
        )
        .route(
            "/status",
            get(async |shop: Session, admin: Session<Admin>| {
                format!("{:?} {:?}", shop.status(), admin.status())
            }),
        );
    let named = SessionLayer::named::<Admin>(admin.clone(), key()).cookie_name("admin");
    Browser::new(
        routes
            .layer(SessionLayer::new(shop.clone(), key()))
            .layer(named),
    )
}

fn stores() -> (SpyStore, SpyStore) {
    (SpyStore::new(), SpyStore::around(MemoryStore::new()))
}

#[tokio::test]
async fn two_layers_keep_two_sessions_in_one_request() {
    let (shop, admin) = stores();
    let browser = app(&shop, &admin);
    let answer = browser.get("/both").await;
    assert_eq!(answer.body, "1 10");
    let mut names: Vec<_> = answer.set_cookies();
    names.sort_unstable();
    assert!(names.len() == 2 && names[0].starts_with("admin=") && names[1].starts_with("sid="));
    assert_eq!(browser.get("/both").await.body, "2 20");
    assert_eq!(shop.inner.count().await.expect("counts"), 1);
    assert_eq!(admin.inner.count().await.expect("counts"), 1);
}

#[tokio::test]
async fn what_the_inner_layer_has_committed_reaches_the_client_although_the_outer_one_fails() {
    let (shop, admin) = stores();
    let browser = app(&shop, &admin);
    browser.get("/shop/ada").await;
    admin.fail(Call::Create, StoreError::unavailable("down"));
    let answer = browser.get("/owners/bob").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(browser.get("/who").await.body, "bob nobody");
}

#[tokio::test]
async fn a_cookie_of_the_outer_layer_is_kept_out_of_every_cache_although_the_inner_one_read() {
    let (shop, admin) = stores();
    let answer = app(&shop, &admin).get("/seen/root").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn each_has_its_own_owner_and_its_own_log_out() {
    let (shop, admin) = stores();
    let browser = app(&shop, &admin);
    browser.get("/shop/ada").await;
    assert_eq!(browser.get("/who").await.body, "ada nobody");
    browser.get("/admin/root").await;
    assert_eq!(browser.get("/who").await.body, "ada root");
    let answer = browser.get("/admin_out").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(answer.set_cookies()[0].starts_with("admin=;"));
    assert_eq!(browser.get("/who").await.body, "ada nobody");
}

#[tokio::test]
async fn a_cookie_pasted_under_the_other_s_name_opens_nothing() {
    let (shop, admin) = stores();
    let browser = app(&shop, &admin);
    browser.get("/shop/ada").await;
    browser.get("/admin/root").await;
    let sid = browser.cookie("sid").expect("set");
    let admins = browser.cookie("admin").expect("set");
    for value in [&sid, &admins] {
        assert_ne!(browser.cookie("sid"), browser.cookie("admin"));
        let pasted = format!("sid={value}; admin={value}");
        let body = get_with(&browser.copy(), "/who", &[("cookie", &*pasted)])
            .await
            .body;
        let own = if value == &sid {
            "ada nobody"
        } else {
            "nobody root"
        };
        assert_eq!(body, own);
    }
    shop.forget_calls();
    admin.forget_calls();
    let swapped = format!("sid={admins}; admin={sid}");
    let answer = get_with(&browser.copy(), "/status", &[("cookie", &*swapped)]).await;
    assert_eq!(answer.body, "Unsealed Unsealed");
    shop.assert_untouched();
    admin.assert_untouched();
}

#[tokio::test]
async fn a_cookie_opens_only_under_the_very_name_it_was_sealed_for() {
    let store = SpyStore::new();
    let routes = || {
        Router::new().route(
            "/status",
            get(async |session: Session| format!("{:?}", session.status())),
        )
    };
    let layer = |name: &str| SessionLayer::new(store.clone(), key()).cookie_name(name);
    let writes = Router::new().route(
        "/write",
        get(async |session: Session| session.insert("a", 1)),
    );
    let browser = Browser::new(writes.layer(layer("sid")));
    browser.get("/write").await;
    let value = browser.cookie("sid").expect("set");
    for (name, status) in [
        ("sid", "Live"),
        ("SID", "Unsealed"),
        ("__Host-sid", "Unsealed"),
        ("sid2", "Unsealed"),
    ] {
        let browser = Browser::new(routes().layer(layer(name)));
        browser.set_cookie(name, &value);
        assert_eq!(browser.get("/status").await.body, status, "{name}");
    }
    // Names are compared as they are, in every case of letters.
    let browser = Browser::new(routes().layer(layer("sid")));
    browser.set_cookie("SID", &value);
    assert_eq!(browser.get("/status").await.body, "New");
}

#[tokio::test]
async fn a_missing_named_layer_says_which_line_to_add() {
    let routes = Router::new().route(
        "/admin",
        get(
            async |session: Result<Session<Admin>, SessionRejection>| match session {
                Err(SessionRejection::MissingLayer { add, .. }) => add,
                _ => "another outcome".to_owned(),
            },
        ),
    );
    let routes = routes.route("/plain", get(async |_: Session<Admin>| ()));
    let browser = Browser::new(routes.layer(SessionLayer::new(MemoryStore::new(), key())));
    let add = browser.get("/admin").await.body;
    assert!(
        add.starts_with(".layer(SessionLayer::named::<") && add.contains("Admin>"),
        "{add}"
    );
    let log = Log::start();
    let answer = browser.get("/plain").await;
    let lines = log.lines();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.body,
        "no session layer of this handler's marker is on this route: \
         add `.layer(SessionLayer::named::<Marker>(store, key))` \
         after the routes and middleware that use it (the log names the marker)"
    );
    assert!(
        lines.contains("ERROR") && lines.contains("named::<login::named::Admin>"),
        "{lines}"
    );
}

#[tokio::test]
async fn a_nested_layer_with_the_cookie_of_the_outer_one_is_refused_where_both_are_used() {
    let outer = SessionLayer::new(MemoryStore::new(), key());
    let inner = outer.clone().idle_timeout(Duration::from_mins(15));
    let other = inner.clone().cookie_name("other");
    let count = async |visit: TypedSession<Visit>| {
        visit.set_count(visit.count() + 1);
        visit.count().to_string()
    };
    let track = async |_: Session, request: Request, next: Next| next.run(request).await;
    let app = |inner: &SessionLayer, tracked: bool| {
        let routes = Router::new()
            .route("/count", get(count))
            .layer(inner.clone());
        let routes = Router::new().nest("/in", routes);
        let routes = if tracked {
            routes.layer(from_fn(track))
        } else {
            routes
        };
        Browser::new(routes.layer(outer.clone()))
    };
    let log = Log::start();
    let refused = app(&inner, true).get("/in/count").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(log.lines().contains("cookie_name"), "{}", log.lines());
    // Also through one between them.
    let routes = Router::new()
        .route("/count", get(count))
        .layer(inner.clone());
    let routes = routes.layer(other.clone()).layer(from_fn(track));
    let refused = Browser::new(routes.layer(outer.clone()))
        .get("/count")
        .await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    for works in [app(&inner, false), app(&other, true), app(&outer, true)] {
        assert_eq!(works.get("/in/count").await.body, "1");
        assert_eq!(works.get("/in/count").await.body, "2");
    }
}

#[tokio::test]
async fn two_layers_with_one_cookie_are_refused_with_the_cure() {
    type Named = fn(SessionLayer<Admin>) -> SessionLayer<Admin>;
    type Plain = fn(SessionLayer) -> SessionLayer;
    let cases: [(Plain, Named, bool); 9] = [
        (|plain| plain, |named| named, false),
        (
            |plain| plain.cookie_name("id").path("/app"),
            |named| named.cookie_name("id").path("/app"),
            false,
        ),
        (|plain| plain, |named| named.cookie_name("admin"), true),
        (|plain| plain, |named| named.cookie_name("SID"), true),
        // Whatever tells them apart but the name: a seal is bound to it alone, and a response has one cookie of it.
        (|plain| plain, |named| named.path("/admin"), false),
        (|plain| plain, |named| named.domain("example.com"), false),
        (
            |plain| plain.cookies(false).token_header("x-token"),
            |named| named,
            false,
        ),
        (
            |plain| plain.token_header("x-token"),
            |named| named.cookie_name("admin").token_header("X-Token"),
            false,
        ),
        (
            |plain| plain.token_header("x-token"),
            |named| named.cookie_name("admin").token_header("x-admin"),
            true,
        ),
    ];
    for (at, (plain, named, works)) in cases.into_iter().enumerate() {
        let plain = || plain(SessionLayer::new(MemoryStore::new(), key()));
        let named = || named(SessionLayer::named::<Admin>(MemoryStore::new(), key()));
        let routes = || {
            Router::new()
                .route("/plain", get(async |_: Session| "plain"))
                .route("/typed", get(async |_: TypedSession<Visit, Admin>| "named"))
                .route("/named", get(async |_: Option<Session<Admin>>| "named"))
        };
        let inside = Browser::new(routes().layer(named()).layer(plain()));
        let outside = Browser::new(routes().layer(plain()).layer(named()));
        let apart = Router::new()
            .nest("/a", routes().layer(plain()))
            .nest("/b", routes().layer(named()));
        let apart = Browser::new(apart);
        assert_eq!(apart.get("/a/plain").await.body, "plain", "case {at}");
        assert_eq!(apart.get("/b/named").await.body, "named", "case {at}");
        for browser in [inside, outside] {
            assert_eq!(browser.get("/plain").await.body, "plain", "case {at}");
            for path in ["/named", "/typed"] {
                let log = Log::start();
                let answer = browser.get(path).await;
                let lines = log.lines();
                let told = lines.contains("ERROR") && lines.contains("cookie_name");
                assert_eq!(told, !works, "case {at}: {lines}");
                if works {
                    assert_eq!(answer.body, "named", "case {at}");
                    continue;
                }
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
                let shared = ["sid", "id", "", "", "sid", "sid", "sid", "x-token"][at];
                assert_eq!(
                    answer.body.to_ascii_lowercase(),
                    format!(
                        "two session layers on this route have one cookie or token header, `{shared}`: \
                         give one of them its own `cookie_name(..)` or `token_header(..)`"
                    ),
                    "case {at}"
                );
            }
        }
    }
}

#[tokio::test]
async fn two_marked_layers_with_one_cookie_are_refused_with_the_cure() {
    struct Shop;
    let admin = || SessionLayer::named::<Admin>(MemoryStore::new(), key()).cookie_name("a");
    let shop = || SessionLayer::named::<Shop>(MemoryStore::new(), key());
    let routes = || {
        Router::new()
            .route("/admin", get(async |_: Session<Admin>| "admin"))
            .route("/shop", get(async |_: TypedSession<Visit, Shop>| "shop"))
    };
    for (cookie, works) in [("a", false), ("b", true)] {
        let shop = || shop().cookie_name(cookie);
        let plain = SessionLayer::new(MemoryStore::new(), key());
        let app = routes().layer(admin()).layer(shop());
        let outside = routes().layer(shop()).layer(plain).layer(admin());
        for browser in [Browser::new(app), Browser::new(outside)] {
            for path in ["/admin", "/shop"] {
                let answer = browser.get(path).await;
                assert_eq!(answer.status.is_success(), works, "{cookie} {path}");
                assert_eq!(answer.body.contains("`cookie_name(..)`"), !works);
            }
        }
    }
    // Also one that another of its marker hides, if it is in use.
    let track = async |_: Session, request: Request, next: Next| next.run(request).await;
    for (tracked, works) in [(false, true), (true, false)] {
        let plain = |cookie| SessionLayer::new(MemoryStore::new(), key()).cookie_name(cookie);
        let inner = routes().layer(plain("b")).layer(admin());
        let inner = if tracked {
            inner.layer(from_fn(track))
        } else {
            inner
        };
        let hidden = inner.layer(plain("a"));
        let answer = Browser::new(hidden).get("/admin").await;
        assert_eq!(answer.status.is_success(), works);
    }
    // One marked layer is at peace with itself, put on twice and nested.
    let twice = routes().layer(admin()).layer(admin().cookie_name("b"));
    assert_eq!(Browser::new(twice).get("/admin").await.body, "admin");
    let layer = admin();
    let once = routes().layer(layer.clone()).layer(layer);
    assert_eq!(Browser::new(once).get("/admin").await.body, "admin");
}
