//! What each attribute of the derive means at run time.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{Session, SessionData, TypedSession};
use session_tests::{Call, SpyStore};

use crate::common::{browse, fields, stored};

// prefix, rename, accessor

#[derive(SessionData)]
#[session(prefix = "shop.")]
struct Shop {
    visits: u64,
    #[session(rename = "lang")]
    language: String,
    #[session(accessor = "is_open")]
    open: bool,
    r#type: u8,
}

#[derive(SessionData)]
#[session(prefix = "blog.")]
struct Blog {
    visits: u64,
}

#[derive(SessionData)]
struct Unprefixed {
    visits: u64,
    #[session(rename = "shop.lang")]
    theirs: String,
}

#[tokio::test]
async fn stored_names_have_the_prefix_and_are_renamed_and_accessors_are_not() {
    let store = SpyStore::new();
    let write = async |shop: TypedSession<Shop>| {
        shop.set_visits(3);
        shop.set_language("de".to_owned());
        shop.set_is_open(true);
        shop.set_type(4);
    };
    let read = async |shop: TypedSession<Shop>| {
        format!(
            "{} {} {} {}",
            shop.visits(),
            shop.language(),
            shop.is_open(),
            shop.r#type()
        )
    };
    let browser = browse(
        &store,
        Router::new()
            .route("/write", get(write))
            .route("/shop", get(read)),
    );
    browser.get("/write").await;
    assert_eq!(
        fields(&store).await,
        [
            "shop.lang=\"de\"",
            "shop.open=true",
            "shop.type=4",
            "shop.visits=3"
        ]
    );
    assert_eq!(browser.get("/shop").await.body, "3 de true 4");
}

#[tokio::test]
async fn views_meet_in_a_name_only_where_prefix_and_name_make_the_same() {
    let store = SpyStore::new();
    let handler = async |shop: TypedSession<Shop>,
                         blog: TypedSession<Blog>,
                         plain: TypedSession<Unprefixed>| {
        shop.set_visits(1);
        blog.set_visits(2);
        plain.set_visits(3);
        plain.set_theirs("fr".to_owned());
        assert_eq!((shop.visits(), blog.visits(), plain.visits()), (1, 2, 3));
        assert_eq!(shop.language(), "fr");
        blog.clear();
        assert_eq!(
            (shop.visits(), blog.visits(), plain.visits()),
            (1, 0, 3),
            "only its own fields"
        );
    };
    let browser = browse(&store, Router::new().route("/meet", get(handler)));
    assert_eq!(browser.get("/meet").await.status, StatusCode::OK);
    assert_eq!(
        fields(&store).await,
        ["shop.lang=\"fr\"", "shop.visits=1", "visits=3"]
    );
}

// default, take, skip

#[derive(SessionData)]
struct Defaults {
    plain: u64,
    #[session(default = 20)]
    size: u64,
    #[session(default = Self::greeting())]
    greeting: String,
    #[session(default = Some(1))]
    page: Option<u8>,
    #[session(skip)]
    cache: Option<Unstorable>,
}

/// Neither `Serialize` nor `Clone`.
#[derive(Debug, PartialEq)]
struct Unstorable;

impl Defaults {
    fn greeting() -> String {
        "hello".to_owned()
    }
}

#[tokio::test]
async fn an_absent_field_reads_as_its_default_expression_or_as_default() {
    let store = SpyStore::new();
    let handler = async |view: TypedSession<Defaults>| {
        let read = || (view.plain(), view.size(), view.greeting(), view.page());
        let defaults = (0, 20, "hello".to_owned(), Some(1));
        assert_eq!(read(), defaults);
        let state = view.state();
        assert_eq!(
            (state.plain, state.size, state.greeting, state.page),
            defaults
        );
        view.set_size(0);
        view.set_greeting(String::new());
        view.set_page(None);
        assert_eq!(
            read(),
            (0, 0, String::new(), None),
            "set is set, whatever the default"
        );
        assert_eq!(view.take_page(), None);
        assert_eq!(view.take_page(), Some(1), "taken is absent");
        view.remove_size();
        view.remove_greeting();
        assert_eq!(read(), defaults);
    };
    let browser = browse(&store, Router::new().route("/defaults", get(handler)));
    assert_eq!(browser.get("/defaults").await.status, StatusCode::OK);
    store.assert_untouched();
}

#[tokio::test]
async fn a_skipped_field_is_not_stored_and_reads_as_default_in_the_state() {
    let store = SpyStore::new();
    let handler = async |view: TypedSession<Defaults>| {
        let mut state = view.state();
        assert_eq!(state.cache, None);
        state.cache = Some(Unstorable);
        view.set_state(state);
        assert_eq!(view.state().cache, None);
        view.update(|view| view.cache = Some(Unstorable))
            .await
            .expect("lives");
        view.set_plain(1);
    };
    let browser = browse(&store, Router::new().route("/skip", get(handler)));
    browser.get("/skip").await;
    assert_eq!(fields(&store).await, ["plain=1"]);
}

// flash

