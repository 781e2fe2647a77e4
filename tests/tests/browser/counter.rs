//! The counter, on one device.

use fantoccini::{Client, Locator};
use session_axum::Key;

use crate::chromium::{console, cookies, drive, press, session_cookie, shows};

#[tokio::test]
async fn the_counter_works_in_a_browser() {
    let app = counter::app(Key::generate());
    drive(app, [None], |[page], address| visit(page, address)).await;
}

async fn visit(page: Client, address: String) {
    page.goto(&address).await.unwrap();
    shows(&page, "count", "0").await;
    assert!(cookies(&page).await.is_empty(), "looking starts no session");

    press(&page, "/increment").await;
    shows(&page, "count", "1").await;
    press(&page, "/increment").await;
    shows(&page, "count", "2").await;
    let first = session_cookie(&page, "sid").await;

    let name = page.find(Locator::Id("name")).await.unwrap();
    name.send_keys("Ada <b>").await.unwrap();
    press(&page, "/name").await;
    shows(&page, "greeting", "Ada <b>").await;
    shows(&page, "notice", "Your name is saved, Ada <b>.").await;
    shows(&page, "count", "2").await;

    page.refresh().await.unwrap();
    shows(&page, "greeting", "Ada <b>").await;
    shows(&page, "count", "2").await;
    shows_no_notice(&page).await;

    press(&page, "/clear").await;
    shows(&page, "notice", "A fresh start.").await;
    shows(&page, "count", "0").await;
    shows(&page, "greeting", "stranger").await;
    assert_eq!(
        session_cookie(&page, "sid").await,
        first,
        "it is still the same session"
    );

    press(&page, "/increment").await;
    shows(&page, "count", "1").await;
    press(&page, "/end").await;
    shows(&page, "count", "0").await;
    shows_no_notice(&page).await;
    assert!(
        cookies(&page).await.is_empty(),
        "the cookie went with the session"
    );

    press(&page, "/increment").await;
    shows(&page, "count", "1").await;
    assert_ne!(
        session_cookie(&page, "sid").await,
        first,
        "it is a new session"
    );
    assert_eq!(console(&page).await, [""; 0]);
}

async fn shows_no_notice(page: &Client) {
    assert!(
        page.find_all(Locator::Id("notice"))
            .await
            .unwrap()
            .is_empty()
    );
}
