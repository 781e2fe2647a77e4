//! What `SessionLayer` refuses, in `check` and on a router alike.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use axum::{Router, routing::get};
use session_axum::{ConfigError, MemoryStore, SameSite, SessionLayer};

use crate::common::{Configure, DAY, HOUR, SECOND, key};

fn new() -> SessionLayer {
    SessionLayer::new(MemoryStore::new(), key())
}

fn name(name: &str) -> ConfigError {
    ConfigError::CookieName(name.to_owned())
}

/// Options, the error, and what its words must hold: the option and the cure.
type Case = (Configure, ConfigError, &'static [&'static str]);

/// All of them, by `check` and on a router alike.
fn are_refused<const N: usize>(cases: [Case; N]) {
    for (configure, error, words) in cases {
        assert_eq!(configure(new()).check().err(), Some(error.clone()));
        let said = error.to_string();
        for word in words {
            assert!(said.contains(word), "{said}");
        }
        let put_on = || {
            Router::<()>::new()
                .route("/", get(|| async {}))
                .layer(configure(new()))
        };
        let panic = catch_unwind(AssertUnwindSafe(put_on)).expect_err(&said);
        let panicked = panic.downcast::<String>().expect("with words");
        assert!(panicked.contains(&said), "{panicked}");
    }
}

#[test]
fn a_name_a_path_or_a_domain_that_no_browser_takes_is_refused() {
    are_refused([
        (
            |layer| layer.cookie_name(""),
            name(""),
            &["`cookie_name(\"\")`", "use letters"],
        ),
        (
            |layer| layer.cookie_name("a b"),
            name("a b"),
            &["`cookie_name(\"a b\")`"],
        ),
        (
            |layer| layer.cookie_name("a;b"),
            name("a;b"),
            &["cookie_name"],
        ),
        (
            |layer| layer.cookie_name("a=b"),
            name("a=b"),
            &["cookie_name"],
        ),
        (|layer| layer.cookie_name("ä"), name("ä"), &["cookie_name"]),
        (
            |layer| layer.cookie_name("x".repeat(4_096)),
            name(&"x".repeat(4_096)),
            &["at most 4000"],
        ),
        (
            |layer| layer.path(""),
            ConfigError::Path(String::new()),
            &["`path(\"\")`", "begin it with `/`"],
        ),
        (
            |layer| layer.path("app"),
            ConfigError::Path("app".into()),
            &["path"],
        ),
        (
            |layer| layer.path("/a;b"),
            ConfigError::Path("/a;b".into()),
            &["without `;`"],
        ),
        (
            |layer| layer.path("/a\nb"),
            ConfigError::Path("/a\nb".into()),
            &["path"],
        ),
        (
            |layer| layer.path(format!("/{}", "x".repeat(2_000))),
            ConfigError::Path(format!("/{}", "x".repeat(2_000))),
            &["at most 1024"],
        ),
        (
            |layer| layer.domain(""),
            ConfigError::Domain(String::new()),
            &["`domain(\"\")`", "example.com"],
        ),
        (
            |layer| layer.domain("a b"),
            ConfigError::Domain("a b".into()),
            &["domain"],
        ),
        (
            |layer| layer.domain("."),
            ConfigError::Domain(".".into()),
            &["domain"],
        ),
        (
            |layer| layer.domain(format!("{}co", "x.".repeat(126))),
            ConfigError::Domain(format!("{}co", "x.".repeat(126))),
            &["domain"],
        ),
        (
            |layer| layer.domain("a.com; Secure"),
            ConfigError::Domain("a.com; Secure".into()),
            &["domain"],
        ),
    ]);
}

#[test]
fn options_that_browsers_refuse_together_are_refused() {
    are_refused([
        (
            |layer| layer.cookie_name("__Host-sid").domain("example.com"),
            ConfigError::HostPrefix("without `domain`"),
            &["`cookie_name`", "`__Host-`", "without `domain`"],
        ),
        (
            |layer| layer.cookie_name("__Host-sid").path("/app"),
            ConfigError::HostPrefix("with `path(\"/\")`"),
            &["__Host-", "with `path(\"/\")`"],
        ),
        (
            |layer| layer.cookie_name("__Host-sid").secure(false),
            ConfigError::HostPrefix("with `secure(true)`"),
            &["__Host-", "with `secure(true)`"],
        ),
        (
            |layer| layer.secure(false).cookie_name("__hOST-sid"),
            ConfigError::HostPrefix("with `secure(true)`"),
            &["__Host-"],
        ),
        (
            |layer| layer.cookie_name("__Secure-sid").secure(false),
            ConfigError::SecurePrefix,
            &["`__Secure-`", "`secure(true)`"],
        ),
        (
            |layer| layer.cookie_name("__Http-sid").http_only(false),
            ConfigError::HttpPrefix,
            &["`__Http-`", "`http_only(true)`"],
        ),
        (
            |layer| layer.same_site(SameSite::None).secure(false),
            ConfigError::SameSiteNone,
            &["`same_site(SameSite::None)`", "`secure(true)`"],
        ),
        (
            |layer| layer.partitioned(true).secure(false),
            ConfigError::Partitioned,
            &["`partitioned(true)`", "`secure(true)`"],
        ),
        (
            |layer| layer.former_cookie("/", None),
            ConfigError::Former,
            &["`former_cookie`", "leave it out"],
        ),
        (
            |layer| {
                let layer = layer.domain("example.com");
                layer.former_cookie("/", Some("Example.COM"))
            },
            ConfigError::Former,
            &["`former_cookie`"],
        ),
        (
            |layer| layer.cookie_name("__Host-sid").former_cookie("/app", None),
            ConfigError::HostPrefix("without `former_cookie`"),
            &["`former_cookie`"],
        ),
    ]);
}

