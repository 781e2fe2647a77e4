//! R1 to R4, R6 and R7.

use std::{cell::Cell, collections::BTreeMap};

use axum::http::{Method, StatusCode};
use axum::{
    RequestPartsExt as _, Router,
    extract::{Path, Request},
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use serde::{Deserialize, Deserializer, Serialize};
use session_axum::{Session, SessionData, SessionError, TypedSession};
use session_tests::{Call, Log, SpyStore};

use crate::common::{HOUR, Visit, Visits, browse, outcome, record, timed};

// R1

#[tokio::test]
async fn a_request_that_writes_nothing_creates_nothing_and_gets_no_cookie() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    let answer = browser.get("/read").await;
    assert_eq!(answer.body, "0 nobody");
    answer.assert_no_set_cookie();
    store.assert_untouched();
}

#[tokio::test]
async fn what_stores_nothing_starts_no_session() {
    let store = SpyStore::new();
    let handler = async |session: Session, visit: Visits, Path(what): Path<String>| {
        match what.as_str() {
            "rotate" => session.rotate(),
            "clear" => session.clear(),
            "clear_view" => visit.clear(),
            "remove" => session.remove("x"),
            "remove_count" => visit.remove_count(),
            "take_name" => drop(visit.take_name()),
            "none" => visit.set_name(None),
            "null" => session.insert("x", None::<u8>),
            "no_owner" => session.set_owner(None),
            "remember" => session.remember(HOUR),
            "destroy" => session.destroy(),
            "set_state" => visit.set_state(visit.state()),
            "update" => visit.update(|visit| visit.count = 0).await?,
            "commit" => session.commit().await?,
            "refresh" => session.refresh().await?,
            "touch" => session.touch().await?,
            _ => unreachable!(),
        }
        Ok::<_, SessionError>(())
    };
    let browser = browse(&store, Router::new().route("/{what}", get(handler)));
    for what in [
        "rotate",
        "clear",
        "clear_view",
        "remove",
        "remove_count",
        "take_name",
        "none",
        "null",
        "no_owner",
        "remember",
        "set_state",
        "update",
        "commit",
        "refresh",
        "touch",
        "destroy",
    ] {
        let answer = browser.get(&format!("/{what}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{what}");
        answer.assert_no_set_cookie();
        store.assert_untouched();
    }
}

// R2

#[tokio::test]
async fn a_request_whose_handler_takes_no_session_makes_no_store_call_and_opens_no_cookie() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    assert_eq!(store.calls(), [Call::Create]);
    let log = Log::start();
    for path in ["/plain", "/no/such/route"] {
        let answer = browser.get(path).await;
        answer.assert_no_set_cookie();
        assert_eq!(answer.header("vary"), "", "{path}");
        assert_eq!(answer.header("cache-control"), "", "{path}");
    }
    store.assert_untouched();

    // One that can't be opened is traced by whoever tries.
    browser.set_cookie("sid", "forged");
    browser.get("/plain").await;
    assert!(!log.lines().contains("opens no session"));
    browser.get("/read").await;
    assert!(log.lines().contains("opens no session"));
}

#[tokio::test]
async fn reading_costs_a_load_and_writing_a_commit_more() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    assert_eq!(browser.get("/increment").await.body, "1");
    assert_eq!(store.calls(), [Call::Create]);
    assert_eq!(browser.get("/increment").await.body, "2");
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    let answer = browser.get("/read").await;
    assert_eq!(answer.body, "2 nobody");
    answer.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load]);
    browser.get("/name/Ada").await.assert_no_set_cookie();
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
}

// R3

#[derive(SessionData)]
struct Other {
    name: String,
    list: Vec<u8>,
}

