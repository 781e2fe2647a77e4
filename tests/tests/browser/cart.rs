//! The shop, whose script sends many requests at once.

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use cart::GOODS;
use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use fantoccini::{Client, Locator};
use session_axum::{Key, MemoryStore, SessionStore};
use tokio::sync::watch;

use crate::chromium::{console, cookies, drive, session_cookie, shows};

/// The left button of the mouse.
const LEFT: u64 = 0;

/// What becomes of requests to put something into the basket.
#[derive(Clone, Copy, PartialEq)]
enum Door {
    Open,
    /// They wait until it opens.
    Shut,
    /// They fail.
    Broken,
}

// With threads, so that requests overlap in the server, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_loses_nothing_in_a_browser() {
    let store = MemoryStore::new();
    let door = watch::Sender::new(Door::Open);
    let app = cart::app(Key::generate(), store.clone())
        .layer(from_fn_with_state(door.subscribe(), through));
    drive(app, [None], |[page], address| {
        visit(page, address, store, door)
    })
    .await;
}

async fn through(
    State(mut door): State<watch::Receiver<Door>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() == Method::POST {
        let door = *door.wait_for(|door| *door != Door::Shut).await.unwrap();
        if door == Door::Broken {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    }
    next.run(request).await
}

async fn visit(page: Client, address: String, store: MemoryStore, door: watch::Sender<Door>) {
    page.goto(&address).await.unwrap();
    holds_of_each(&page, 0).await;
    assert!(seen(&page).await.is_empty());
    assert!(cookies(&page).await.is_empty(), "looking starts no session");

    // An impatient newcomer.
    door.send_replace(Door::Shut);
    click_twice(&page, "all").await;
    door.send_replace(Door::Open);
    holds_of_each(&page, 1).await;
    has_seen_all(&page).await;
    let first = session_cookie(&page, "sid").await;

    click(&page, "all").await;
    holds_of_each(&page, 2).await;
    page.refresh().await.unwrap();
    holds_of_each(&page, 2).await;
    has_seen_all(&page).await;
    assert_eq!(session_cookie(&page, "sid").await, first);
    assert_eq!(store.count().await.unwrap(), 1, "all was one session");

    look_at(&page, "lamp").await;
    assert_eq!(seen(&page).await[0], "/goods/lamp");
    has_seen_all(&page).await;

    click(&page, "empty").await;
    holds_of_each(&page, 0).await;
    has_seen_all(&page).await;
    assert_eq!(session_cookie(&page, "sid").await, first);
    assert_eq!(store.count().await.unwrap(), 1);

    // The session ends while its page is open.
    page.delete_all_cookies().await.unwrap();
    click(&page, "all").await;
    holds_of_each(&page, 1).await;
    has_seen_all(&page).await;
    assert_ne!(session_cookie(&page, "sid").await, first);
    assert_eq!(store.count().await.unwrap(), 2, "one more, not many");
    assert_eq!(console(&page).await, [""; 0]);

    door.send_replace(Door::Broken);
    click(&page, "all").await;
    shows(&page, "problem", "POST /basket/bell: 503").await;
    door.send_replace(Door::Open);
    click(&page, "all").await;
    holds_of_each(&page, 2).await;
    shows(&page, "problem", "").await;
    let said = console(&page).await;
    assert!(
        said.iter().all(|line| line.contains("503")),
        "the browser tells of the answer, and nothing is left uncaught: {said:?}"
    );
}

async fn holds_of_each(page: &Client, count: u32) {
    let [.., (last, _)] = GOODS;
    shows(page, last, &count.to_string()).await;
    let cells = texts(page, "td[id]").await;
    assert_eq!(cells, GOODS.map(|_| count.to_string()));
}

/// What is listed as seen, the newest first.
async fn seen(page: &Client) -> Vec<String> {
    texts(page, "#seen li").await
}

async fn has_seen_all(page: &Client) {
    let mut seen = seen(page).await;
    seen.sort_unstable();
    assert_eq!(seen, GOODS.map(|(item, _)| format!("/goods/{item}")));
}

/// The texts of all elements that this selects.
async fn texts(page: &Client, selector: &str) -> Vec<String> {
    let script =
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)";
    let texts = page.execute(script, vec![selector.into()]).await.unwrap();
    serde_json::from_value(texts).unwrap()
}

async fn look_at(page: &Client, item: &str) {
    let link = page.find(Locator::LinkText(item)).await.unwrap();
    link.click().await.unwrap();
    shows(page, "title", item).await;
    click(page, "back").await;
    shows(page, "title", "Shop").await;
}

async fn click(page: &Client, id: &str) {
    let element = page.find(Locator::Id(id)).await.unwrap();
    element.click().await.unwrap();
}

/// As fast as a mouse can, and wherever the second click then goes.
async fn click_twice(page: &Client, id: &str) {
    let element = page.find(Locator::Id(id)).await.unwrap();
    let mut clicks = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
        element,
        duration: None,
        x: 0.0,
        y: 0.0,
    });
    for _ in 0..2 {
        clicks = clicks
            .then(PointerAction::Down { button: LEFT })
            .then(PointerAction::Up { button: LEFT });
    }
    page.perform_actions(clicks).await.unwrap();
}
