//! The counter in a real browser: headless Chromium, driven through `chromedriver`.
//!
//! Where `chromedriver` is not installed the test says so and passes, unless
//! `SESSION_TEST_BROWSER=required` as in `scripts/test`, which installs it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::env;
use std::future::IntoFuture;
use std::io::{self, ErrorKind, Write};
use std::net::Ipv4Addr;
use std::panic;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::cookies::Cookie;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use session_axum::Key;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The longest that anything here may take; nothing waits for so long unless it is broken.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_counter_works_in_a_browser() {
    let Some(browser) = Browser::start().await else {
        let required = env::var_os("SESSION_TEST_BROWSER").is_some_and(|value| value == "required");
        assert!(!required, "chromedriver is not installed");
        // Not `println!`, which the test harness keeps to itself when a test passes.
        writeln!(
            io::stderr(),
            "The browser test was not run: chromedriver is not installed"
        )
        .unwrap();
        return;
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let server = axum::serve(listener, counter::app(Key::generate()));
    tokio::spawn(server.into_future());

    // In a task of its own, so that the browser is stopped whatever becomes of the visit.
    let visit = tokio::spawn(timeout(PATIENCE, visit(browser.page.clone(), address)));
    let outcome = visit.await;
    browser.stop().await;
    match outcome {
        Ok(in_time) => in_time.expect("the visit ends in time"),
        Err(failure) => panic::resume_unwind(failure.into_panic()),
    }
}

async fn visit(page: Client, address: String) {
    page.goto(&address).await.unwrap();
    shows(&page, "count", "0").await;
    assert!(cookies(&page).await.is_empty(), "looking starts no session");

    press(&page, "/increment").await;
    shows(&page, "count", "1").await;
    press(&page, "/increment").await;
    shows(&page, "count", "2").await;
    let first = session_cookie(&page).await;

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
        session_cookie(&page).await,
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
    assert_ne!(session_cookie(&page).await, first, "it is a new session");
}

/// Presses the button of the form that posts to `path`.
async fn press(page: &Client, path: &str) {
    let button = format!("form[action='{path}'] button");
    page.find(Locator::Css(&button))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

/// Waits until the element with this id has this text.
async fn shows(page: &Client, id: &str, text: &str) {
    let element = format!("//*[@id='{id}'][normalize-space()='{text}']");
    let found = page
        .wait()
        .at_most(PATIENCE / 4)
        .for_element(Locator::XPath(&element))
        .await;
    if let Err(error) = found {
        panic!(
            "#{id} does not become {text:?} ({error}):\n{}",
            page.source().await.unwrap()
        );
    }
}

async fn shows_no_notice(page: &Client) {
    assert!(
        page.find_all(Locator::Id("notice"))
            .await
            .unwrap()
            .is_empty()
    );
}

/// The value of the session cookie, whose attributes are as the browser understood them.
async fn session_cookie(page: &Client) -> String {
    let cookies = cookies(page).await;
    let [cookie] = &cookies[..] else {
        panic!("{} cookies", cookies.len())
    };
    assert_eq!(cookie.name(), "sid");
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(
        cookie
            .same_site()
            .map(|same_site| same_site.to_string())
            .as_deref(),
        Some("Lax")
    );
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.secure(), Some(false), "as the counter asks for");
    assert_eq!(cookie.expires(), None, "it ends with the browser's session");

    let seen_by_scripts = page
        .execute("return document.cookie", Vec::new())
        .await
        .unwrap();
    assert_eq!(seen_by_scripts, "");
    cookie.value().to_owned()
}

async fn cookies(page: &Client) -> Vec<Cookie<'static>> {
    page.get_all_cookies().await.unwrap()
}

/// Chromium with an empty profile, and the `chromedriver` that drives it.
struct Browser {
    page: Client,
    chromium: u64,
    driver: Child,
    /// Kept open, because `chromedriver` may still write to it.
    _output: Lines<BufReader<ChildStdout>>,
    /// Dropped, and so removed, after the driver was stopped.
    _profile: TempDir,
}

impl Browser {
    /// `None` where `chromedriver` is not installed.
    async fn start() -> Option<Self> {
        let profile = tempfile::tempdir().unwrap();
        let spawned = Command::new("chromedriver")
            .arg("--port=0")
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut driver = match spawned {
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            spawned => spawned.expect("chromedriver starts"),
        };
        let mut output = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = timeout(PATIENCE, port(&mut output))
            .await
            .expect("chromedriver is ready");

        let Value::Object(capabilities) = json!({
            "goog:chromeOptions": { "args": [
                format!("--user-data-dir={}", profile.path().join("profile").display()),
                "--headless",
                // Chromium's sandbox refuses to start as root. It opens nothing but our own page.
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                // It asks nobody but us.
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ] },
        }) else {
            unreachable!("it is written as an object");
        };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let chromium = page.capabilities().unwrap()["goog:processID"]
            .as_u64()
            .unwrap();
        Some(Self {
            page,
            chromium,
            driver,
            _output: output,
            _profile: profile,
        })
    }

    /// Stops both. Ending the session closes Chromium; killing `chromedriver` alone would leave it behind.
    async fn stop(mut self) {
        let closed = timeout(PATIENCE / 4, self.page.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            Command::new("kill")
                .arg(self.chromium.to_string())
                .status()
                .await
                .unwrap();
        }
        self.driver.kill().await.unwrap();
    }
}

/// The free port that `chromedriver` took.
async fn port(output: &mut Lines<BufReader<ChildStdout>>) -> u16 {
    let mut seen = String::new();
    while let Some(line) = output.next_line().await.unwrap() {
        let port = line.strip_prefix("ChromeDriver was started successfully on port ");
        if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok()) {
            return port;
        }
        seen.push_str(&line);
        seen.push('\n');
    }
    panic!("chromedriver ended:\n{seen}");
}
