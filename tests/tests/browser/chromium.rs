//! Chromium with profiles of its own, and what the visits of all examples do with it.

use std::env;
use std::future::IntoFuture;
use std::io::{self, ErrorKind, Write};
use std::net::Ipv4Addr;
use std::panic;
use std::process::{self, Stdio};
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use fantoccini::cookies::Cookie;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use url::{ParseError, Url};

/// The longest that anything here may take; nothing waits for so long unless it is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// Serves the app on loopback, and lets `visit` look at its address with one browser for each of these
/// user agents (`None` is Chromium's own). They share nothing: each has a profile of its own.
pub(crate) async fn drive<const N: usize, V>(
    app: Router,
    user_agents: [Option<&str>; N],
    visit: impl FnOnce([Client; N], String) -> V,
) where
    V: Future<Output = ()> + Send + 'static,
{
    let mut browsers = Vec::new();
    for user_agent in user_agents {
        let Some(browser) = Browser::start(user_agent).await else {
            return not_installed();
        };
        browsers.push(browser);
    }
    let pages: Vec<_> = browsers
        .iter()
        .map(|browser| browser.page.clone())
        .collect();
    let pages = pages.try_into().expect("one for each user agent");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());

    // In a task of its own, so that the browsers are stopped whatever becomes of the visit.
    let outcome = tokio::spawn(timeout(PATIENCE, visit(pages, address))).await;
    for browser in browsers {
        browser.stop().await;
    }
    match outcome {
        Ok(in_time) => in_time.expect("the visit ends in time"),
        Err(failure) => panic::resume_unwind(failure.into_panic()),
    }
}

fn not_installed() {
    let required = env::var_os("SESSION_TEST_BROWSER").is_some_and(|value| value == "required");
    assert!(!required, "chromedriver is not installed");
    // Not `eprintln!`, which the test harness keeps to itself when a test passes.
    io::stderr()
        .write_all(b"The browser test was not run: chromedriver is not installed\n")
        .unwrap();
}

/// Presses the button of the form that posts to `path`.
pub(crate) async fn press(page: &Client, path: &str) {
    let button = format!("form[action='{path}'] button");
    page.find(Locator::Css(&button))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
}

/// Waits until the element with this id has this text.
pub(crate) async fn shows(page: &Client, id: &str, text: &str) {
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

/// The value of the session cookie, whose attributes are as the browser understood them.
pub(crate) async fn session_cookie(page: &Client, name: &str) -> String {
    let cookies = cookies(page).await;
    let [cookie] = &cookies[..] else {
        panic!("{} cookies", cookies.len())
    };
    assert_eq!(cookie.name(), name);
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(
        cookie
            .same_site()
            .map(|same_site| same_site.to_string())
            .as_deref(),
        Some("Lax")
    );
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.secure(), Some(false), "as the examples ask for");
    assert_eq!(cookie.expires(), None, "it ends with the browser's session");

    let seen_by_scripts = page
        .execute("return document.cookie", Vec::new())
        .await
        .unwrap();
    assert_eq!(seen_by_scripts, "");
    cookie.value().to_owned()
}

pub(crate) async fn cookies(page: &Client) -> Vec<Cookie<'static>> {
    page.get_all_cookies().await.unwrap()
}

/// What the page's console has said since it was last asked: warnings, errors, and exceptions that nobody caught.
pub(crate) async fn console(page: &Client) -> Vec<String> {
    let entries = page.issue_cmd(ConsoleLog).await.unwrap();
    let entries = entries.as_array().expect("a list").iter();
    entries
        .map(|entry| entry["message"].as_str().expect("a text").to_owned())
        .collect()
}

/// A command of chromedriver's own.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(&self, driver: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        driver.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// Chromium with an empty profile, and the `chromedriver` that drives it.
struct Browser {
    page: Client,
    /// Its process, until it is closed.
    chromium: Option<u64>,
    driver: Child,
    /// Kept open, because `chromedriver` may still write to it.
    _output: Lines<BufReader<ChildStdout>>,
    /// Dropped, and so removed, after the driver was stopped.
    _profile: TempDir,
}

impl Browser {
    /// `None` where `chromedriver` is not installed.
    async fn start(user_agent: Option<&str>) -> Option<Self> {
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

        let mut options = vec![
            format!(
                "--user-data-dir={}",
                profile.path().join("profile").display()
            ),
            "--headless".to_owned(),
            // Chromium's sandbox refuses to start as root. It opens nothing but our own page.
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            // It asks nobody but us.
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
        ];
        options.extend(user_agent.map(|agent| format!("--user-agent={agent}")));
        let Value::Object(capabilities) = json!({
            "goog:chromeOptions": { "args": options },
            "goog:loggingPrefs": { "browser": "WARNING" },
        }) else {
            unreachable!("it is written as an object");
        };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let chromium = page.capabilities().unwrap()["goog:processID"].as_u64();
        assert!(chromium.is_some(), "chromedriver tells the process");
        Some(Self {
            page,
            chromium,
            driver,
            _output: output,
            _profile: profile,
        })
    }

    /// Stops both: ending the session closes Chromium.
    async fn stop(mut self) {
        let closed = timeout(PATIENCE / 4, self.page.clone().close()).await;
        if matches!(closed, Ok(Ok(()))) {
            self.chromium = None;
        }
        self.driver.kill().await.unwrap();
    }
}

/// Killing `chromedriver` alone, as happens to a child that is dropped, would leave Chromium behind.
impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(process) = self.chromium {
            let killed = process::Command::new("kill")
                .arg(process.to_string())
                .status();
            assert!(
                killed.is_ok() || std::thread::panicking(),
                "there is a kill"
            );
        }
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
