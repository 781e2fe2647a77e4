//! Any JSON value comes back equal (DESIGN 5), and setting it again sends nothing (R7).

use std::sync::{Arc, Mutex};

use axum::{Extension, Router, http::StatusCode, routing::get};
use proptest::{collection, prelude::*};
use serde_json::{Map, Number, Value, value::RawValue};
use session_axum::{Session, SessionData, SessionStore as _, TypedSession};
use session_tests::{Browser, Call, SpyStore};
use tokio::runtime::Runtime;

use super::cases;
use crate::common::browse;

#[derive(SessionData, Clone, Debug)]
struct Anything {
    any: Value,
    big: i128,
    exact: f64,
}

/// What the next request stores.
#[derive(Debug, Clone, Default)]
struct Desk(Arc<Mutex<Paper>>);

#[derive(Debug, Clone, Default)]
struct Paper {
    view: Option<Anything>,
    name: String,
    text: String,
}

impl Desk {
    fn paper(&self) -> Paper {
        self.0.lock().expect("not poisoned").clone()
    }
}

async fn write(view: TypedSession<Anything>, Extension(desk): Extension<Desk>) {
    let wanted = desk.paper().view.expect("a view");
    view.set_any(wanted.any);
    view.set_big(wanted.big);
    view.set_exact(wanted.exact);
}

async fn check(view: TypedSession<Anything>, Extension(desk): Extension<Desk>) {
    let wanted = desk.paper().view.expect("a view");
    assert_eq!(view.any(), wanted.any);
    assert_eq!(view.big(), wanted.big);
    assert_eq!(view.exact().to_bits(), wanted.exact.to_bits());
    let state = view.state();
    assert_eq!(state.any, wanted.any);
}

/// A JSON text as it is, under any name.
async fn write_text(session: Session, Extension(desk): Extension<Desk>) {
    let Paper { name, text, .. } = desk.paper();
    session.insert(name, RawValue::from_string(text).expect("JSON"));
}

async fn remove(session: Session, Extension(desk): Extension<Desk>) {
    session.remove(desk.paper().name);
}

struct Site {
    runtime: Runtime,
    store: SpyStore,
    browser: Browser,
    desk: Desk,
}

impl Site {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime");
        let (store, desk) = (SpyStore::new(), Desk::default());
        let routes = Router::new()
            .route("/write", get(write))
            .route("/check", get(check))
            .route("/text", get(write_text))
            .route("/remove", get(remove))
            .layer(Extension(desk.clone()));
        let browser = browse(&store, routes);
        runtime.block_on(browser.get("/count/1"));
        store.forget_calls();
        Self {
            runtime,
            store,
            browser,
            desk,
        }
    }

    fn get(&self, path: &str) -> Vec<Call> {
        let answer = self.runtime.block_on(self.browser.get(path));
        assert_eq!(answer.status, StatusCode::OK);
        self.store.calls()
    }

    fn put(&self, view: Anything) {
        self.desk.0.lock().expect("not poisoned").view = Some(view);
        self.get("/write");
        self.get("/check");
        // All of it is unchanged now.
        assert_eq!(self.get("/write"), [Call::Load]);
    }

    fn put_text(&self, name: &str, text: String) -> Vec<Call> {
        let mut paper = self.desk.0.lock().expect("not poisoned");
        name.clone_into(&mut paper.name);
        paper.text = text;
        drop(paper);
        self.get("/text")
    }

    fn stored(&self, name: &str) -> Option<String> {
        let record = self.store.inner.load(self.store.last_id());
        let record = self.runtime.block_on(record).expect("loaded")?;
        record.fields().get(name).map(str::to_owned)
    }
}

