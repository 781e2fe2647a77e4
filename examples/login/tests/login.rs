//! The log-in without a server: requests go straight into the router, by a client for each device.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, SET_COOKIE, USER_AGENT,
};
use axum::http::{Method, StatusCode};
use session_axum::test_util::{ManualClock, TestClient, TestRequest, TestResponse};
use session_axum::{Key, MemoryStore};

const ADA: &str = "name=ada&password=notes+on+the+engine";
const GRACE: &str = "name=grace&password=a+nanosecond+of+wire";

/// The devices of these tests, by their user agents, and what the list calls them.
const LAPTOP: (&str, &str) = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Firefox on Linux",
);
const PHONE: (&str, &str) = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Safari on iPhone",
);
const DESKTOP: (&str, &str) = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
    "Edge on Windows",
);

/// One server, and a clock to move.
struct Site {
    app: Router,
    clock: ManualClock,
}

impl Site {
    fn new() -> Self {
        let clock = ManualClock::new();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self {
            app: login::app(Key::generate(), store),
            clock,
        }
    }

    fn device(&self, (agent, _): (&'static str, &str)) -> Device {
        Device {
            client: TestClient::new(self.app.clone()),
            agent,
        }
    }

    /// A device on which somebody is logged in.
    async fn logged_in(&self, device: (&'static str, &str), who: &str) -> Device {
        let device = self.device(device);
        device.submit("/log-in", who).await.leads_to("/");
        device
    }
}

/// A browser that says what it is.
struct Device {
    client: TestClient,
    agent: &'static str,
}

impl Device {
    fn request(&self, method: Method, path: &str) -> TestRequest {
        let request = self.client.request(method, path);
        request.header(USER_AGENT, self.agent)
    }

    async fn get(&self, path: &str) -> TestResponse {
        self.request(Method::GET, path).await
    }

    async fn submit(&self, path: &str, form: &str) -> TestResponse {
        let request = self.request(Method::POST, path).form(form);
        request.header("sec-fetch-site", "same-origin").await
    }

    fn cookie(&self) -> Option<String> {
        self.client.cookie("login_sid")
    }

    /// Another one, with what somebody stole from here just now.
    fn copy(&self) -> Self {
        Self {
            client: self.client.copy(),
            agent: self.agent,
        }
    }

    /// The page that somebody sees who is logged in.
    async fn home(&self) -> String {
        let answer = self.get("/").await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.headers);
        answer.body
    }

    async fn is_logged_out(&self) {
        self.get("/").await.leads_to("/log-in");
        let page = self.get("/log-in").await;
        assert!(page.body.contains("<h1 id=\"title\">Log in</h1>"));
    }

    /// What the list offers to log out, as `(ref, name)`.
    async fn others(&self) -> Vec<(String, String)> {
        let page = self.home().await;
        let refs = between(&page, r#"name="device" value=""#, "\"");
        let names = between(&page, "Log out there: ", "\"");
        assert_eq!(refs.len(), names.len());
        refs.into_iter().zip(names).collect()
    }
}

/// What the pages of this site answer.
trait Page {
    fn leads_to(&self, path: &str);
    fn is_refused_with(&self, text: &str);
}

impl Page for TestResponse {
    #[track_caller]
    fn leads_to(&self, path: &str) {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        assert_eq!(self.headers[LOCATION], path);
    }

    #[track_caller]
    fn is_refused_with(&self, text: &str) {
        assert_eq!(self.status, StatusCode::UNPROCESSABLE_ENTITY);
        let alert = between(&self.body, r#"id="alert" role="alert">"#, "<");
        assert_eq!(alert, [text]);
    }
}

fn between(page: &str, before: &str, after: &str) -> Vec<String> {
    let rest = page.split(before).skip(1);
    rest.map(|rest| rest.split(after).next().unwrap().to_owned())
        .collect()
}

#[track_caller]
fn says(page: &str, notice: &str) {
    assert_eq!(
        between(page, r#"id="notice" role="status">"#, "<"),
        [notice]
    );
}

#[tokio::test]
async fn looking_at_the_forms_starts_no_session() {
    let device = Site::new().device(LAPTOP);
    for path in ["/log-in", "/sign-up", "/page.css"] {
        let answer = device.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.assert_no_set_cookie();
    }
}

#[tokio::test]
async fn strangers_are_led_to_the_log_in() {
    let device = Site::new().device(LAPTOP);
    for path in ["/", "/password", "/confirm"] {
        device.get(path).await.leads_to("/log-in");
    }
    for path in [
        "/devices/log-out",
        "/devices/log-out-others",
        "/password",
        "/confirm",
    ] {
        let form = "device=&password=whatever+it+may+be";
        device.submit(path, form).await.leads_to("/log-in");
    }
    assert_eq!(device.cookie(), None);
}

#[tokio::test]
async fn the_log_in_gives_a_new_cookie_and_the_one_before_opens_nothing() {
    let site = Site::new();
    let device = site.device(LAPTOP);
    device.submit("/note", "note=buy+milk").await.leads_to("/");
    // A cookie that somebody planted, or read, before the log-in.
    let planted = device.copy();

    let answer = device.submit("/log-in", ADA).await;
    answer.leads_to("/");
    let set_cookie = answer.headers[SET_COOKIE].to_str().unwrap();
    assert!(set_cookie.starts_with("login_sid="), "{set_cookie}");
    assert!(set_cookie.contains("HttpOnly"), "{set_cookie}");
    assert_ne!(device.cookie(), planted.cookie());

    let page = device.home().await;
    assert!(page.contains(r#"<span id="user">ada</span>"#));
    assert!(page.contains("\nbuy milk</textarea>"), "the note stays");
    planted.is_logged_out().await;
    assert!(!planted.get("/log-in").await.body.contains("buy milk"));
}

#[tokio::test]
async fn somebody_else_on_the_same_browser_does_not_see_the_note() {
    let site = Site::new();
    let device = site.logged_in(LAPTOP, ADA).await;
    device.submit("/note", "note=ada's+own").await.leads_to("/");
    device.submit("/log-in", GRACE).await.leads_to("/");
    let page = device.home().await;
    assert!(page.contains(r#"<span id="user">grace</span>"#));
    assert!(page.contains(LAPTOP.1));
    assert!(!page.contains("own"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_the_same_answer() {
    let device = Site::new().device(LAPTOP);
    let wrong = "That is not a name and password that we know.";
    let password = device
        .submit("/log-in", "name=ada&password=not+this+one")
        .await;
    password.is_refused_with(wrong);
    let name = device
        .submit("/log-in", "name=eve&password=not+this+one")
        .await;
    name.is_refused_with(wrong);
    assert_eq!(name.body.replace("eve", "ada"), password.body);
    assert_eq!(device.cookie(), None, "a failure starts no session");
}

#[tokio::test]
async fn logging_out_removes_the_cookie_and_the_old_one_opens_nothing() {
    let device = Site::new().logged_in(LAPTOP, ADA).await;
    let stolen = device.copy();
    device.submit("/log-out", "").await.leads_to("/log-in");
    assert_eq!(device.cookie(), None);
    device.is_logged_out().await;
    stolen.is_logged_out().await;
}

#[tokio::test]
async fn a_device_that_is_logged_out_from_another_one_is_out_at_its_next_click() {
    let site = Site::new();
    let laptop = site.logged_in(LAPTOP, ADA).await;
    let phone = site.logged_in(PHONE, ADA).await;
    let desktop = site.logged_in(DESKTOP, ADA).await;

    let page = laptop.home().await;
    assert_eq!(page.matches(r#"<span class="this">This device"#).count(), 1);
    for (_, name) in [LAPTOP, PHONE, DESKTOP] {
        assert!(page.contains(&format!(r#"<p class="name">{name}</p>"#)));
    }
    let others = laptop.others().await;
    assert_eq!(others.len(), 2, "this one is not offered");

    let (phones, _) = others.iter().find(|(_, name)| name == PHONE.1).unwrap();
    let form = format!("device={phones}");
    laptop.submit("/devices/log-out", &form).await.leads_to("/");
    says(&laptop.home().await, "That device is logged out.");
    phone.is_logged_out().await;
    desktop.home().await;
    assert_eq!(laptop.others().await.len(), 1);

    laptop.submit("/devices/log-out", &form).await.leads_to("/");
    says(&laptop.home().await, "That device was logged out already.");
}

#[tokio::test]
async fn nobody_logs_out_the_devices_of_others() {
    let site = Site::new();
    let graces = site.logged_in(LAPTOP, GRACE).await;
    site.logged_in(PHONE, GRACE).await;
    let others = graces.others().await;
    let adas = site.logged_in(DESKTOP, ADA).await;
    for device in [others[0].0.as_str(), "", "no-ref", "%00"] {
        let form = format!("device={device}");
        adas.submit("/devices/log-out", &form).await.leads_to("/");
        says(&adas.home().await, "That device was logged out already.");
    }
    adas.submit("/devices/log-out-others", "")
        .await
        .leads_to("/");
    assert_eq!(graces.others().await, others);
}

#[tokio::test]
async fn logging_out_everywhere_else_keeps_this_device_with_a_new_cookie() {
    let site = Site::new();
    let laptop = site.logged_in(LAPTOP, ADA).await;
    let phone = site.logged_in(PHONE, ADA).await;
    let desktop = site.logged_in(DESKTOP, ADA).await;
    let stolen = laptop.copy();

    let all_others = "/devices/log-out-others";
    laptop.submit(all_others, "").await.leads_to("/");
    says(&laptop.home().await, "2 other devices are logged out.");
    for other in [phone, desktop, stolen] {
        other.is_logged_out().await;
    }
    assert_eq!(laptop.others().await, []);
    laptop.submit(all_others, "").await.leads_to("/");
    says(&laptop.home().await, "You were logged in nowhere else.");
}

#[tokio::test]
async fn an_eleventh_device_takes_the_place_of_the_oldest() {
    let site = Site::new();
    let first = site.logged_in(PHONE, ADA).await;
    let mut last = first.copy();
    for _ in 0..10 {
        site.clock.advance(Duration::from_secs(1));
        last = site.logged_in(LAPTOP, ADA).await;
    }
    first.is_logged_out().await;
    assert_eq!(last.others().await.len(), 9);
}

#[tokio::test]
async fn the_password_is_asked_for_again_before_it_is_changed() {
    let site = Site::new();
    let laptop = site.logged_in(LAPTOP, ADA).await;
    let phone = site.logged_in(PHONE, ADA).await;
    laptop
        .submit("/note", "note=still+here")
        .await
        .leads_to("/");
    let change = "password=correct+horse+battery";

    // Just logged in: nothing is asked.
    assert_eq!(laptop.get("/password").await.status, StatusCode::OK);
    site.clock.advance(Duration::from_mins(6));
    laptop.get("/password").await.leads_to("/confirm");
    laptop
        .submit("/password", change)
        .await
        .leads_to("/confirm");
    assert_eq!(laptop.get("/confirm").await.status, StatusCode::OK);
    let wrong = laptop.submit("/confirm", "password=guess").await;
    wrong.is_refused_with("That is not your password.");
    laptop.get("/password").await.leads_to("/confirm");

    let before = laptop.copy();
    let confirm = "password=notes+on+the+engine";
    laptop
        .submit("/confirm", confirm)
        .await
        .leads_to("/password");
    before.is_logged_out().await;
    assert_eq!(laptop.get("/password").await.status, StatusCode::OK);

    let short = laptop.submit("/password", "password=short").await;
    short.is_refused_with("A password has at least 12 characters.");
    phone.home().await;
    laptop.submit("/password", change).await.leads_to("/");
    let page = laptop.home().await;
    says(
        &page,
        "Your password is changed, and all other devices are logged out.",
    );
    assert!(page.contains("\nstill here</textarea>"));
    phone.is_logged_out().await;

    assert_eq!(
        phone.submit("/log-in", ADA).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let new = format!("name=ada&{change}");
    phone.submit("/log-in", &new).await.leads_to("/");
}

#[tokio::test]
async fn a_device_that_is_logged_out_meanwhile_changes_no_password() {
    let site = Site::new();
    let laptop = site.logged_in(LAPTOP, ADA).await;
    let phone = site.logged_in(PHONE, ADA).await;
    let (change, _) = tokio::join!(
        phone.submit("/password", "password=stolen+horse+battery"),
        laptop.submit("/devices/log-out-others", ""),
    );
    assert_eq!(change.status, StatusCode::CONFLICT);
    site.logged_in(DESKTOP, ADA).await;
}

#[tokio::test]
async fn of_two_changes_of_the_password_at_once_one_holds() {
    let site = Site::new();
    let laptop = site.logged_in(LAPTOP, ADA).await;
    let phone = site.logged_in(PHONE, ADA).await;
    let (one, other) = [
        "password=correct+horse+battery",
        "password=stolen+horse+battery",
    ]
    .into();
    let answers = tokio::join!(
        laptop.submit("/password", one),
        phone.submit("/password", other)
    );

    let mut holding = 0;
    for (answer, password) in [(answers.0, one), (answers.1, other)] {
        let log_in = format!("name=ada&{password}");
        let log_in = site.device(DESKTOP).submit("/log-in", &log_in).await;
        let holds = log_in.status == StatusCode::SEE_OTHER;
        assert_eq!(answer.status == StatusCode::SEE_OTHER, holds);
        holding += usize::from(holds);
    }
    assert_eq!(holding, 1);
}

#[tokio::test]
async fn a_new_account_is_logged_in_and_its_name_is_taken() {
    let site = Site::new();
    let laptop = site.device(LAPTOP);
    let mary = "name=+Mary-1+&password=on+the+connexion";
    laptop.submit("/sign-up", mary).await.leads_to("/");
    assert!(laptop.home().await.contains(r#"<span id="user">mary-1"#));
    laptop.get("/log-in").await.leads_to("/");
    site.logged_in(PHONE, mary).await;

    let other = site.device(PHONE);
    for (form, why) in [
        (mary, "That name is taken."),
        (
            "name=ada&password=long+enough+for+us",
            "That name is taken.",
        ),
        (
            "name=mary&password=eleven+char",
            "A password has at least 12 characters.",
        ),
        (
            "name=%3Cb%3E&password=long+enough+for+us",
            "A name has 1 to 40 letters from a to z, digits or hyphens.",
        ),
    ] {
        other.submit("/sign-up", form).await.is_refused_with(why);
    }
    assert_eq!(other.cookie(), None);
}

#[tokio::test]
async fn a_form_from_another_site_does_nothing() {
    let site = Site::new();
    let device = site.logged_in(LAPTOP, ADA).await;
    let cookie = device.cookie();
    for (path, form) in [
        ("/log-in", GRACE),
        ("/log-out", ""),
        ("/devices/log-out-others", ""),
        ("/note", "note=not+mine"),
        ("/password", "password=correct+horse+battery"),
    ] {
        for (header, value) in [
            ("sec-fetch-site", "cross-site"),
            // Another port or a sibling domain, to which `SameSite` would send the cookie.
            ("sec-fetch-site", "same-site"),
            // A browser that knows only this one.
            ("origin", "https://elsewhere.example"),
        ] {
            let request = device.request(Method::POST, path).form(form);
            let request = request.header("host", "127.0.0.1").header(header, value);
            let answer = request.await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {value}");
            answer.assert_no_set_cookie();
        }
    }
    assert_eq!(device.cookie(), cookie);
    let page = device.home().await;
    assert!(page.contains(r#"<span id="user">ada</span>"#));
    assert!(!page.contains("not mine"));
}

#[tokio::test]
async fn what_is_typed_is_escaped_and_bounded() {
    let device = Site::new().logged_in(LAPTOP, ADA).await;
    let note = "note=%3C%2Ftextarea%3E%3Cscript%3E%27%22%26";
    device.submit("/note", note).await.leads_to("/");
    let page = device.home().await;
    assert!(!page.contains("<script>"));
    assert!(page.contains("&lt;/textarea&gt;&lt;script&gt;&#39;&quot;&amp;</textarea>"));

    let name = "name=%22%3E%3Cscript%3E&password=whatever";
    let page = Site::new()
        .device(LAPTOP)
        .submit("/log-in", name)
        .await
        .body;
    assert!(page.contains(r#"value="&quot;&gt;&lt;script&gt;""#));

    let long = format!("note={}", "a".repeat(8 * 1024));
    let answer = device.submit("/note", &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn no_cache_keeps_a_page_and_no_frame_shows_it() {
    let device = Site::new().logged_in(LAPTOP, ADA).await;
    for path in ["/", "/password", "/confirm"] {
        let answer = device.get(path).await;
        assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{path}");
        let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"));
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}

#[tokio::test]
async fn a_form_that_is_sent_twice_logs_in_once_and_fails_nowhere() {
    let site = Site::new();
    let device = site.device(LAPTOP);
    device.submit("/note", "note=x").await.leads_to("/");
    let (one, other) = tokio::join!(device.submit("/log-in", ADA), device.submit("/log-in", ADA));
    one.leads_to("/");
    other.leads_to("/");
    let cookies = [one, other].map(|answer| answer.headers.contains_key(SET_COOKIE));
    assert_eq!(cookies.iter().filter(|set| **set).count(), 1);
}
