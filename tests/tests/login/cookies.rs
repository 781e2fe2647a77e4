//! Cookies to the letter: whatever a layer emits, a browser keeps, sends back and drops as it is meant to.

use std::time::{Duration, SystemTime};

use axum::{Router, response::AppendHeaders, routing::get};
use session_axum::{SameSite, Session, SessionLayer};
use session_tests::{Answer, Log, SpyStore};

use crate::{
    common::{Accounts, DAY, HOUR, browse, get_with, key, layer, timed},
    rfc6265::{HOST, Jar, storable},
};

/// One point of the product of all options that have to do with the cookie.
#[derive(Debug, Clone)]
struct Options {
    name: String,
    http_only: bool,
    secure: bool,
    same_site: SameSite,
    path: String,
    domain: Option<&'static str>,
    partitioned: bool,
    max_age: Duration,
    former: Option<(&'static str, Option<&'static str>)>,
}

impl Options {
    fn layer(&self, store: &SpyStore) -> SessionLayer {
        let mut layer = SessionLayer::new(store.clone(), key())
            .cookie_name(&self.name)
            .http_only(self.http_only)
            .secure(self.secure)
            .same_site(self.same_site)
            .path(&self.path)
            .partitioned(self.partitioned)
            .max_age(self.max_age);
        if let Some(domain) = self.domain {
            layer = layer.domain(domain);
        }
        if let Some((path, domain)) = self.former {
            layer = layer.former_cookie(path, domain);
        }
        layer
    }

    /// The same in the words of the header, with the longest value.
    fn header(&self, path: &str, domain: Option<&str>) -> String {
        let mut header = format!(
            "{}={}; Path={path}; SameSite={}",
            self.name,
            "x".repeat(96),
            self.same_site
        );
        if let Some(domain) = domain {
            header = format!("{header}; Domain={domain}");
        }
        for (is_set, name) in [
            (self.secure, "Secure"),
            (self.http_only, "HttpOnly"),
            (self.partitioned, "Partitioned"),
        ] {
            if is_set {
                header = format!("{header}; {name}");
            }
        }
        header
    }

    /// A browser keeps such a cookie here, where it is meant to be; and takes its removal where it was.
    fn is_kept(&self) -> bool {
        let is_kept = |path: &str, domain: Option<&str>| {
            let kept = storable(&self.header(path, domain), HOST, "/elsewhere/page");
            kept.is_ok_and(|kept| kept.path == path)
        };
        let here = self
            .former
            .is_some_and(|(path, domain)| path == self.path && bare(domain) == bare(self.domain));
        !here
            && is_kept(&self.path, self.domain)
            && self
                .former
                .is_none_or(|(path, domain)| is_kept(path, domain))
    }

