//! A browser's own rules for cookies, as RFC 6265bis has them: 5.6 for the header, 5.7 for the store, 5.8 for what
//! is sent; with the `Partitioned` attribute of CHIPS and the `__Http-` prefixes of its successor.

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use session_tests::{Answer, Browser};

/// Seconds of 400 days (5.5).
const LONGEST: u64 = 400 * 24 * 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "as many as the standard has flags"
)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) domain: String,
    pub(crate) host_only: bool,
    pub(crate) path: String,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: String,
    pub(crate) partitioned: bool,
    /// In seconds from now; `None`: until the browser closes.
    pub(crate) max_age: Option<u64>,
}

/// What a header says, before the store decides.
#[derive(Debug, Default)]
struct Parsed {
    name: String,
    value: String,
    max_age: Option<i64>,
    domain: Option<String>,
    path: Option<String>,
    secure: bool,
    http_only: bool,
    same_site: String,
    partitioned: bool,
}

/// 5.6: the header taken apart. `Err` says why it is ignored.
fn parse(header: &str) -> Result<Parsed, &'static str> {
    if header
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err("a control character");
    }
    let mut parts = header.split(';');
    let pair = parts.next().unwrap_or_default();
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    let mut parsed = Parsed {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        same_site: "default".to_owned(),
        ..Parsed::default()
    };
    if parsed.name.len() + parsed.value.len() > 4096 {
        return Err("name and value too long");
    }
    let mut seen = Vec::new();
    for attribute in parts {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
        // Not in 5.6, which takes the last one: a server must not send it twice (4.1.1).
        if seen.contains(&name) {
            return Err("an attribute twice");
        }
        seen.push(name.clone());
        if value.len() > 1024 {
            continue;
        }
        match name.as_str() {
            "max-age" => parsed.max_age = value.parse().ok(),
            "domain" => {
                parsed.domain = Some(
                    value
                        .strip_prefix('.')
                        .unwrap_or(value)
                        .to_ascii_lowercase(),
                );
            }
            "path" => parsed.path = value.starts_with('/').then(|| value.to_owned()),
            "secure" => parsed.secure = true,
            "httponly" => parsed.http_only = true,
            "samesite" => parsed.same_site = value.to_ascii_lowercase(),
            "partitioned" => parsed.partitioned = true,
            "expires" => {}
            _ => return Err("an unknown attribute"),
        }
    }
    Ok(parsed)
}

/// 5.7: what an https response from this host and path puts into the store.
pub(crate) fn storable(
    header: &str,
    host: &str,
    request_path: &str,
) -> Result<Stored, &'static str> {
    let parsed = parse(header)?;
    if parsed.name.is_empty() {
        return Err("no name");
    }
    let domain = parsed.domain.filter(|domain| !domain.is_empty());
    if domain
        .as_ref()
        .is_some_and(|domain| !domain_matches(host, domain))
    {
        return Err("another site's domain");
    }
    if parsed.same_site == "none" && !parsed.secure {
        return Err("SameSite=None without Secure");
    }
    let lower = parsed.name.to_ascii_lowercase();
    let host_prefix = lower.starts_with("__host-");
    if lower.starts_with("__secure-") && !parsed.secure {
        return Err("__Secure- without Secure");
    }
    if host_prefix && !(parsed.secure && domain.is_none() && parsed.path.as_deref() == Some("/")) {
        return Err("__Host- elsewhere");
    }
    let http_prefix = lower.starts_with("__http-") || lower.starts_with("__host-http-");
    if http_prefix && !(parsed.secure && parsed.http_only) {
        return Err("__Http- for scripts");
    }
    if parsed.partitioned && !parsed.secure {
        return Err("Partitioned without Secure");
    }
    Ok(Stored {
        name: parsed.name,
        value: parsed.value,
        host_only: domain.is_none(),
        domain: domain.unwrap_or_else(|| host.to_owned()),
        path: parsed.path.unwrap_or_else(|| default_path(request_path)),
        secure: parsed.secure,
        http_only: parsed.http_only,
        same_site: parsed.same_site,
        partitioned: parsed.partitioned,
        max_age: parsed
            .max_age
            .map(|age| u64::try_from(age).unwrap_or(0).min(LONGEST)),
    })
}