#[tokio::test]
async fn all_views_and_clones_of_a_request_share_one_load_and_each_other_s_writes() {
    let store = SpyStore::new();
    let handler = async |visit: Visits,
                         again: Option<Visits>,
                         other: TypedSession<Other>,
                         session: Session| {
        let again = again.expect("there is one");
        visit.set_name(Some("Ada".to_owned()));
        other.set_list(vec![1]);
        session.insert("count", 7);
        let seen = (
            again.count(),
            again.name(),
            other.name(),
            visit.session().get::<Vec<u8>>("list"),
        );
        assert_eq!(
            seen,
            (7, Some("Ada".to_owned()), "Ada".to_owned(), Some(vec![1]))
        );
        let clone = session.clone();
        clone.remove("count");
        assert_eq!(visit.count(), 0);
        clone.insert("count", 8);
    };
    let before = from_fn(
        async |visit: Visits, request: Request, next: Next| -> Response {
            visit.set_count(1);
            let response = next.run(request).await;
            assert_eq!(
                visit.count(),
                8,
                "also seen by a middleware around the handler"
            );
            response
        },
    );
    let routes = Router::new().route("/all", get(handler).layer(before));
    let browser = browse(&store, routes);
    browser.get("/count/3").await;
    store.forget_calls();
    assert_eq!(browser.get("/all").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/read").await.body, "8 Ada");
}

#[tokio::test]
async fn the_record_is_loaded_once_at_the_first_extraction() {
    is_loaded_once(&SpyStore::new()).await;
}

#[tokio::test]
async fn two_extractions_that_wait_for_the_store_share_one_load() {
    let store = SpyStore::new();
    store.be_slow();
    is_loaded_once(&store).await;
}

async fn is_loaded_once(store: &SpyStore) {
    let spy = store.clone();
    let handler = async move |request: Request| {
        let (mut parts, _) = request.into_parts();
        spy.assert_untouched();
        let mut twin = parts.clone();
        // Whoever gets it finds what was loaded in it.
        let first = async {
            let visit = parts.extract::<Visits>().await.expect("extracts");
            assert_eq!(visit.count(), 1);
            visit
        };
        let second = async {
            let session = twin.extract::<Session>().await.expect("extracts");
            assert_eq!(session.get::<u64>("count"), Some(1));
            session
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!(spy.calls(), [Call::Load]);
        first.set_count(4);
        assert_eq!(second.get::<u64>("count"), Some(4));
        assert_eq!(
            parts.extract::<Visits>().await.expect("extracts").count(),
            4
        );
        spy.assert_untouched();
    };
    let browser = browse(store, Router::new().route("/late", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    assert_eq!(browser.get("/late").await.status, StatusCode::OK);
    assert_eq!(store.calls(), [Call::Commit]);
}

#[tokio::test]
async fn reads_see_the_request_s_own_writes_without_a_store_call() {
    let store = SpyStore::new();
    let spy = store.clone();
    let handler = async move |visit: Visits| {
        spy.forget_calls();
        visit.set_name(Some("Eve".to_owned()));
        assert_eq!(visit.name().as_deref(), Some("Eve"));
        assert_eq!(visit.take_name().as_deref(), Some("Eve"));
        assert_eq!(visit.name(), None);
        visit.set_state(Visit {
            count: 5,
            name: Some("Kim".to_owned()),
        });
        assert_eq!((visit.count(), visit.name().as_deref()), (5, Some("Kim")));
        visit.clear();
        assert_eq!((visit.state().count, visit.state().name), (0, None));
        visit.session().set_owner("ada");
        assert_eq!(visit.session().owner().as_deref(), Some("ada"));
        visit.session().set_owner(None);
        assert_eq!(visit.session().owner(), None);
        visit.set_count(6);
        visit.session().destroy();
        assert_eq!(visit.count(), 0, "a session to be destroyed reads as none");
        visit.set_count(9);
        assert_eq!(visit.count(), 9);
        spy.assert_untouched();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let browser = browse(&store, Router::new().route("/writes", get(handler)));
    browser.get("/count/1").await;
    browser.get("/writes").await;
}

/// JSON has no such names, so that only an empty one can be written.
type Unwritable = BTreeMap<(u8, u8), u8>;

#[derive(SessionData)]
struct Stubborn {
    pairs: Unwritable,
    count: u64,
}

#[tokio::test]
async fn a_value_that_can_not_be_written_fails_the_commit_and_changes_nothing() {
    let store = SpyStore::new();
    let handler = async |stubborn: TypedSession<Stubborn>, Path(how): Path<String>| {
        let pairs = Unwritable::from([((1, 2), 3)]);
        match how.as_str() {
            "typed" => stubborn.set_pairs(pairs),
            "untyped" => stubborn.session().insert("pairs", pairs),
            "state" => stubborn.set_state(Stubborn { pairs, count: 8 }),
            "update" => stubborn.update(|it| it.pairs = pairs.clone()).await?,
            "commit" => {
                stubborn.set_pairs(pairs);
                let error = stubborn.session().commit().await.expect_err("fails");
                assert!(matches!(&error, SessionError::Serialize(field) if field == "pairs"));
                return Err(error);
            }
            _ => unreachable!(),
        }
        stubborn.set_count(8);
        Ok(())
    };
    let browser = browse(&store, Router::new().route("/stubborn/{how}", get(handler)));
    browser.get("/count/1").await;
    store.forget_calls();
    for how in ["typed", "untyped", "state", "update", "commit"] {
        let answer = browser.get(&format!("/stubborn/{how}")).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{how}");
        assert_eq!(answer.body, "Internal Server Error", "{how}");
        answer.assert_no_set_cookie();
        assert_eq!(store.calls(), [Call::Load], "{how}");
        assert_eq!(browser.get("/read").await.body, "1 nobody", "{how}");
        store.forget_calls();
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Nested(Vec<Nested>);

#[derive(SessionData)]
struct Deep {
    nested: Nested,
}

#[tokio::test]
async fn a_value_nested_too_deeply_to_be_read_again_is_not_written_either() {
    let store = SpyStore::new();
    let handler = async |deep: TypedSession<Deep>, Path((how, depth)): Path<(String, usize)>| {
        let nested = (1..depth).fold(Nested::default(), |nested, _| Nested(vec![nested]));
        match how.as_str() {
            "typed" => deep.set_nested(nested),
            "untyped" => deep.session().insert("nested", nested),
            "state" => deep.set_state(Deep { nested }),
            "update" => deep.update(|it| it.nested = nested.clone()).await?,
            _ => unreachable!(),
        }
        Ok::<_, SessionError>(())
    };
    let read = async |deep: TypedSession<Deep>| {
        let depth =
            |nested: &Nested| std::iter::successors(Some(nested), |it| it.0.first()).count();
        depth(&deep.nested()).to_string()
    };
    let routes = Router::new()
        .route("/set/{how}/{depth}", get(handler))
        .route("/deep", get(read));
    for how in ["typed", "untyped", "state", "update"] {
        let browser = browse(&store, routes.clone());
        assert_eq!(browser.get(&format!("/set/{how}/127")).await.status, 200);
        let answer = browser.get(&format!("/set/{how}/128")).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{how}");
        assert_eq!(browser.get("/deep").await.body, "127", "{how}");
    }
}

// R4

#[tokio::test]
async fn a_commit_sends_only_what_the_request_wrote() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    browser.get("/name/Ada").await;
    let patches = store.patches();
    let sent: Vec<_> = patches.iter().flat_map(|patch| &patch.fields).collect();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (&*sent[0].name, sent[0].json.as_deref()),
        ("name", Some("\"Ada\""))
    );
    assert!(patches[0].renewal.is_none() && patches[0].rotation.is_none());
}

#[tokio::test]
async fn two_requests_that_write_different_fields_both_survive() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let mut loaded = store.hold_answer(Call::Load);
    let slow = browser.start("/count/2");
    loaded.reached().await;
    browser.get("/name/Ada").await;
    loaded.release();
    assert_eq!(slow.await.expect("runs").status, StatusCode::OK);
    assert_eq!(browser.get("/read").await.body, "2 Ada");
}

#[tokio::test]
async fn of_two_requests_that_write_the_same_field_the_later_commit_wins() {
    let store = SpyStore::new();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    let mut loaded = store.hold_answer(Call::Load);
    let first_to_load = browser.start("/count/2");
    loaded.reached().await;
    browser.get("/count/3").await;
    loaded.release();
    first_to_load.await.expect("runs");
    assert_eq!(browser.get("/read").await.body, "2 nobody");
}

// R6

#[tokio::test]
async fn a_request_that_only_reads_changes_no_field_even_when_it_renews_the_expiry() {
    let (clock, store) = timed();
    let browser = browse(&store, Router::new());
    browser.get("/count/1").await;
    clock.advance(HOUR * 2);
    let mut touching = store.hold(Call::Commit);
    let reader = browser.start("/read");
    touching.reached().await;
    let parts = |store: &SpyStore| {
        let store = store.clone();
        async move { record(&store).await.expect("lives").parts() }
    };
    browser.get("/name/Ada").await;
    browser.get("/count/2").await;
    let before = parts(&store).await;
    store.forget_calls();
    touching.release();
    assert_eq!(reader.await.expect("runs").body, "1 nobody");
    let after = parts(&store).await;
    assert_eq!(after.fields, before.fields);
    assert_eq!(after.version, before.version, "a touch is no new version");

    clock.advance(HOUR * 2);
    store.forget_calls();
    browser.get("/read").await;
    let patches = store.patches();
    assert!(patches.len() == 1 && patches[0].is_touch());
    let touched = parts(&store).await;
    assert_eq!(
        (touched.fields, touched.version),
        (after.fields, after.version)
    );
    assert!(touched.expires_at > after.expires_at);
}

#[derive(SessionData)]
struct Page {
    #[session(flash)]
    notice: Option<String>,
    count: u64,
}

#[tokio::test]
async fn the_getter_of_a_flash_field_is_a_write() {
    let store = SpyStore::new();
    let routes = Router::new()
        .route(
            "/show",
            get(async |page: TypedSession<Page>| page.notice().unwrap_or_default()),
        )
        .route(
            "/note",
            get(async |page: TypedSession<Page>| page.set_notice(Some("saved".into()))),
        );
    let browser = browse(&store, routes);
    browser.get("/note").await;
    store.forget_calls();
    assert_eq!(browser.get("/show").await.body, "saved");
    assert_eq!(store.calls(), [Call::Load, Call::Commit]);
    assert_eq!(browser.get("/show").await.body, "");
    assert_eq!(store.calls(), [Call::Load]);
    // axum's `get` answers HEAD, too.
    browser.get("/note").await;
    let head = browser.request(Method::HEAD, "/show").await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(browser.get("/show").await.body, "");
}

#[derive(SessionData)]
struct Measured {
    #[session(strict)]
    plain: f64,
    list: Vec<f64>,
    may_be_absent: Option<f64>,
    nested: Vec<Option<u8>>,
}

type Measurements = TypedSession<Measured>;

#[tokio::test]
async fn what_nobody_could_read_again_is_not_stored() {
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let store = SpyStore::new();
        let set = async move |measured: Measurements| measured.set_plain(float);
        let update = async move |measured: Measurements| {
            outcome(&measured.update(|state| state.list.push(float)).await)
        };
        let others = async move |measured: Measurements| {
            measured.set_nested(vec![None, Some(1)]);
            measured.set_may_be_absent(Some(float));
            let updated = measured.update(|state| state.list.push(2.0)).await;
            outcome(&updated)
        };
        let show = async |measured: Measurements| {
            let state = measured.state();
            let (floats, nested) = ((state.plain, state.list), state.nested);
            format!("{floats:?} {:?} {nested:?}", state.may_be_absent)
        };
        let first = async |measured: Measurements| {
            measured.set_plain(1.0);
            measured.set_list(vec![1.0]);
        };
        let routes = Router::new()
            .route("/first", get(first))
            .route("/set", get(set))
            .route("/update", get(update))
            .route("/others", get(others))
            .route("/show", get(show));
        let browser = browse(&store, routes);
        browser.get("/first").await;
        assert_eq!(browser.get("/set").await.status, 500);
        let refused = browser.get("/update").await.body;
        assert_eq!(refused, "Serialize(\"list\")");
        assert_eq!(browser.get("/show").await.body, "(1.0, [1.0]) None []");
        // What reads a `null` is left alone.
        assert_eq!(browser.get("/others").await.body, "ok");
        assert_eq!(
            browser.get("/show").await.body,
            "(1.0, [1.0, 2.0]) None [None, Some(1)]"
        );
    }
}

/// Leaves out what it needs to be read.
#[derive(Default, Serialize, Deserialize)]
struct Cart {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<u8>,
}

#[derive(SessionData)]
struct Shop {
    cart: Cart,
}

#[tokio::test]
async fn what_leaves_out_what_it_needs_is_not_stored() {
    let store = SpyStore::new();
    let add = async |shop: TypedSession<Shop>| shop.set_cart(Cart { items: vec![7] });
    let set = async |shop: TypedSession<Shop>| shop.set_cart(Cart::default());
    let set_state = async |shop: TypedSession<Shop>| {
        shop.session().set_owner("eve");
        shop.set_state(Shop {
            cart: Cart::default(),
        });
    };
    let update = async |shop: TypedSession<Shop>| {
        shop.update(|shop| shop.cart.items.clear()).await?;
        Ok::<_, SessionError>(())
    };
    let show = async |shop: TypedSession<Shop>| format!("{:?}", shop.cart().items);
    let routes = Router::new()
        .route("/add", get(add))
        .route("/set", get(set))
        .route("/set_state", get(set_state))
        .route("/update", get(update))
        .route("/show", get(show));
    let browser = browse(&store, routes);
    browser.get("/owner/ada").await;
    browser.get("/add").await;
    for path in ["/set", "/set_state", "/update"] {
        assert_eq!(browser.get(path).await.status, 500, "{path}");
        assert_eq!(browser.get("/show").await.body, "[7]", "{path}");
    }
}

#[derive(SessionData)]
struct Unreadable {
    #[session(default = f64::NAN)]
    ratio: f64,
    count: u64,
}

#[tokio::test]
async fn a_default_that_nobody_could_read_takes_nothing_from_the_fields_behind_it() {
    let store = SpyStore::new();
    let count = async |view: TypedSession<Unreadable>| {
        view.update(|view| view.count += 1).await?;
        Ok::<_, SessionError>(view.count().to_string())
    };
    let again = async |view: TypedSession<Unreadable>| {
        view.set_state(Unreadable {
            count: 7,
            ..view.state()
        });
        view.count().to_string()
    };
    let routes = Router::new()
        .route("/count", get(count))
        .route("/again", get(again));
    let browser = browse(&store, routes);
    assert_eq!(browser.get("/count").await.body, "1");
    assert_eq!(browser.get("/count").await.body, "2");
    assert_eq!(browser.get("/again").await.body, "7");
    assert_eq!(browser.get("/count").await.body, "8");
}

thread_local! {
    static MEANWHILE: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// Whoever reads it is outrun by another task of the request.
#[derive(Debug, Default, Serialize)]
struct Slow(u8);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        u8::deserialize(deserializer).map(Self)
    }
}

#[derive(SessionData)]
struct Outrun {
    slow: Slow,
    count: u64,
    #[session(flash)]
    notice: Option<Slow>,
}

#[tokio::test]
async fn a_whole_view_is_read_at_one_moment() {
    let handler = async |view: TypedSession<Outrun>| {
        view.set_slow(Slow(1));
        view.set_count(1);
        let other = view.clone();
        MEANWHILE.set(Some(Box::new(move || {
            other.set_slow(Slow(2));
            other.set_count(2);
        })));
        let state = view.state();
        assert_eq!((state.slow.0, state.count), (1, 1));
        assert_eq!((view.slow().0, view.count()), (2, 2));
    };
    let browser = browse(&SpyStore::new(), Router::new().route("/", get(handler)));
    assert_eq!(browser.get("/").await.status, 200);
}

#[tokio::test]
async fn of_two_who_take_a_value_at_once_one_has_it() {
    let handler = async |view: TypedSession<Outrun>| {
        for newer in [None, Some(2)] {
            view.set_notice(Some(Slow(1)));
            let other = view.clone();
            MEANWHILE.set(Some(Box::new(move || {
                assert_eq!(other.take_notice().map(|notice| notice.0), Some(1));
                if let Some(newer) = newer {
                    other.set_notice(Some(Slow(newer)));
                }
            })));
            assert_eq!(view.notice().map(|notice| notice.0), newer);
            assert!(view.notice().is_none());
        }
    };
    let browser = browse(&SpyStore::new(), Router::new().route("/", get(handler)));
    assert_eq!(browser.get("/").await.status, 200);
}
