//! The log-in, on two devices at once.

use std::time::Duration;

use fantoccini::{Client, Locator};
use login::DEMO_ACCOUNTS;
use session_axum::{Key, ManualClock, MemoryStore};

use crate::chromium::{cookies, drive, press, session_cookie, shows};

const LAPTOP: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const PHONE: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/140.0.0.0 Mobile Safari/537.36";

const NEW_PASSWORD: &str = "correct horse battery";

#[tokio::test]
async fn the_log_in_works_on_two_devices() {
    let clock = ManualClock::new();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let app = login::app(Key::generate(), store);
    drive(app, [Some(LAPTOP), Some(PHONE)], |pages, address| {
        let [laptop, phone] = pages.map(|page| Device {
            page,
            address: address.clone(),
        });
        visit(laptop, phone, clock)
    })
    .await;
}

async fn visit(laptop: Device, phone: Device, clock: ManualClock) {
    let (_, password) = DEMO_ACCOUNTS[0];
    log_in_with_a_note(&laptop, password).await;

    phone.log_in(password).await;
    laptop.page.refresh().await.unwrap();
    log_out_the_other(&laptop, &phone).await;

    phone.log_in(password).await;
    laptop.page.refresh().await.unwrap();
    press(&laptop.page, "/devices/log-out-others").await;
    laptop.notices("One other device is logged out.").await;
    assert_eq!(laptop.list().await, ["Firefox on Linux"]);
    phone.is_out_at_its_next_click().await;

    phone.log_in(password).await;
    clock.advance(Duration::from_mins(6));
    change_password(&laptop, password).await;
    phone.is_out_at_its_next_click().await;
    phone
        .type_and_send("/log-in", &[("name", "ada"), ("password", password)])
        .await;
    phone
        .alerts("That is not a name and password that we know.")
        .await;
    phone.log_in(NEW_PASSWORD).await;

    refuse_a_form_of_another_site(&laptop).await;
    log_out(&laptop).await;
}

async fn log_in_with_a_note(laptop: &Device, password: &str) {
    laptop.page.goto(&laptop.address).await.unwrap();
    laptop.is_headed("Log in").await;
    assert!(
        cookies(&laptop.page).await.is_empty(),
        "looking starts no session"
    );
    laptop
        .type_and_send("/note", &[("note", "Buy <b>milk</b>")])
        .await;
    laptop.notices("Your note is saved.").await;
    laptop.is_headed("Log in").await;
    let before = session_cookie(&laptop.page, "login_sid").await;

    laptop
        .type_and_send("/log-in", &[("name", "ada"), ("password", "guess")])
        .await;
    laptop
        .alerts("That is not a name and password that we know.")
        .await;
    assert_eq!(session_cookie(&laptop.page, "login_sid").await, before);
    // The name is still there.
    laptop
        .type_and_send("/log-in", &[("password", password)])
        .await;
    shows(&laptop.page, "user", "ada").await;
    shows(&laptop.page, "note", "Buy <b>milk</b>").await;
    assert_ne!(session_cookie(&laptop.page, "login_sid").await, before);
}

async fn log_out_the_other(laptop: &Device, phone: &Device) {
    let mut list = laptop.list().await;
    list.sort();
    assert_eq!(list, ["Chrome on Android", "Firefox on Linux"]);
    press(&laptop.page, "/devices/log-out").await;
    laptop.notices("That device is logged out.").await;
    assert_eq!(laptop.list().await, ["Firefox on Linux"]);
    phone.is_out_at_its_next_click().await;
}

async fn change_password(laptop: &Device, password: &str) {
    laptop.follow("change-password").await;
    laptop.is_headed("Confirm your password").await;
    laptop
        .type_and_send("/confirm", &[("password", "guess")])
        .await;
    laptop.alerts("That is not your password.").await;
    laptop
        .type_and_send("/confirm", &[("password", password)])
        .await;
    laptop.is_headed("Change your password").await;
    laptop
        .type_and_send("/password", &[("password", NEW_PASSWORD)])
        .await;
    laptop
        .notices("Your password is changed, and all other devices are logged out.")
        .await;
    shows(&laptop.page, "note", "Buy <b>milk</b>").await;
}

/// The browser says itself where a form comes from.
async fn refuse_a_form_of_another_site(laptop: &Device) {
    let form = format!(
        "data:text/html,<form method=post action={}log-out><button>Win!</button></form>",
        laptop.address
    );
    laptop.page.goto(&form).await.unwrap();
    let button = laptop.page.find(Locator::Css("button")).await.unwrap();
    button.click().await.unwrap();
    laptop.is_headed("That did not come from here").await;
    laptop.follow("home").await;
    shows(&laptop.page, "user", "ada").await;
}

async fn log_out(laptop: &Device) {
    press(&laptop.page, "/log-out").await;
    laptop.is_headed("Log in").await;
    assert!(
        cookies(&laptop.page).await.is_empty(),
        "the cookie went with the session"
    );
    laptop.page.back().await.unwrap();
    laptop.is_headed("Log in").await;
}

/// One browser, and the site that it looks at.
struct Device {
    page: Client,
    address: String,
}

impl Device {
    async fn log_in(&self, password: &str) {
        self.page.goto(&self.address).await.unwrap();
        self.is_headed("Log in").await;
        self.type_and_send("/log-in", &[("name", "ada"), ("password", password)])
            .await;
        shows(&self.page, "user", "ada").await;
    }

    /// It still shows the page of its account, until somebody clicks.
    async fn is_out_at_its_next_click(&self) {
        shows(&self.page, "user", "ada").await;
        self.follow("change-password").await;
        self.is_headed("Log in").await;
    }

    /// Types into the fields with these ids, in place of what is there, and sends the form to `path`.
    async fn type_and_send(&self, path: &str, fields: &[(&str, &str)]) {
        for (id, text) in fields {
            let field = self.page.find(Locator::Id(id)).await.unwrap();
            field.clear().await.unwrap();
            field.send_keys(text).await.unwrap();
        }
        press(&self.page, path).await;
    }

    async fn follow(&self, id: &str) {
        let link = self.page.find(Locator::Id(id)).await.unwrap();
        link.click().await.unwrap();
    }

    async fn is_headed(&self, title: &str) {
        shows(&self.page, "title", title).await;
    }

    async fn notices(&self, text: &str) {
        shows(&self.page, "notice", text).await;
    }

    async fn alerts(&self, text: &str) {
        shows(&self.page, "alert", text).await;
    }

    /// What the list of devices shows.
    async fn list(&self) -> Vec<String> {
        let mut names = Vec::new();
        for name in self.page.find_all(Locator::Css("li .name")).await.unwrap() {
            names.push(name.text().await.unwrap());
        }
        names
    }
}
