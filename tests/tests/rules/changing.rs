//! R21 and the guide's page on changing a view: two versions of a program side by side on one store, as during a
//! deployment, and a browser that comes now to the one and now to the other.

use axum::{Router, extract::Path, http::StatusCode, routing::get};
use serde::{Deserialize, Serialize};
use session_axum::{FieldChange, Session, SessionData, SessionRejection, TypedSession};
use session_tests::{Browser, Log, SpyStore};

use crate::common::{fields, layer, write_behind};

/// The instances of one version, which all other instances share the store and the key with.
struct Version {
    store: SpyStore,
    routes: Router,
}

impl Version {
    fn new(store: &SpyStore, routes: Router) -> Self {
        let store = store.clone();
        Self { store, routes }
    }

    /// The balancer sends this request of the browser to this version.
    async fn get(&self, browser: &Browser, path: &str) -> String {
        let here = Browser::new(self.routes.clone().layer(layer(&self.store)));
        let cookie = browser.cookie("sid");
        here.set_cookie("sid", cookie.as_deref().unwrap_or_default());
        let answer = here.get(path).await;
        let cookie = here.cookie("sid");
        browser.set_cookie("sid", cookie.as_deref().unwrap_or_default());
        match answer.status {
            StatusCode::OK => answer.body,
            other => other.as_u16().to_string(),
        }
    }
}

fn browser() -> Browser {
    Browser::new(Router::new())
}

/// What is stored, in one line.
async fn stored(store: &SpyStore) -> String {
    fields(store).await.join(" ")
}

// Adding and removing

mod added {
    #[derive(session_axum::SessionData)]
    pub(super) struct Before {
        pub(super) visits: u64,
        pub(super) coupon: Option<String>,
    }

    #[derive(session_axum::SessionData)]
    pub(super) struct After {
        pub(super) visits: u64,
        #[session(default = "en".to_owned())]
        pub(super) lang: String,
    }
}

#[tokio::test]
async fn a_field_that_is_new_and_one_that_is_gone_live_beside_the_version_that_has_it() {
    let store = SpyStore::new();
    let before = Version::new(
        &store,
        Router::new().route(
            "/",
            get(async |view: TypedSession<added::Before>| {
                let state = view.state();
                let coupon = state.coupon.unwrap_or_else(|| "ten".to_owned());
                view.set_state(added::Before {
                    visits: state.visits + 1,
                    coupon: Some(coupon.clone()),
                });
                format!("{} {coupon}", state.visits)
            }),
        ),
    );
    let after = Version::new(
        &store,
        Router::new().route(
            "/",
            get(async |view: TypedSession<added::After>| {
                let state = view.state();
                let lang = if state.visits > 2 { "de" } else { &state.lang }.to_owned();
                view.set_state(added::After {
                    visits: state.visits + 1,
                    lang,
                });
                format!("{} {}", state.visits, state.lang)
            }),
        ),
    );
    let browser = browser();
    assert_eq!(before.get(&browser, "/").await, "0 ten");
    // The new field reads as its default, and the old one is kept although this version does not know it.
    assert_eq!(after.get(&browser, "/").await, "1 en");
    assert_eq!(before.get(&browser, "/").await, "2 ten");
    assert_eq!(after.get(&browser, "/").await, "3 en");
    assert_eq!(before.get(&browser, "/").await, "4 ten");
    assert_eq!(after.get(&browser, "/").await, "5 de");
    assert_eq!(stored(&store).await, "coupon=\"ten\" lang=\"de\" visits=6");
}

// Renaming

mod renamed {
    #[derive(session_axum::SessionData)]
    pub(super) struct Before {
        pub(super) theme: Option<String>,
    }

    /// Writes the old name, and reads both.
    #[derive(session_axum::SessionData)]
    pub(super) struct FirstStep {
        #[session(alias = "look")]
        pub(super) theme: Option<String>,
    }

    /// Writes the new name, and reads both.
    #[derive(session_axum::SessionData)]
    pub(super) struct SecondStep {
        #[session(alias = "theme")]
        pub(super) look: Option<String>,
    }
}

