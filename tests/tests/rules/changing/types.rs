//! Fields whose type changes.

use axum::{Router, extract::Path, routing::get};
use session_axum::{FieldChange, SessionRejection, TypedSession};
use session_tests::{Log, SpyStore};

use super::{Version, browser, stored};
use crate::common::write_behind;

// Changing a type

mod retyped {
    use serde::{Deserialize, Serialize};

    #[derive(session_axum::SessionData)]
    pub(super) struct Before {
        pub(super) interests: String,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct After {
        pub(super) interests: Vec<String>,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct Strict {
        #[session(strict)]
        pub(super) interests: Vec<String>,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct Required {
        #[session(required)]
        pub(super) interests: Vec<String>,
    }

    /// Reads a text as a list of one.
    #[derive(Debug, Clone, Default, Serialize, Deserialize)]
    #[serde(from = "TextOrList")]
    pub(super) struct Interests(pub(super) Vec<String>);

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrList {
        Text(String),
        List(Vec<String>),
    }

    impl From<TextOrList> for Interests {
        fn from(read: TextOrList) -> Self {
            match read {
                TextOrList::Text(one) => Self(vec![one]),
                TextOrList::List(all) => Self(all),
            }
        }
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct Both {
        pub(super) interests: Interests,
    }
}

fn with_text(store: &SpyStore) -> Version {
    Version::new(
        store,
        Router::new()
            .route(
                "/",
                get(async |view: TypedSession<retyped::Before>| view.interests()),
            )
            .route(
                "/set",
                get(async |view: TypedSession<retyped::Before>| {
                    view.set_interests("rust".to_owned());
                }),
            ),
    )
}

#[tokio::test]
async fn a_field_of_another_type_reads_as_its_default_and_stays_for_the_version_that_reads_it() {
    let store = SpyStore::new();
    let before = with_text(&store);
    let after = Version::new(
        &store,
        Router::new()
            .route(
                "/",
                get(async |view: TypedSession<retyped::After>| format!("{:?}", view.interests())),
            )
            .route(
                "/set",
                get(async |view: TypedSession<retyped::After>| {
                    view.set_interests(vec!["tea".to_owned()]);
                }),
            ),
    );
    let browser = browser();
    before.get(&browser, "/set").await;
    let log = Log::start();
    assert_eq!(after.get(&browser, "/").await, "[]");
    assert!(log.lines().contains("does not decode"), "it is traced");
    assert_eq!(before.get(&browser, "/").await, "rust");
    after.get(&browser, "/set").await;
    assert_eq!(after.get(&browser, "/").await, "[\"tea\"]");
    // Now it is the old version that reads its default, and that keeps what it can't read.
    assert_eq!(before.get(&browser, "/").await, "");
    assert_eq!(stored(&store).await, "interests=[\"tea\"]");
}

#[tokio::test]
async fn a_strict_field_of_another_type_is_a_500_and_a_required_one_is_no_view() {
    let store = SpyStore::new();
    let before = with_text(&store);
    let after = Version::new(
        &store,
        Router::new()
            .route(
                "/strict",
                get(async |view: TypedSession<retyped::Strict>| format!("{:?}", view.interests())),
            )
            .route(
                "/required",
                get(async |view: TypedSession<retyped::Required>| {
                    format!("{:?}", view.interests())
                }),
            )
            .route(
                "/optional",
                get(async |view: Option<TypedSession<retyped::Required>>| {
                    view.is_some().to_string()
                }),
            )
            .route(
                "/why",
                get(
                    async |view: Result<TypedSession<retyped::Strict>, SessionRejection>| match view
                    {
                        Ok(_) => "fine".to_owned(),
                        Err(why) => why.to_string(),
                    },
                ),
            ),
    );
    let browser = browser();
    before.get(&browser, "/set").await;
    assert_eq!(after.get(&browser, "/strict").await, "500");
    assert_eq!(after.get(&browser, "/required").await, "401");
    assert_eq!(after.get(&browser, "/optional").await, "false");
    assert!(after.get(&browser, "/why").await.contains("interests"));
    assert_eq!(before.get(&browser, "/").await, "rust");
    // A session without the field has no strict view to complain of.
    write_behind(&store, FieldChange::removed("interests")).await;
    assert_eq!(after.get(&browser, "/strict").await, "[]");
    assert_eq!(after.get(&browser, "/required").await, "401");
}

#[tokio::test]
async fn a_type_that_reads_both_spellings_loses_nothing() {
    let store = SpyStore::new();
    let before = with_text(&store);
    let after = Version::new(
        &store,
        Router::new()
            .route(
                "/",
                get(async |view: TypedSession<retyped::Both>| view.interests().0.join(",")),
            )
            .route(
                "/add",
                get(async |view: TypedSession<retyped::Both>| {
                    let add = |view: &mut retyped::Both| view.interests.0.push("tea".to_owned());
                    view.update(add).await
                }),
            ),
    );
    let browser = browser();
    before.get(&browser, "/set").await;
    assert_eq!(after.get(&browser, "/").await, "rust");
    assert_eq!(stored(&store).await, "interests=\"rust\"");
    after.get(&browser, "/add").await;
    assert_eq!(after.get(&browser, "/").await, "rust,tea");
    assert_eq!(stored(&store).await, "interests=[\"rust\",\"tea\"]");
}

// Inside a field

mod nested {
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Default, Serialize, Deserialize)]
    pub(super) struct Old {
        pub(super) street: String,
    }

    #[derive(Clone, Default, Serialize, Deserialize)]
    pub(super) struct New {
        pub(super) street: String,
        #[serde(default)]
        pub(super) city: String,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct Before {
        pub(super) address: Old,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct After {
        pub(super) address: New,
    }
}

#[tokio::test]
async fn what_is_inside_a_field_is_written_whole_and_so_not_kept() {
    let store = SpyStore::new();
    let before = Version::new(
        &store,
        Router::new().route(
            "/move/{street}",
            get(
                async |view: TypedSession<nested::Before>, Path(street): Path<String>| {
                    view.set_address(nested::Old { street });
                },
            ),
        ),
    );
    let after = Version::new(
        &store,
        Router::new().route(
            "/city/{city}",
            get(
                async |view: TypedSession<nested::After>, Path(city): Path<String>| {
                    view.update(|view| view.address.city = city.clone()).await
                },
            ),
        ),
    );
    let browser = browser();
    before.get(&browser, "/move/High%20Street").await;
    after.get(&browser, "/city/Ulm").await;
    let both = "address={\"street\":\"High Street\",\"city\":\"Ulm\"}";
    assert_eq!(stored(&store).await, both);
    before.get(&browser, "/move/Elm").await;
    assert_eq!(stored(&store).await, "address={\"street\":\"Elm\"}");
}
