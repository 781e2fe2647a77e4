//! The layer: skipped requests, several layers, none at all, and what caches are told.

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use session_axum::{MemoryStore, Session, SessionLayer, SessionRejection, TypedSession};
use session_tests::{Browser, Call, SpyStore};
use tokio::runtime::Handle;

use crate::common::{Visit, Visits, browse, key, layer, with};

// Skipped requests

fn optional() -> Router {
    Router::new()
        .route(
            "/optional",
            get(async |visit: Option<Visits>| match visit {
                Some(visit) => visit.count().to_string(),
                None => "none".to_owned(),
            }),
        )
        .route(
            "/untyped",
            get(async |session: Option<Session>| session.is_some().to_string()),
        )
        .route(
            "/result",
            get(
                async |visit: Result<Visits, SessionRejection>| match visit {
                    Ok(visit) => visit.count().to_string(),
                    Err(rejection) => format!("{rejection:?}"),
                },
            ),
        )
}

#[tokio::test]
async fn a_request_with_a_skip_header_gets_no_session_handling_at_all() {
    let store = SpyStore::new();
    let layer = layer(&store)
        .skip_header("X-Health", "check")
        .skip_header("x-any", "*");
    let browser = with(layer, optional());
    browser.get("/count/1").await;
    store.forget_calls();
    for (name, value, skipped) in [
        ("x-health", "check", true),
        ("X-HEALTH", "check", true),
        ("x-any", "whatever", true),
        ("x-any", "", true),
        ("x-health", "Check", false),
        ("x-health", "checks", false),
        ("x-health", "", false),
        ("x-healthy", "check", false),
        ("accept", "check", false),
    ] {
        let typed = browser.get_with("/read", name, value).await;
        let option = browser.get_with("/optional", name, value).await;
        let untyped = browser.get_with("/untyped", name, value).await;
        let result = browser.get_with("/result", name, value).await;
        let rule = format!("{name}: {value}");
        if skipped {
            assert_eq!(typed.status, StatusCode::BAD_REQUEST, "{rule}");
            assert_eq!(typed.body, "Bad Request", "{rule}");
            assert_eq!(
                (option.body.as_str(), result.body.as_str()),
                ("none", "Skipped")
            );
            assert_eq!(untyped.body, "false");
            assert_eq!(option.header("vary"), "", "{rule}");
            assert_eq!(option.header("cache-control"), "", "{rule}");
            store.assert_untouched();
        } else {
            assert_eq!(
                (typed.body.as_str(), option.body.as_str()),
                ("1 nobody", "1"),
                "{rule}"
            );
            assert_eq!(
                (untyped.body.as_str(), result.body.as_str()),
                ("true", "1"),
                "{rule}"
            );
            store.forget_calls();
        }
    }
    assert_eq!(
        browser.get("/optional").await.body,
        "1",
        "no header is no match"
    );
}