#[test]
fn a_limit_of_nothing_is_refused() {
    are_refused([
        (
            |layer| layer.idle_timeout(Duration::ZERO),
            ConfigError::Zero("idle_timeout"),
            &["`idle_timeout` is zero", "leave it out"],
        ),
        (
            |layer| layer.absolute_timeout(Duration::ZERO),
            ConfigError::Zero("absolute_timeout"),
            &["`absolute_timeout`"],
        ),
        (
            |layer| layer.store_timeout(Duration::ZERO),
            ConfigError::Zero("store_timeout"),
            &["`store_timeout`"],
        ),
        (
            |layer| layer.update_timeout(Duration::ZERO),
            ConfigError::Zero("update_timeout"),
            &["`update_timeout`"],
        ),
        (
            |layer| layer.max_record_size(0),
            ConfigError::Zero("max_record_size"),
            &["`max_record_size`"],
        ),
        (
            |layer| layer.rotate_every(Duration::ZERO),
            ConfigError::Zero("rotate_every"),
            &["`rotate_every`"],
        ),
        (
            |layer| layer.max_age(Duration::from_millis(999)),
            ConfigError::MaxAge,
            &["`max_age`", "shorter than a second"],
        ),
        (
            |layer| layer.idle_timeout(HOUR).touch_interval(HOUR),
            ConfigError::TouchInterval,
            &["`touch_interval`", "`idle_timeout`", "use a shorter one"],
        ),
        (
            |layer| {
                let layer = layer.max_age(HOUR).idle_timeout(DAY);
                layer.touch_interval(HOUR)
            },
            ConfigError::TouchInterval,
            &["`touch_interval`", "`max_age`"],
        ),
    ]);
}

#[test]
fn headers_that_can_not_be_and_a_missing_transport_are_refused() {
    are_refused([
        (
            |layer| layer.cookies(false),
            ConfigError::NoTransport,
            &["`cookies(false)`", "`token_header`"],
        ),
        (
            |layer| layer.token_header("no header"),
            ConfigError::TokenHeader("no header".into()),
            &["`token_header(\"no header\")`"],
        ),
        (
            |layer| layer.token_header("Set-Cookie"),
            ConfigError::TokenHeader("Set-Cookie".into()),
            &["`token_header(\"Set-Cookie\")`"],
        ),
        (
            |layer| layer.token_header("content-type"),
            ConfigError::TokenHeader("content-type".into()),
            &["`token_header(\"content-type\")`"],
        ),
        (
            |layer| layer.skip_header("no header", "*"),
            ConfigError::SkipHeader("no header".into()),
            &["`skip_header(\"no header\", ..)`"],
        ),
        (
            |layer| layer.skip_header("x-health", "a\nb"),
            ConfigError::SkipHeader("x-health".into()),
            &["`skip_header(\"x-health\", ..)`"],
        ),
    ]);
}

#[test]
fn options_named_after_a_check_are_checked_too() {
    let checked = new().check().expect("the defaults work together");
    let broken = checked.path("nowhere");
    let path = ConfigError::Path("nowhere".into());
    assert_eq!(broken.clone().check().err(), Some(path));
    assert!(broken.path("/").check().is_ok(), "cured");
}

#[test]
fn what_can_work_is_taken_on_a_router_without_a_runtime() {
    let cases: [Configure; 10] = [
        |layer| layer,
        // The longest that a host's name can be.
        |layer| layer.domain(format!("{}c", "x.".repeat(126))),
        |layer| layer.cookie_name("__Host-sid"),
        |layer| {
            layer
                .cookie_name("__Secure-sid")
                .path("/app")
                .domain("example.com")
        },
        |layer| layer.secure(false).cookie_name("sid_2.x"),
        |layer| layer.same_site(SameSite::None).partitioned(true),
        |layer| layer.domain(".example.com"),
        |layer| layer.max_age(SECOND).touch_interval(Duration::ZERO),
        |layer| {
            layer
                .max_age(Duration::MAX)
                .idle_timeout(Duration::MAX)
                .absolute_timeout(DAY)
        },
        |layer| {
            layer
                .cookies(false)
                .token_header("x-session-token")
                .skip_header("X-Health", "")
        },
    ];
    for configure in cases {
        let layer = configure(new()).check().expect("works");
        let _app: Router = Router::new().route("/", get(|| async {})).layer(layer);
    }
}
