//! Fields that are new, gone or renamed.

use axum::{Router, extract::Path, routing::get};
use session_axum::{SessionData, TypedSession};
use session_tests::SpyStore;

use super::{Version, browser, stored};

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