#[derive(SessionData)]
struct Page {
    #[session(flash)]
    notice: Option<String>,
    count: u64,
}

async fn page(page: TypedSession<Page>, Path(how): Path<String>) -> (StatusCode, String) {
    let mut status = StatusCode::OK;
    let shown = match how.as_str() {
        "set" => {
            page.set_notice(Some("saved".to_owned()));
            None
        }
        "get" => page.notice(),
        "take" => page.take_notice(),
        "twice" => page.notice().and(page.notice()),
        "again" => {
            let shown = page.notice();
            page.set_notice(Some("again".to_owned()));
            shown
        }
        "state" => page.state().notice,
        "update" => page
            .update(|page| {
                page.count += 1;
                page.notice.clone()
            })
            .await
            .expect("lives"),
        "untyped" => page.session().get("notice"),
        "fail" => {
            status = StatusCode::INTERNAL_SERVER_ERROR;
            page.notice()
        }
        _ => unreachable!(),
    };
    (status, shown.unwrap_or_default())
}

/// What another release makes of the same fields.
#[derive(SessionData)]
struct Others {
    #[session(flash)]
    notice: Option<Vec<String>>,
    note: Option<Vec<String>>,
}

#[derive(SessionData)]
struct Ours {
    #[session(flash)]
    notice: Option<String>,
    #[session(default = Some("none".to_owned()))]
    note: Option<String>,
}

#[tokio::test]
async fn what_does_not_decode_is_taken_by_nobody_and_stays_stored() {
    let store = SpyStore::new();
    let write = async |others: TypedSession<Others>| {
        others.set_notice(Some(vec!["Hello".to_owned()]));
        others.set_note(Some(vec!["Ada".to_owned()]));
    };
    let take = async |ours: TypedSession<Ours>| {
        format!(
            "{:?} {:?} {:?}",
            ours.take_notice(),
            ours.notice(),
            ours.take_note()
        )
    };
    let read = async |others: TypedSession<Others>| {
        format!("{:?} {:?}", others.take_notice(), others.take_note())
    };
    let routes = Router::new()
        .route("/write", get(write))
        .route("/take", get(take))
        .route("/others", get(read));
    let browser = browse(&store, routes);
    browser.get("/write").await;
    let taken = browser.get("/take").await.body;
    assert_eq!(taken, r#"None None Some("none")"#);
    let read = r#"Some(["Hello"]) Some(["Ada"])"#;
    assert_eq!(browser.get("/others").await.body, read);
    assert_eq!(browser.get("/others").await.body, "None None");
}

#[tokio::test]
async fn a_flash_field_is_shown_once() {
    for (how, first, then) in [
        ("get", "saved", ""),
        ("take", "saved", ""),
        ("twice", "", ""),
        ("again", "saved", "again"),
        ("state", "saved", "saved"),
        ("update", "saved", "saved"),
        ("untyped", "saved", "saved"),
        ("fail", "saved", "saved"),
    ] {
        let store = SpyStore::new();
        let browser = browse(&store, Router::new().route("/page/{how}", get(page)));
        browser.get("/page/set").await;
        assert_eq!(
            browser.get(&format!("/page/{how}")).await.body,
            first,
            "{how}"
        );
        assert_eq!(browser.get("/page/get").await.body, then, "{how}");
        assert_eq!(stored(&store, "notice").await, None, "{how}");
    }
}

// keep

#[derive(SessionData)]
struct Device {
    #[session(keep)]
    lang: String,
    #[session(keep)]
    theme: Option<u8>,
    basket: Vec<u8>,
}

#[tokio::test]
async fn a_kept_field_survives_a_change_of_owner() {
    let store = SpyStore::new();
    let write = async |device: TypedSession<Device>, session: Session| {
        device.set_lang("de".to_owned());
        device.set_basket(vec![1]);
        session.set_owner("ada");
    };
    let untyped = async |session: Session| {
        // The mark is the field's, not the write's.
        session.insert("lang", "fr");
        session.insert("basket", [2]);
    };
    let update = async |device: TypedSession<Device>| {
        device
            .update(|device| device.theme = Some(3))
            .await
            .expect("lives");
    };
    let out = async |session: Session| session.set_owner(None);
    let routes = Router::new()
        .route("/write", get(write))
        .route("/untyped", get(untyped))
        .route("/update", get(update))
        .route("/out", get(out));
    let browser = browse(&store, routes);
    browser.get("/write").await;
    browser.get("/untyped").await;
    browser.get("/update").await;
    assert_eq!(
        fields(&store).await,
        ["basket=[2]", "lang=\"fr\"", "theme=3"]
    );
    browser.get("/owner/bob").await;
    assert_eq!(fields(&store).await, ["lang=\"fr\"", "theme=3"]);
    browser.get("/untyped").await;
    browser.get("/out").await;
    assert_eq!(fields(&store).await, ["lang=\"fr\"", "theme=3"]);
    store.forget_calls();
    assert_eq!(browser.get("/status").await.body, "Live");
    assert_eq!(store.calls(), [Call::Load]);
}
