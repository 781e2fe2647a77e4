//! R12 where several views of one session meet at a change of owner.

use axum::{Router, extract::Path, routing::get};
use session_axum::{Session, SessionData, TypedSession};
use session_tests::{Browser, Call, SpyStore};

use crate::common::{layer, with};

#[derive(SessionData)]
struct Account {
    #[session(owner, required)]
    user: u64,
}

#[derive(SessionData)]
struct Device {
    name: String,
    uses: u64,
}

fn device() -> Device {
    Device {
        name: "laptop".to_owned(),
        uses: 7,
    }
}

fn app(store: &SpyStore) -> Browser {
    let routes = Router::new()
        .route(
            "/in/{user}",
            get(async |session: Session, Path(user): Path<u64>| {
                session.set_state(Account { user });
                session.set_state(device());
            }),
        )
        .route(
            "/in_later/{user}",
            get(async |session: Session, Path(user): Path<u64>| {
                session.set_state(device());
                session.set_state(Account { user });
            }),
        )
        .route(
            "/peek/{user}",
            get(
                async |session: Session, device: TypedSession<Device>, Path(user): Path<u64>| {
                    session.set_state(Account { user });
                    format!("{:?} {}", device.name(), device.uses())
                },
            ),
        )
        .route(
            "/again",
            get(async |device: TypedSession<Device>| device.set_state(device.state())),
        )
        .route(
            "/device",
            get(async |device: TypedSession<Device>| {
                format!("{} {}", device.name(), device.uses())
            }),
        );
    with(layer(store), routes)
}

#[tokio::test]
async fn every_view_that_is_set_with_a_change_of_owner_survives_it_in_any_order() {
    for way in ["in", "in_later"] {
        let browser = app(&SpyStore::new());
        browser.get("/in/1").await;
        browser.get(&format!("/{way}/2")).await;
        assert_eq!(browser.get("/device").await.body, "laptop 7", "{way}");
    }
}

#[tokio::test]
async fn the_next_owner_sees_nothing_of_the_former_one_before_the_commit_either() {
    let browser = app(&SpyStore::new());
    browser.get("/in/1").await;
    assert_eq!(browser.get("/peek/1").await.body, "\"laptop\" 7");
    assert_eq!(browser.get("/peek/2").await.body, "\"\" 0");
    assert_eq!(browser.get("/device").await.body, " 0");
}

#[tokio::test]
async fn a_view_that_is_set_as_it_is_sends_nothing() {
    let store = SpyStore::new();
    let browser = app(&store);
    browser.get("/in/1").await;
    let _ = store.calls();
    browser.get("/again").await;
    assert_eq!(store.calls(), [Call::Load]);
}