fn number() -> impl Strategy<Value = Number> {
    let float = prop_oneof![
        any::<f64>(),
        Just(-0.0),
        Just(1e308),
        Just(f64::MIN_POSITIVE),
        Just(5e-324),
        Just(f64::MAX),
    ];
    prop_oneof![
        any::<u64>().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        Just(Number::from(u64::MAX)),
        Just(Number::from(i64::MIN)),
        float.prop_filter_map("finite", Number::from_f64),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}",
        any::<String>(),
        Just(String::new()),
        Just("\0".to_owned()),
        Just("\u{ffff}\u{10ffff}\u{2028}\"\\/".to_owned()),
        "[.\"'%$:!{}\\[\\]]{1,8}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            collection::vec((text(), inner), 0..6)
                .prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

#[test]
fn any_value_comes_back_equal_and_is_not_sent_again() {
    let site = Site::new();
    let float = any::<f64>().prop_filter("finite", |float| float.is_finite());
    proptest!(cases(192), |(any in value(), big in any::<i128>(), exact in float)| {
        site.put(Anything { any, big, exact });
    });
}

#[test]
fn extreme_values_come_back_equal() {
    let site = Site::new();
    let deep = (0..100).fold(Value::Null, |inner, level| match level % 2 {
        0 => Value::Array(vec![inner]),
        _ => Value::Object(Map::from_iter([(String::new(), inner)])),
    });
    let odd_names = ["", ".", "a.b", "\"", "'", "%", "$a", "\0", "\\", " "];
    let odd_names = odd_names.map(|name| (name.to_owned(), Value::from(name)));
    for any in [
        Value::from(u64::MAX),
        Value::from(i64::MIN),
        Value::from(-0.0),
        Value::from(1e308),
        Value::from(5e-324),
        Value::from("\0"),
        Value::from("x".repeat(60 * 1024)),
        Value::from("ä".repeat(30 * 1024)),
        Value::Object(Map::from_iter(odd_names)),
        deep,
        Value::Null,
    ] {
        for (big, exact) in [(i128::MAX, -0.0), (i128::MIN, 0.0), (0, 1e308), (1, 5e-324)] {
            site.put(Anything {
                any: any.clone(),
                big,
                exact,
            });
        }
    }
}

#[test]
fn any_printable_name_of_a_field_is_as_good_as_any_other() {
    let site = Site::new();
    let name = prop_oneof![
        "[.\"'%$:!{} ]{1,8}",
        "[0-9]{1,3}[:!][a-z]{0,9}",
        "\\PC{1,30}"
    ];
    proptest!(cases(192), |(name in name, text in value().prop_map(|value| value.to_string()))| {
        // Where nothing is stored, null changes nothing.
        prop_assume!(text != "null");
        site.put_text(&name, text.clone());
        prop_assert_eq!(site.stored(&name), Some(text));
        prop_assert_eq!(site.stored("count"), Some("1".to_owned()));
        // So that the number of fields stays within its bound.
        site.get("/remove");
        prop_assert_eq!(site.stored(&name), None);
    });
}

/// The same value written in another way: white space, escapes, and the order of names.
fn restyled(value: &Value, dice: &mut u64) -> String {
    *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let blank = ["", " ", "\n\t"][usize::try_from(*dice >> 33).unwrap_or_default() % 3];
    let escaped = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::String(text) if *dice >> 40 & 1 == 1 => format!("{blank}{}", escaped(text)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| restyled(item, dice)).collect();
            format!("[{blank}{}{blank}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter().rev();
            let fields = fields
                .map(|(name, value)| format!("{blank}{}:{}", escaped(name), restyled(value, dice)));
            format!("{{{}{blank}}}", fields.collect::<Vec<_>>().join(","))
        }
        plain => format!("{blank}{plain}"),
    }
}

#[test]
fn an_equal_value_written_differently_is_not_sent() {
    let site = Site::new();
    proptest!(cases(192), |(value in value(), mut dice in any::<u64>())| {
        site.put_text("any", value.to_string());
        let other = restyled(&value, &mut dice);
        prop_assert_eq!(serde_json::from_str::<Value>(&other).expect("JSON"), value);
        prop_assert_eq!(site.put_text("any", other), [Call::Load]);
    });
}

#[test]
fn a_value_that_differs_is_sent() {
    let site = Site::new();
    proptest!(cases(192), |(value in value(), other in value())| {
        prop_assume!(value != other);
        site.put_text("any", value.to_string());
        prop_assert_eq!(site.put_text("any", other.to_string()), [Call::Load, Call::Commit]);
    });
}