/// 5.1.3
fn domain_matches(host: &str, domain: &str) -> bool {
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// 5.1.4
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        Some(0) | None => "/".to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}

/// 5.1.4
fn path_matches(path: &str, of: &str) -> bool {
    path == of
        || path
            .strip_prefix(of)
            .is_some_and(|rest| of.ends_with('/') || rest.starts_with('/'))
}

/// A store of cookies, of one top-level site.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jar {
    pub(crate) cookies: Vec<Stored>,
}

impl Jar {
    /// 5.7, the last steps: a cookie of the same name and place is replaced; one that has ended is removed.
    pub(crate) fn take(
        &mut self,
        header: &str,
        host: &str,
        path: &str,
    ) -> Result<(), &'static str> {
        let new = storable(header, host, path)?;
        self.cookies.retain(|old| {
            let place = |of: &Stored| {
                (
                    of.name.clone(),
                    of.domain.clone(),
                    of.host_only,
                    of.path.clone(),
                    of.partitioned,
                )
            };
            place(old) != place(&new)
        });
        if new.max_age != Some(0) {
            self.cookies.push(new);
        }
        Ok(())
    }

    /// 5.8.3: what an https request carries; longer paths first.
    pub(crate) fn header(&self, host: &str, path: &str) -> Option<String> {
        let is_sent = |cookie: &&Stored| {
            let here = if cookie.host_only {
                host == cookie.domain
            } else {
                domain_matches(host, &cookie.domain)
            };
            here && path_matches(path, &cookie.path)
        };
        let mut sent: Vec<_> = self.cookies.iter().filter(is_sent).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let pairs: Vec<_> = sent
            .iter()
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// A browser with such a store, in front of apps that follow one another at one host.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    pub(crate) jar: Jar,
}

pub(crate) const HOST: &str = "www.example.com";

impl Agent {
    pub(crate) async fn get(&mut self, app: &Router, path: &str) -> Answer {
        let mut request = Request::get(path);
        if let Some(cookies) = self.jar.header(HOST, path) {
            request = request.header(header::COOKIE, cookies);
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = Browser::new(app.clone()).send(request).await;
        for header in answer.set_cookies() {
            self.jar
                .take(header, HOST, path)
                .expect("a browser keeps it");
        }
        answer
    }
}

#[test]
fn the_browser_of_these_tests_keeps_and_refuses_as_the_standard_says() {
    let kept = |header: &str| {
        storable(header, HOST, "/a/b").map(|cookie| (cookie.domain, cookie.host_only, cookie.path))
    };
    let at =
        |domain: &str, host_only, path: &str| Ok((domain.to_owned(), host_only, path.to_owned()));
    assert_eq!(kept("a=b"), at(HOST, true, "/a"));
    assert_eq!(
        kept("a=b; Path=/x; Domain=.example.com"),
        at("example.com", false, "/x")
    );
    assert_eq!(
        kept(&format!("a=b; Path=/{}", "x".repeat(1024))),
        at(HOST, true, "/a")
    );
    assert!(kept("a=b; Domain=ample.com").is_err());
    assert!(kept("a=b; Domain=example.com.").is_err());
    assert!(kept("__Host-a=b; Secure").is_err() && kept("__host-a=b; Secure; Path=/").is_ok());
    assert!(kept("__HOST-a=b; Secure; Path=/; Domain=example.com").is_err());
    assert!(kept("__Secure-a=b").is_err() && kept("a=b; SameSite=None").is_err());
    assert!(kept("a=b; Partitioned").is_err() && kept("a=b; Partitioned; Secure").is_ok());
    assert!(kept(&format!("a={}", "x".repeat(4096))).is_err());
    let mut jar = Jar::default();
    jar.take("a=1; Path=/", HOST, "/").expect("kept");
    jar.take("a=2; Path=/x", HOST, "/").expect("kept");
    assert_eq!(jar.header(HOST, "/x/y").as_deref(), Some("a=2; a=1"));
    assert_eq!(jar.header(HOST, "/xy").as_deref(), Some("a=1"));
    assert_eq!(jar.header("example.com", "/"), None);
    jar.take("a=; Path=/; Max-Age=0", HOST, "/")
        .expect("removed");
    assert_eq!(jar.header(HOST, "/"), None);
}
