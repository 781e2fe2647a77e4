//! Every mutator, used alone, is persisted: the cases are made of the view's list of fields.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use session_axum::{RecordParts, Session, SessionData, SessionError, TypedSession};
use session_tests::{Browser, SpyStore};

use crate::common::{HOUR, browse, record, stored};

type View = TypedSession<Everything>;

/// One accessor used alone, the stored field, and what it holds then, as JSON text.
struct Case {
    used: &'static str,
    field: &'static str,
    apply: fn(&View),
    after: Option<String>,
}

/// A view of these fields, of each field's first value, and a case for each of its mutators. A flash field's getter
/// is a mutator, too.
macro_rules! everything {
    ($($(#[$attribute:meta])* $field:ident: $type:ty = $first:expr => $second:expr,
        $set:ident $(, remove $remove:ident)? $(, take $take:ident)*;)*) => {
        #[derive(SessionData)]
        #[session(prefix = "all.")]
        struct Everything {
            $($(#[$attribute])* $field: $type,)*
        }

        fn first() -> Everything {
            Everything { $($field: $first,)* }
        }

        fn second() -> Everything {
            Everything { $($field: $second,)* }
        }

        fn cases() -> Vec<Case> {
            let mut cases = Vec::new();
            $(
                cases.push(Case {
                    used: stringify!($set),
                    field: concat!("all.", stringify!($field)),
                    apply: |view| view.$set($second),
                    after: Some(json(&$second)),
                });
                $(cases.push(Case {
                    used: stringify!($remove),
                    field: concat!("all.", stringify!($field)),
                    apply: |view| view.$remove(),
                    after: None,
                });)?
                $(cases.push(Case {
                    used: stringify!($take),
                    field: concat!("all.", stringify!($field)),
                    apply: |view| assert_eq!(json(&view.$take()), json(&$first)),
                    after: None,
                });)*
            )*
            cases
        }

        const FIELDS: &[&str] = &[$(concat!("all.", stringify!($field)),)*];
    };
}

everything! {
    number: u64 = 1 => 2, set_number, remove remove_number;
    text: String = "one".to_owned() => "two".to_owned(), set_text, remove remove_text;
    list: Vec<u8> = vec![1] => vec![1, 2], set_list, remove remove_list;
    option: Option<u8> = Some(1) => Some(2), set_option, remove remove_option, take take_option;
    #[session(default = Some(5))]
    preset: Option<u8> = Some(1) => None::<u8>, set_preset, remove remove_preset, take take_preset;
    #[session(default = 9)]
    size: u64 = 1 => 9, set_size, remove remove_size;
    #[session(alias = "older")]
    aliased: u64 = 1 => 2, set_aliased, remove remove_aliased;
    #[session(strict)]
    exact: bool = true => false, set_exact, remove remove_exact;
    #[session(keep)]
    kept: u64 = 1 => 2, set_kept, remove remove_kept;
    #[session(flash)]
    notice: Option<u8> = Some(1) => Some(2), set_notice, remove remove_notice, take take_notice, take notice;
    #[session(required)]
    needed: u64 = 1 => 2, set_needed;
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a value")
}

/// A browser whose session holds the first values.
async fn begun(store: &SpyStore, routes: Router) -> Browser {
    let begin = async |session: Session| session.set_state(first());
    let browser = browse(store, routes.route("/begin", get(begin)));
    browser.get("/begin").await;
    let stored = record(store).await.expect("lives");
    assert_eq!(stored.fields().len(), FIELDS.len());
    browser
}

#[tokio::test]
async fn every_accessor_that_writes_is_persisted_when_used_alone() {
    let total = cases().len();
    assert!(total > 2 * FIELDS.len());
    let handler = async |view: View, Path(at): Path<usize>| (cases()[at].apply)(&view);
    for (at, case) in cases().into_iter().enumerate() {
        let store = SpyStore::new();
        let browser = begun(&store, Router::new().route("/use/{at}", get(handler))).await;
        let answer = browser.get(&format!("/use/{at}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", case.used);
        assert_eq!(
            stored(&store, case.field).await,
            case.after,
            "{}",
            case.used
        );
        let patches = store.patches();
        assert!(
            patches.len() == 1 && patches[0].fields.len() == 1,
            "{} sent {patches:?}",
            case.used
        );
    }
}

#[tokio::test]
async fn every_setter_alone_starts_a_session() {
    // Without the required field there is no view, so this one has none.
    #[derive(SessionData)]
    struct Free {
        number: u64,
        option: Option<u8>,
        #[session(flash)]
        notice: Option<u8>,
    }
    let handler = async |view: TypedSession<Free>, Path(how): Path<String>| match how.as_str() {
        "number" => view.set_number(0),
        "option" => view.set_option(Some(0)),
        "notice" => view.set_notice(Some(0)),
        "state" => view.set_state(Free {
            number: 1,
            option: None,
            notice: None,
        }),
        _ => unreachable!(),
    };
    for how in ["number", "option", "notice", "state"] {
        let store = SpyStore::new();
        let browser = browse(&store, Router::new().route("/{how}", get(handler)));
        assert_eq!(
            browser.get(&format!("/{how}")).await.set_cookies().len(),
            1,
            "{how}"
        );
        assert_eq!(
            record(&store).await.expect("lives").fields().len(),
            1,
            "{how}"
        );
    }
}

async fn whole(view: View, Path(how): Path<String>) -> Result<(), SessionError> {
    let session = view.session();
    match how.as_str() {
        "set_state" => view.set_state(second()),
        "set_state_untyped" => session.set_state(second()),
        "clear" => view.clear(),
        "clear_untyped" => session.clear(),
        "update" => view.update(|view| *view = second()).await?,
        "try_update" => {
            view.try_update(|view| {
                *view = second();
                Ok::<_, SessionError>(())
            })
            .await?;
        }
        "insert" => session.insert("more", 1),
        "remove" => session.remove("all.number"),
        "rotate" => session.rotate(),
        "set_owner" => session.set_owner("ada"),
        "remember" => session.remember(HOUR * 1_000),
        "destroy" => session.destroy(),
        _ => unreachable!(),
    }
    Ok(())
}

/// What must hold of the record before and after.
type Check = fn(&RecordParts, &RecordParts) -> bool;

#[tokio::test]
async fn every_method_of_the_whole_that_writes_is_persisted_when_used_alone() {
    let seconds: Check = |_, after| {
        let number = after.fields.get("all.number") == Some("2");
        number
            && after.fields.get("all.preset") == Some("null")
            && after.fields.len() == FIELDS.len()
    };
    let cases: [(&str, Check); 11] = [
        ("set_state", seconds),
        ("set_state_untyped", seconds),
        ("update", seconds),
        ("try_update", seconds),
        ("clear", |_, after| after.fields.is_empty()),
        ("clear_untyped", |_, after| after.fields.is_empty()),
        ("insert", |_, after| after.fields.get("more") == Some("1")),
        ("remove", |_, after| {
            after.fields.get("all.number").is_none()
        }),
        ("rotate", |before, after| {
            after.generation == before.generation + 1
        }),
        ("set_owner", |_, after| {
            after.owner.as_deref() == Some("ada")
        }),
        ("remember", |before, after| {
            after.remembered == Some(HOUR * 1_000) && after.expires_at > before.expires_at
        }),
    ];
    for (how, holds) in cases {
        let store = SpyStore::new();
        let browser = begun(&store, Router::new().route("/whole/{how}", get(whole))).await;
        let before = record(&store).await.expect("lives").parts();
        assert_eq!(
            browser.get(&format!("/whole/{how}")).await.status,
            StatusCode::OK,
            "{how}"
        );
        let after = record(&store).await.expect("lives").parts();
        assert!(
            holds(&before, &after),
            "{how}: {} fields",
            after.fields.len()
        );
    }
    let store = SpyStore::new();
    let browser = begun(&store, Router::new().route("/whole/{how}", get(whole))).await;
    browser.get("/whole/destroy").await;
    assert!(record(&store).await.is_none());
}
