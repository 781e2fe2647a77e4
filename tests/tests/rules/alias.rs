//! What `#[session(alias = "..")]` means at run time.

use axum::{Router, extract::Path, routing::get};
use session_axum::{FieldChange, SessionData, TypedSession};
use session_tests::{Browser, SpyStore};

use crate::common::{browse, fields, write_behind};

#[derive(SessionData)]
#[session(prefix = "shop.")]
struct Basket {
    #[session(alias = "cart", alias = "trolley")]
    items: Vec<u8>,
    #[session(alias = "nick")]
    name: Option<String>,
    other: u8,
}

type Baskets = TypedSession<Basket>;

async fn aliased(store: &SpyStore, routes: Router, stored: &[(&'static str, &str)]) -> Browser {
    let browser = browse(store, routes);
    browser.get("/count/1").await;
    for (name, json) in stored {
        write_behind(store, FieldChange::set(*name, *json)).await;
    }
    browser
}

#[tokio::test]
async fn an_alias_is_read_where_the_first_name_is_absent_in_the_order_of_the_aliases() {
    let read = async |basket: Baskets| format!("{:?}", basket.items());
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "[]"),
        (&[("shop.trolley", "[3]")], "[3]"),
        (&[("shop.trolley", "[3]"), ("shop.cart", "[2]")], "[2]"),
        (
            &[
                ("shop.trolley", "[3]"),
                ("shop.cart", "[2]"),
                ("shop.items", "[1]"),
            ],
            "[1]",
        ),
        (&[("cart", "[9]"), ("trolley", "[9]")], "[]"),
    ];
    for (stored, items) in cases {
        let store = SpyStore::new();
        let browser = aliased(&store, Router::new().route("/items", get(read)), stored).await;
        assert_eq!(browser.get("/items").await.body, items);
    }
}

#[tokio::test]
async fn what_is_removed_as_its_alias_is_gone_also_where_somebody_was_faster_by_the_first_name() {
    type Remove = fn(&Baskets);
    let cases: [Remove; 3] = [
        |basket| basket.remove_name(),
        |basket| basket.set_name(None),
        |basket| basket.clear(),
    ];
    for remove in cases {
        let store = SpyStore::new();
        let spy = store.clone();
        let handler = async move |basket: Baskets| {
            write_behind(&spy, FieldChange::set("shop.name", "\"Eve\"")).await;
            assert_eq!(basket.name().as_deref(), Some("Ada"));
            remove(&basket);
        };
        let read = async |basket: Baskets| format!("{:?}", basket.name());
        let routes = Router::new()
            .route("/remove", get(handler))
            .route("/name", get(read));
        let browser = aliased(&store, routes, &[("shop.nick", "\"Ada\"")]).await;
        browser.get("/remove").await;
        assert_eq!(browser.get("/name").await.body, "None");
    }
}

#[tokio::test]
async fn a_write_goes_to_the_first_name_and_removes_the_aliases() {
    let handler = async |basket: Baskets, Path(how): Path<String>| {
        match how.as_str() {
            "set" => basket.set_items(vec![7]),
            "same" => basket.set_items(vec![2]),
            "update" => basket
                .update(|basket| basket.items = vec![7])
                .await
                .expect("lives"),
            "set_state" => basket.set_state(Basket {
                items: vec![7],
                ..basket.state()
            }),
            "remove" => basket.remove_items(),
            "clear" => basket.clear(),
            "other" => basket
                .update(|basket| basket.other = 1)
                .await
                .expect("lives"),
            "take" => assert_eq!(basket.take_name().as_deref(), Some("Ada")),
            "none" => basket.set_name(None),
            _ => unreachable!(),
        }
        format!("{:?}", basket.items())
    };
    for (how, read, after) in [
        (
            "set",
            "[7]",
            &["count=1", "shop.items=[7]", "shop.nick=\"Ada\""][..],
        ),
        (
            "same",
            "[2]",
            &["count=1", "shop.items=[2]", "shop.nick=\"Ada\""],
        ),
        (
            "update",
            "[7]",
            &["count=1", "shop.items=[7]", "shop.nick=\"Ada\""],
        ),
        (
            "set_state",
            "[7]",
            &["count=1", "shop.items=[7]", "shop.nick=\"Ada\""],
        ),
        ("remove", "[]", &["count=1", "shop.nick=\"Ada\""]),
        ("clear", "[]", &["count=1"]),
        (
            "other",
            "[2]",
            &[
                "count=1",
                "shop.cart=[2]",
                "shop.nick=\"Ada\"",
                "shop.other=1",
                "shop.trolley=[3]",
            ],
        ),
        (
            "take",
            "[2]",
            &["count=1", "shop.cart=[2]", "shop.trolley=[3]"],
        ),
        (
            "none",
            "[2]",
            &["count=1", "shop.cart=[2]", "shop.trolley=[3]"],
        ),
    ] {
        let store = SpyStore::new();
        let old = [
            ("shop.cart", "[2]"),
            ("shop.nick", "\"Ada\""),
            ("shop.trolley", "[3]"),
        ];
        let browser = aliased(&store, Router::new().route("/do/{how}", get(handler)), &old).await;
        assert_eq!(browser.get(&format!("/do/{how}")).await.body, read, "{how}");
        assert_eq!(fields(&store).await, after, "{how}");
    }
}

#[derive(SessionData)]
struct Account {
    #[session(owner)]
    user: Option<u64>,
    #[session(alias = "nick")]
    name: Option<String>,
}

#[tokio::test]
async fn a_whole_view_set_for_another_owner_takes_along_what_it_read_by_an_alias() {
    let store = SpyStore::new();
    let handler = async |account: TypedSession<Account>| {
        account.set_state(Account {
            user: Some(8),
            ..account.state()
        });
    };
    let browser = browse(&store, Router::new().route("/hand_over", get(handler)));
    browser.get("/owner/7").await;
    write_behind(&store, FieldChange::set("nick", "\"Ada\"")).await;
    browser.get("/hand_over").await;
    assert_eq!(fields(&store).await, ["name=\"Ada\""]);
}