#[tokio::test]
async fn one_of_several_values_of_a_skip_header_is_enough() {
    let store = SpyStore::new();
    let browser = with(layer(&store).skip_header("x-health", "check"), optional());
    let request = Request::builder()
        .uri("/optional")
        .header("x-health", "other")
        .header("x-health", "check");
    let answer = browser
        .send(request.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(answer.body, "none");
}

// No layer

#[tokio::test]
async fn without_a_layer_the_rejection_says_which_line_to_add() {
    struct Admin;
    let named = async |visit: Result<TypedSession<Visit, Admin>, SessionRejection>| match visit {
        Ok(_) => unreachable!(),
        Err(rejection) => rejection.to_string(),
    };
    let plain = async |visit: Result<Visits, SessionRejection>| match visit {
        Ok(_) => unreachable!(),
        Err(rejection) => rejection.to_string(),
    };
    let routes = optional()
        .route("/read", get(async |_: Visits| "never"))
        .route("/plain", get(plain))
        .route("/named", get(named));
    let browser = Browser::new(routes);
    for path in ["/read", "/optional", "/untyped"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(
            answer.body,
            "no session layer is on this route: add `.layer(SessionLayer::new(store, key))` \
             after the routes and middleware that use it"
        );
    }
    let plain = browser.get("/plain").await.body;
    assert!(
        plain.contains("add `.layer(SessionLayer::new(store, key))`"),
        "{plain}"
    );
    let named = browser.get("/named").await.body;
    assert!(
        named.contains(".layer(SessionLayer::named::<") && named.contains("Admin>(store, key))"),
        "{named}"
    );
}

// Several layers

#[tokio::test]
async fn one_layer_put_on_twice_works_as_once() {
    let store = SpyStore::new();
    let layer = layer(&store);
    let outside = from_fn(
        async |visit: Visits, request: Request, next: Next| -> Response {
            visit.set_name(Some("outside".to_owned()));
            let response = next.run(request).await;
            assert_eq!(visit.count(), 7, "one session for both");
            response
        },
    );
    let inner = Router::new()
        .route(
            "/set",
            get(async |visit: Visits| {
                visit.set_count(7);
                visit.name().unwrap_or_default()
            }),
        )
        .layer(layer.clone());
    let app = Router::new()
        .nest("/inner", inner)
        .layer(outside)
        .layer(layer.clone())
        .layer(layer);
    let browser = Browser::new(app);
    let answer = browser.get("/inner/set").await;
    assert_eq!(answer.body, "outside");
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(store.calls(), [Call::Create]);
    browser.get("/inner/set").await;
    assert_eq!(store.calls(), [Call::Load]);
}

#[tokio::test]
async fn two_layers_with_their_own_markers_live_in_one_app() {
    struct Admin;
    type Admins = TypedSession<Visit, Admin>;
    let (users, admins) = (SpyStore::new(), SpyStore::new());
    let both = async |user: Visits, admin: Admins, session: Session<Admin>| {
        user.set_count(user.count() + 1);
        admin.set_count(admin.count() + 10);
        assert_eq!(session.get::<u64>("count"), Some(admin.count()));
        format!("{} {}", user.count(), admin.count())
    };
    let leave = async |admin: Admins| admin.session().destroy();
    let one = async |admin: Admins| admin.count().to_string();
    let app = Router::new()
        .route("/both", get(both))
        .route("/leave", get(leave))
        .route("/one", get(one))
        .layer(layer(&users))
        .layer(SessionLayer::named::<Admin>(admins.clone(), key()).cookie_name("admin"));
    let browser = Browser::new(app);
    assert_eq!(browser.get("/both").await.body, "1 10");
    assert_eq!(
        (users.calls(), admins.calls()),
        (vec![Call::Create], vec![Call::Create])
    );
    let answer = browser.get("/both").await;
    assert_eq!(answer.body, "2 20");
    answer.assert_no_set_cookie();
    users.forget_calls();
    assert_eq!(browser.get("/one").await.body, "20");
    users.assert_untouched();

    // A cookie of the one, under the name of the other, opens nothing.
    let swapped = browser.copy();
    swapped.set_cookie("admin", &browser.cookie("sid").expect("it has one"));
    assert_eq!(swapped.get("/one").await.body, "0");

    let answer = browser.get("/leave").await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(browser.cookie("admin").is_none() && browser.cookie("sid").is_some());
    assert_eq!(browser.get("/both").await.body, "3 10");
}

#[tokio::test]
async fn a_layer_further_in_with_the_same_marker_takes_the_place_of_the_outer_one() {
    let (outer, inner) = (SpyStore::new(), SpyStore::new());
    let read = || {
        Router::new().route(
            "/read",
            get(async |visit: Visits| {
                visit.set_count(visit.count() + 1);
                visit.count().to_string()
            }),
        )
    };
    let app = Router::new()
        .nest("/inner", read().layer(layer(&inner).cookie_name("inner")))
        .merge(read())
        .layer(layer(&outer));
    let browser = Browser::new(app);
    assert_eq!(browser.get("/inner/read").await.body, "1");
    outer.assert_untouched();
    assert_eq!(browser.get("/read").await.body, "1");
    assert_eq!(outer.calls(), [Call::Create]);
    assert_eq!(browser.get("/inner/read").await.body, "2");
}

#[tokio::test]
async fn a_layer_further_in_serves_what_the_outer_one_skips() {
    let (outer, inner) = (SpyStore::new(), SpyStore::new());
    let app = optional()
        .layer(layer(&inner))
        .layer(layer(&outer).skip_header("x-skip", "*"));
    let browser = Browser::new(app);
    let answer = browser.get_with("/untyped", "x-skip", "1").await;
    assert_eq!(answer.body, "true");
}

// Caches

#[tokio::test]
async fn caches_are_told_what_depends_on_a_session() {
    let store = SpyStore::new();
    let answer = |cache: &'static str| {
        move |visit: Visits| async move {
            if visit.count() == 0 {
                visit.set_count(1);
            }
            let headers = (!cache.is_empty()).then_some([(header::CACHE_CONTROL, cache)]);
            axum::response::AppendHeaders(headers.unwrap_or([(header::SERVER, "x")]))
        }
    };
    for (own, setting, reading) in [
        ("", "no-store", "private"),
        ("no-store", "no-store", "no-store"),
        (
            "private, max-age=60",
            "private, max-age=60",
            "private, max-age=60",
        ),
        ("max-age=60", "no-store", "max-age=60, private"),
        ("public, max-age=60", "no-store", "public, max-age=60"),
        ("s-maxage=60", "no-store", "s-maxage=60"),
    ] {
        let browser = browse(&store, Router::new().route("/cached", get(answer(own))));
        let sets = browser.get("/cached").await;
        assert_eq!(sets.set_cookies().len(), 1);
        assert_eq!(
            (
                sets.header("cache-control").as_str(),
                sets.header("vary").as_str()
            ),
            (setting, "Cookie"),
            "{own}"
        );
        let reads = browser.get("/cached").await;
        reads.assert_no_set_cookie();
        assert_eq!(
            (
                reads.header("cache-control").as_str(),
                reads.header("vary").as_str()
            ),
            (reading, "Cookie"),
            "{own}"
        );
    }
}