    fn all() -> Vec<Self> {
        let names = [
            "sid",
            "__Host-sid",
            "__Secure-sid",
            "__HOST-sid",
            "__Http-sid",
            "__Host-Http-sid",
            "!#$%&'*+-.^_`|~",
        ];
        let names = names.map(str::to_owned).into_iter();
        let mut all = Vec::new();
        for name in names.chain(["n".repeat(4000), "n".repeat(4001)]) {
            for flags in 0..8 {
                for same_site in [SameSite::Strict, SameSite::Lax, SameSite::None] {
                    for path in ["/", "/app"] {
                        for domain in [None, Some("example.com"), Some(".example.com")] {
                            for (max_age, former) in [
                                (Duration::ZERO, None),
                                (HOUR, Some(("/old", None))),
                                (DAY * 1000, Some(("/", Some("example.com")))),
                            ] {
                                all.push(Self {
                                    name: name.clone(),
                                    http_only: flags & 1 != 0,
                                    secure: flags & 2 != 0,
                                    partitioned: flags & 4 != 0,
                                    same_site,
                                    path: path.to_owned(),
                                    domain,
                                    max_age,
                                    former,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }
}

/// One place has one name: browsers overlook a leading dot.
fn bare(domain: Option<&str>) -> Option<&str> {
    domain.map(|domain| domain.trim_start_matches('.'))
}

fn routes() -> Router {
    Router::new()
        .route(
            "/app/write",
            get(async |session: Session| session.insert("a", 1)),
        )
        .route("/app/out", get(async |session: Session| session.destroy()))
        .route(
            "/app/rotate",
            get(async |session: Session| session.rotate()),
        )
        .route("/app/read", get(async |_: Session| ()))
}

#[test]
fn a_configuration_is_refused_if_and_only_if_a_browser_would_refuse_its_cookies() {
    let store = SpyStore::new();
    let (mut kept, mut refused) = (0, 0);
    for options in Options::all() {
        let checked = options.layer(&store).check();
        assert_eq!(
            checked.is_ok(),
            options.is_kept(),
            "{:?} of {options:?}",
            checked.err()
        );
        if checked.is_ok() {
            kept += 1;
        } else {
            refused += 1;
        }
    }
    assert!(kept > 500 && refused > 500, "{kept} {refused}");
}

#[test]
fn a_place_that_no_browser_takes_is_refused() {
    let store = SpyStore::new();
    let long = format!("/{}", "x".repeat(1024));
    for path in ["", "app", "/a;b", "/a\nb", "/ä", &long] {
        assert!(layer(&store).path(path).check().is_err(), "{path}");
        assert!(
            layer(&store).former_cookie(path, None).check().is_err(),
            "{path}"
        );
    }
    assert!(layer(&store).path(&long[1..]).check().is_err());
    assert!(layer(&store).path(&long[..1024]).check().is_ok());
    let long = format!("{}.example.com", "a".repeat(64));
    for domain in [
        "",
        ".",
        "..example.com",
        "example..com",
        "example.com.",
        "example.com:80",
        "a b",
        "ä.com",
        &long,
    ] {
        assert!(layer(&store).domain(domain).check().is_err(), "{domain}");
        assert!(
            layer(&store)
                .former_cookie("/", Some(domain))
                .check()
                .is_err(),
            "{domain}"
        );
    }
    let host = layer(&store)
        .cookie_name("__Host-sid")
        .former_cookie("/old", None);
    let error = host
        .check()
        .expect_err("no browser ever kept it")
        .to_string();
    assert!(error.contains("`former_cookie`"), "{error}");
}

/// The one cookie of ours in a response, held against every rule for what a server sends (4.1.1).
fn our_cookie<'a>(answer: &'a Answer, options: &Options) -> &'a str {
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 1, "{cookies:?} of {options:?}");
    let cookie = cookies[0];
    let (name, rest) = cookie.split_once('=').expect("a pair");
    assert_eq!(name, options.name);
    let value = rest.split(';').next().expect("a value");
    let is_octet =
        |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    assert!(value.bytes().all(is_octet), "{value}");
    assert!(name.len() + value.len() <= 4096);
    assert!(answer.header("cache-control").contains("no-store"));
    cookie
}

#[tokio::test]
async fn every_cookie_that_any_configuration_emits_is_kept_and_its_removal_removes_it() {
    for options in Options::all().into_iter().filter(Options::is_kept) {
        let store = SpyStore::new();
        let app = routes().layer(options.layer(&store));
        let mut jar = Jar::default();
        let send = async |path: &'static str, jar: &Jar| {
            let cookies = jar.header(HOST, path).unwrap_or_default();
            get_with(
                &session_tests::Browser::new(app.clone()),
                path,
                &[("cookie", &*cookies)],
            )
            .await
        };
        let set = send("/app/write", &jar).await;
        jar.take(our_cookie(&set, &options), HOST, "/app/write")
            .expect("kept");
        let kept = jar.cookies[0].clone();
        assert_eq!(kept.path, options.path);
        assert_eq!(
            (kept.secure, kept.http_only, kept.partitioned),
            (options.secure, options.http_only, options.partitioned)
        );
        assert_eq!(kept.same_site, options.same_site.to_string().to_lowercase());
        assert_eq!(kept.host_only, options.domain.is_none());
        let seconds =
            (!options.max_age.is_zero()).then(|| options.max_age.min(DAY * 400).as_secs());
        assert_eq!(kept.max_age, seconds);

        let rotated = send("/app/rotate", &jar).await;
        jar.take(our_cookie(&rotated, &options), HOST, "/app/rotate")
            .expect("kept");
        assert_eq!(jar.cookies.len(), 1, "in the same place");
        assert_ne!(jar.cookies[0].value, kept.value);

        let removal = send("/app/out", &jar).await;
        let removal = our_cookie(&removal, &options);
        assert!(
            removal.contains("; Max-Age=0;") && is_past(removal),
            "{removal}"
        );
        jar.take(removal, HOST, "/app/out")
            .expect("a removal is taken, too");
        assert_eq!(jar.cookies, [], "{removal}");

        if let Some((path, domain)) = options.former {
            let old = options.header(path, domain).replace(&"x".repeat(96), "old");
            jar.take(&old, HOST, "/").expect("kept");
            let two = format!("{0}={1}; {0}={1}", options.name, kept.value);
            let browser = session_tests::Browser::new(app.clone());
            let answer = get_with(&browser, "/app/read", &[("cookie", &*two)]).await;
            jar.take(our_cookie(&answer, &options), HOST, "/app/read")
                .expect("taken");
            assert_eq!(jar.cookies, [], "the former one is gone");
        }
    }
}

/// The year of `Expires` is over, or is this one.
fn is_past(removal: &str) -> bool {
    let (_, date) = removal.split_once("Expires=").expect("it says when");
    let year: u64 = date
        .split(' ')
        .nth(3)
        .expect("a year")
        .parse()
        .expect("a number");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("later");
    year <= 1970 + now.as_secs() / 31_556_952
}

#[tokio::test]
async fn the_longest_sealed_token_is_within_what_the_check_of_names_allows_for() {
    let (_, store) = timed();
    let longest = layer(&store).cookie_name("n".repeat(4000));
    let browser = session_tests::Browser::new(routes().layer(longest));
    browser.get("/app/write").await;
    let short = browser.cookie(&"n".repeat(4000)).expect("set");
    for _ in 0..10 {
        browser.get("/app/rotate").await;
    }
    // What is sealed has 34 bytes here, and 43 with the longest generation; 28 more are nonce and tag.
    assert_eq!(short.len(), (34_usize + 28).div_ceil(3) * 4);
    assert_eq!(4000 + (43_usize + 28).div_ceil(3) * 4, 4096);
}

#[tokio::test]
async fn by_default_the_cookie_is_secure_hidden_lax_and_ends_with_the_browser() {
    let (_, store) = timed();
    let answer = browse(layer(&store)).get("/log_in/ada").await;
    let kept = storable(answer.set_cookies()[0], HOST, "/deep/page").expect("kept");
    assert!(kept.secure && kept.http_only && kept.host_only && !kept.partitioned);
    assert_eq!(
        (
            kept.name.as_str(),
            kept.path.as_str(),
            kept.same_site.as_str()
        ),
        ("sid", "/", "lax")
    );
    assert_eq!(kept.max_age, None);
}

#[tokio::test]
async fn one_cookie_of_our_name_leaves_whatever_a_request_does() {
    let (_, store) = timed();
    let everything = async |session: Session, account: Accounts| {
        session.rotate();
        session.set_owner("7");
        account.set_lang(Some("de".to_owned()));
        session.commit().await.expect("commits");
        session.rotate();
        session.destroy();
        session.insert("new", "1");
        AppendHeaders([
            ("set-cookie", "sid=forged; Path=/"),
            ("set-cookie", "other=1"),
        ])
    };
    let browser = crate::common::with(layer(&store), Router::new().route("/all", get(everything)));
    browser.get("/write/a/1").await;
    let answer = browser.get("/all").await;
    let ours: Vec<_> = answer
        .set_cookies()
        .into_iter()
        .filter(|cookie| cookie.starts_with("sid="))
        .collect();
    assert!(ours.len() == 1 && !ours[0].contains("forged"), "{ours:?}");
    assert!(answer.set_cookies().contains(&"other=1"));
    assert_eq!(browser.get("/read/new").await.body, "1");
}

#[tokio::test]
async fn our_cookie_is_found_in_any_of_several_headers_and_in_any_order() {
    let (_, store) = timed();
    let browser = browse(layer(&store));
    browser.get("/log_in/ada").await;
    let good = format!("sid={}", crate::common::token(&browser));
    let cases: [&[&str]; 5] = [
        &["a=b", &good],
        &["sid=garbage", &good],
        &[&good, "sid=garbage"],
        &["sid=garbage; x=y", "z", &good],
        &[&good, &good],
    ];
    for headers in cases {
        let headers: Vec<_> = headers.iter().map(|value| ("cookie", *value)).collect();
        let answer = get_with(&browser.copy(), "/whoami", &headers).await;
        assert_eq!(answer.body, "ada", "{headers:?}");
        answer.assert_no_set_cookie();
    }
}

#[tokio::test]
async fn two_genuine_cookies_of_different_sessions_are_none_whatever_their_order() {
    let (_, store) = timed();
    let (one, two) = (browse(layer(&store)), browse(layer(&store)));
    one.get("/log_in/ada").await;
    two.get("/log_in/mallory").await;
    let (one, two) = (crate::common::token(&one), crate::common::token(&two));
    for both in [
        format!("sid={one}; sid={two}"),
        format!("sid={two}; sid={one}"),
    ] {
        let log = Log::start();
        let answer = get_with(&browse(layer(&store)), "/status", &[("cookie", &*both)]).await;
        assert_eq!(answer.body, "Ambiguous");
        answer.assert_no_set_cookie();
        assert!(log.lines().contains("Ambiguous"));
    }
}