/// A version that shows the look, and changes it.
macro_rules! looks {
    ($store:expr, $view:ty, $read:ident, $write:ident) => {
        Version::new(
            $store,
            Router::new()
                .route(
                    "/",
                    get(async |view: TypedSession<$view>| {
                        view.$read().unwrap_or_else(|| "none".to_owned())
                    }),
                )
                .route(
                    "/set/{look}",
                    get(
                        async |view: TypedSession<$view>, Path(look): Path<String>| {
                            view.$write(Some(look));
                        },
                    ),
                ),
        )
    };
}

#[tokio::test]
async fn a_rename_in_two_steps_loses_nothing_whichever_versions_run_side_by_side() {
    let store = SpyStore::new();
    let before = looks!(&store, renamed::Before, theme, set_theme);
    let first = looks!(&store, renamed::FirstStep, theme, set_theme);
    let second = looks!(&store, renamed::SecondStep, look, set_look);
    for (old, new) in [(&before, &first), (&first, &second)] {
        let browser = browser();
        for (writer, look) in [(old, "1"), (new, "2"), (old, "3"), (new, "4"), (new, "5")] {
            writer.get(&browser, &format!("/set/{look}")).await;
            assert_eq!(old.get(&browser, "/").await, look);
            assert_eq!(new.get(&browser, "/").await, look);
        }
    }
    assert_eq!(stored(&store).await, "look=\"5\"");
}

#[tokio::test]
async fn a_rename_in_one_step_hides_what_the_new_version_wrote_from_the_old_one() {
    let store = SpyStore::new();
    let before = looks!(&store, renamed::Before, theme, set_theme);
    let after = looks!(&store, renamed::SecondStep, look, set_look);
    let browser = browser();
    before.get(&browser, "/set/dark").await;
    assert_eq!(after.get(&browser, "/").await, "dark");
    after.get(&browser, "/set/light").await;
    assert_eq!(before.get(&browser, "/").await, "none");
    // And what the old one writes then, the new one does not see.
    before.get(&browser, "/set/grey").await;
    assert_eq!(after.get(&browser, "/").await, "light");
}

#[tokio::test]
async fn a_renamed_struct_field_may_keep_its_stored_name() {
    #[derive(SessionData)]
    struct After {
        #[session(rename = "theme")]
        look: Option<String>,
    }
    let store = SpyStore::new();
    let before = looks!(&store, renamed::Before, theme, set_theme);
    let after = looks!(&store, After, look, set_look);
    let browser = browser();
    before.get(&browser, "/set/dark").await;
    assert_eq!(after.get(&browser, "/").await, "dark");
    after.get(&browser, "/set/light").await;
    assert_eq!(before.get(&browser, "/").await, "light");
}

// Changing a type

mod retyped {
    use super::{Deserialize, Serialize};

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
    use super::{Deserialize, Serialize};

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

// The whole of it

#[tokio::test]
async fn a_log_in_of_one_version_is_one_for_the_other_and_so_is_its_log_out() {
    #[derive(SessionData)]
    struct Account {
        #[session(owner, required)]
        user: u64,
    }
    #[derive(SessionData)]
    struct Member {
        #[session(owner, required)]
        member: String,
    }
    let store = SpyStore::new();
    let before = Version::new(
        &store,
        Router::new()
            .route(
                "/in",
                get(async |session: Session| session.set_state(Account { user: 7 })),
            )
            .route(
                "/",
                get(async |account: TypedSession<Account>| account.user().to_string()),
            ),
    );
    let after = Version::new(
        &store,
        Router::new()
            .route(
                "/",
                get(async |member: TypedSession<Member>| member.member()),
            )
            .route("/out", get(async |session: Session| session.destroy())),
    );
    let browser = browser();
    before.get(&browser, "/in").await;
    assert_eq!(before.get(&browser, "/").await, "7");
    // The owner has a place of its own, whatever the field is called, and is kept as text.
    assert_eq!(after.get(&browser, "/").await, "7");
    after.get(&browser, "/out").await;
    assert_eq!(before.get(&browser, "/").await, "401");
}