// Types

/// Fails to compile for a future that can't move to another thread.
fn is_send<T: Send>(future: T) -> T {
    future
}

fn is_send_and_sync<T: Send + Sync>() {}

struct Tied(#[expect(dead_code, reason = "only its type counts")] std::rc::Rc<()>);

async fn all(visit: Visits, parts: &mut Parts) -> Result<(), session_axum::SessionError> {
    is_send(visit.update(|visit| visit.count += 1)).await?;
    is_send(visit.try_update(|visit| {
        visit.count += 1;
        Ok::<_, session_axum::SessionError>(())
    }))
    .await?;
    is_send(visit.session().commit()).await?;
    is_send(visit.session().refresh()).await?;
    is_send(visit.session().touch()).await?;
    let extracted = is_send(<Visits as FromRequestParts<()>>::from_request_parts(
        parts,
        &(),
    ));
    drop(extracted.await);
    let extracted =
        is_send(<Visits as OptionalFromRequestParts<()>>::from_request_parts(parts, &()));
    drop(extracted.await);
    Ok(())
}

#[test]
fn everything_a_handler_holds_or_awaits_may_move_between_threads() {
    is_send_and_sync::<Visits>();
    is_send_and_sync::<Session>();
    is_send_and_sync::<SessionLayer>();
    // Even where the marker can do neither.
    is_send_and_sync::<TypedSession<Visit, Tied>>();
    is_send_and_sync::<SessionLayer<Tied>>();

    let _ = |visit: Visits, parts: &mut Parts| drop(is_send(all(visit, parts)));
}

#[tokio::test]
async fn a_layer_and_its_clones_share_one_store_and_a_route_may_have_its_own() {
    let layer = SessionLayer::new(MemoryStore::new(), key());
    let count = get(async |visit: Visits| {
        visit.set_count(visit.count() + 1);
        visit.count().to_string()
    });
    let app = Router::new()
        .route("/one", count.clone().layer(layer.clone()))
        .route("/two", count.layer(layer))
        .route(
            "/none",
            get(async |visit: Option<Visits>| visit.is_some().to_string()),
        );
    let browser = Browser::new(app);
    assert_eq!(browser.get("/one").await.body, "1");
    assert_eq!(browser.get("/two").await.body, "2");
    assert_eq!(
        browser.get("/none").await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
}

#[tokio::test]
async fn a_layer_starts_no_work_in_the_background_on_however_many_routes() {
    let layer = SessionLayer::new(MemoryStore::new(), key());
    let count = get(async |visit: Visits| visit.set_count(visit.count() + 1));
    let app = ["/one", "/two", "/three"]
        .into_iter()
        .fold(Router::new(), |app, path| {
            app.route(path, count.clone().layer(layer.clone()))
        });
    let browser = Browser::new(app);
    for path in ["/one", "/two", "/three", "/one"] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
}
