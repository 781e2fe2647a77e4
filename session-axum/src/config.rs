//! What a layer was told, and whether it makes sense.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use cookie::SameSite;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use session_core::{Backend, Policy};

use crate::{
    cookie::{MAX_MAX_AGE, Template},
    seal::Sealer,
};

/// A sealed token has at most this many bytes: format version, id and the longest generation with nonce and tag,
/// in base64. Name and value together must stay within what browsers take.
const SEALED_LEN: usize = 96;
const MAX_NAME_AND_VALUE: usize = 4096;

/// Everything that the requests of one layer share.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) backend: Arc<Backend>,
    pub(crate) timing: Timing,
    pub(crate) sealer: Sealer,
    pub(crate) template: Template,
    /// The path and domain where the cookie lived before.
    pub(crate) former: Option<(String, Option<String>)>,
    pub(crate) cookies: bool,
    pub(crate) token_header: Option<String>,
    pub(crate) skip: Vec<SkipRule>,
    /// Whether all this makes sense: axum puts layers on handlers anew for each request, so it is found out once.
    pub(crate) verdict: OnceLock<Result<(), ConfigError>>,
}

/// The two limits of a session's life together.
///
/// The presets are what NIST SP 800-63B-4 (2.1.3, 2.2.3, 2.3.3) asks of an authenticator assurance level.
///
/// ```
/// use session_axum::{Key, MemoryStore, SessionLayer, Timeouts};
///
/// let layer = SessionLayer::new(MemoryStore::new(), Key::generate()).timeouts(Timeouts::aal2());
/// # let _ = layer.check();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two limits, for ever")]
pub struct Timeouts {
    /// Without activity.
    pub idle: Duration,
    /// From the start, whatever the activity.
    pub absolute: Duration,
}

impl Timeouts {
    /// AAL1: 30 days in all, and as much without activity, for which no limit is asked.
    #[must_use]
    pub const fn aal1() -> Self {
        let absolute = Duration::from_hours(30 * 24);
        Self {
            idle: absolute,
            absolute,
        }
    }

    /// AAL2: 24 hours in all, one hour without activity.
    #[must_use]
    pub const fn aal2() -> Self {
        Self {
            idle: Duration::from_hours(1),
            absolute: Duration::from_hours(24),
        }
    }

    /// AAL3: 12 hours in all, 15 minutes without activity.
    #[must_use]
    pub const fn aal3() -> Self {
        Self {
            idle: Duration::from_mins(15),
            absolute: Duration::from_hours(12),
        }
    }
}

/// The time limits that were named; the others follow from them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timing {
    pub(crate) max_age: Duration,
    pub(crate) idle: Option<Duration>,
    pub(crate) absolute: Option<Duration>,
    pub(crate) touch: Option<Duration>,
}

impl Timing {
    pub(crate) fn apply(self, policy: &mut Policy) {
        let defaults = Policy::default();
        let persistent = (!self.max_age.is_zero()).then_some(self.max_age);
        policy.max_age = self.max_age;
        policy.idle_timeout = self.idle.or(persistent).unwrap_or(defaults.idle_timeout);
        policy.absolute_timeout = self
            .absolute
            .unwrap_or(defaults.absolute_timeout.max(self.max_age));
        // Often enough that neither the server's limit nor the browser's own is reached by somebody active.
        let kept = browser_keeps(self.max_age).unwrap_or(policy.idle_timeout);
        let shortest = kept.min(policy.idle_timeout);
        policy.touch_interval = self.touch.unwrap_or(shortest / 20);
    }
}

/// For how long a browser keeps a persistent cookie, whatever it says.
fn browser_keeps(max_age: Duration) -> Option<Duration> {
    (!max_age.is_zero()).then(|| max_age.min(MAX_MAX_AGE))
}

/// A header by which a request asks for no session handling.
#[derive(Debug, Clone)]
pub(crate) struct SkipRule {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl SkipRule {
    fn matches(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(&self.name)
            .iter()
            .any(|value| self.value == "*" || value.as_bytes() == self.value.as_bytes())
    }
}

impl Config {
    pub(crate) fn skips(&self, headers: &HeaderMap) -> bool {
        self.skip.iter().any(|rule| rule.matches(headers))
    }

    pub(crate) fn check(&self) -> &Result<(), ConfigError> {
        self.verdict.get_or_init(|| self.judge())
    }

    fn judge(&self) -> Result<(), ConfigError> {
        self.check_cookie()?;
        let policy = &self.backend.policy;
        for (option, span) in [
            ("idle_timeout", policy.idle_timeout),
            ("absolute_timeout", policy.absolute_timeout),
            ("store_timeout", policy.store_timeout),
            ("update_timeout", policy.update_timeout),
        ] {
            if span.is_zero() {
                return Err(ConfigError::Zero(option));
            }
        }
        if policy.max_record_size == 0 {
            return Err(ConfigError::Zero("max_record_size"));
        }
        if !policy.max_age.is_zero() && policy.max_age < Duration::from_secs(1) {
            return Err(ConfigError::MaxAge);
        }
        if policy.touch_interval >= policy.idle_timeout
            || browser_keeps(policy.max_age).is_some_and(|kept| policy.touch_interval >= kept)
        {
            return Err(ConfigError::TouchInterval);
        }
        if policy.rotate_every.is_some_and(|period| period.is_zero()) {
            return Err(ConfigError::Zero("rotate_every"));
        }
        if policy
            .max_sessions_per_owner
            .is_some_and(|(limit, _)| limit == 0)
        {
            return Err(ConfigError::Zero("max_sessions_per_owner"));
        }
        match &self.token_header {
            Some(name) if !HeaderName::try_from(name).is_ok_and(|name| is_free(&name)) => {
                return Err(ConfigError::TokenHeader(name.clone()));
            }
            None if !self.cookies => return Err(ConfigError::NoTransport),
            _ => {}
        }
        for rule in &self.skip {
            if HeaderName::try_from(&rule.name).is_err()
                || HeaderValue::try_from(&rule.value).is_err()
            {
                return Err(ConfigError::SkipHeader(rule.name.clone()));
            }
        }
        Ok(())
    }

    fn check_cookie(&self) -> Result<(), ConfigError> {
        let (name, template) = (self.sealer.name(), &self.template);
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty()
            || !name.bytes().all(is_token)
            || name.len() + SEALED_LEN > MAX_NAME_AND_VALUE
        {
            return Err(ConfigError::CookieName(name.to_owned()));
        }
        if !is_path(&template.path) {
            return Err(ConfigError::Path(template.path.clone()));
        }
        if let Some(domain) = template.domain.as_ref().filter(|domain| !is_domain(domain)) {
            return Err(ConfigError::Domain(domain.clone()));
        }
        if let Some((path, domain)) = &self.former {
            if !is_path(path) || domain.as_ref().is_some_and(|domain| !is_domain(domain)) {
                return Err(ConfigError::FormerPlace);
            }
            let host = host_of(domain.as_ref());
            if *path == template.path && host == host_of(template.domain.as_ref()) {
                return Err(ConfigError::Former);
            }
        }

        // Browsers look for these prefixes in any case (RFC 6265bis, 5.4).
        let lower = name.to_ascii_lowercase();
        let host = lower.starts_with("__host-");
        if host && template.domain.is_some() {
            return Err(ConfigError::HostPrefix("without `domain`"));
        }
        if host && template.path != "/" {
            return Err(ConfigError::HostPrefix("with `path(\"/\")`"));
        }
        if host && !template.secure {
            return Err(ConfigError::HostPrefix("with `secure(true)`"));
        }
        // No browser ever kept one elsewhere, nor would it take the removal.
        if host && self.former.is_some() {
            return Err(ConfigError::HostPrefix("without `former_cookie`"));
        }
        if lower.starts_with("__secure-") && !template.secure {
            return Err(ConfigError::SecurePrefix);
        }
        if (lower.starts_with("__http-") || lower.starts_with("__host-http-"))
            && !(template.http_only && template.secure)
        {
            return Err(ConfigError::HttpPrefix);
        }
        if template.same_site == SameSite::None && !template.secure {
            return Err(ConfigError::SameSiteNone);
        }
        if template.partitioned && !template.secure {
            return Err(ConfigError::Partitioned);
        }
        Ok(())
    }
}

/// Responses have others for reasons of their own: a token would take their place, and be no token there.
fn is_free(name: &HeaderName) -> bool {
    let taken = [
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONNECTION,
        header::COOKIE,
        header::DATE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::LOCATION,
        header::RETRY_AFTER,
        header::SET_COOKIE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::VARY,
    ];
    !taken.contains(name) && !name.as_str().starts_with("content-")
}

/// Browsers drop a longer attribute, and with it the cookie's place (RFC 6265bis, 5.6).
const MAX_ATTRIBUTE: usize = 1024;

fn is_path(path: &str) -> bool {
    let is_value = |byte: u8| byte.is_ascii() && !byte.is_ascii_control() && byte != b';';
    path.starts_with('/') && path.len() <= MAX_ATTRIBUTE && path.bytes().all(is_value)
}

/// A name of which hosts are made; browsers overlook one dot before it.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner)
    };
    let name = domain.strip_prefix('.').unwrap_or(domain);
    name.len() <= 253 && name.split('.').all(is_label)
}

/// A domain as browsers compare it (RFC 6265bis, 5.1.3 and 5.6.3).
fn host_of(domain: Option<&String>) -> Option<String> {
    let domain = domain?.to_ascii_lowercase();
    Some(domain.trim_start_matches('.').to_owned())
}

/// Options of a layer that can't work, or not together. Each message names the option and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No browser takes the name.
    #[error(
        "`cookie_name({0:?})` is no cookie name: use letters, digits and `-_.`, at most 4000 of them"
    )]
    CookieName(String),
    /// The path is none.
    #[error(
        "`path({0:?})` is no cookie path: begin it with `/`, in at most 1024 characters, without `;`"
    )]
    Path(String),
    /// The domain is none.
    #[error("`domain({0:?})` is no host name: use a name such as `example.com`")]
    Domain(String),
    /// What the `__Host-` prefix promises is not so.
    #[error("a `cookie_name` that begins with `__Host-` works only {0}: change that, or the name")]
    HostPrefix(&'static str),
    /// What the `__Secure-` prefix promises is not so.
    #[error(
        "a `cookie_name` that begins with `__Secure-` works only with `secure(true)`: change that, or the name"
    )]
    SecurePrefix,
    /// What the `__Http-` and `__Host-Http-` prefixes promise is not so.
    #[error(
        "a `cookie_name` that begins with `__Http-` or `__Host-Http-` works only with `secure(true)` and `http_only(true)`: change that, or the name"
    )]
    HttpPrefix,
    /// Browsers drop such a cookie.
    #[error(
        "`same_site(SameSite::None)` works only with `secure(true)`: use that, or `SameSite::Lax`"
    )]
    SameSiteNone,
    /// Browsers drop such a cookie.
    #[error("`partitioned(true)` works only with `secure(true)`: use that, or leave it out")]
    Partitioned,
    /// A limit of nothing.
    #[error("`{0}` is zero, so nothing could ever work: use a longer one, or leave it out")]
    Zero(&'static str),
    /// Cookies count in whole seconds.
    #[error(
        "`max_age` is shorter than a second, the unit of cookies: use a longer one, or zero for a cookie that ends with the browser session"
    )]
    MaxAge,
    /// Sessions would end in the middle of somebody's work.
    #[error(
        "`touch_interval` is not shorter than `idle_timeout` and `max_age`, so active sessions would end: use a shorter one, or leave it out"
    )]
    TouchInterval,
    /// There would be one cookie, and no former one.
    #[error(
        "`former_cookie` names the place where the cookie lives now: name the former one, or leave it out"
    )]
    Former,
    /// No cookie ever lived there.
    #[error(
        "`former_cookie` names no place of a cookie: use a path that begins with `/`, in at most 1024 characters, without `;`, and a host name such as `example.com` if there was a `domain`"
    )]
    FormerPlace,
    /// No such header can be.
    #[error(
        "`token_header({0:?})` is no header's name, or that of one with a meaning of its own: use a name such as \"x-session-token\""
    )]
    TokenHeader(String),
    /// No client could ever bring a token.
    #[error(
        "`cookies(false)` leaves no way for a token: name a `token_header` beside it, or leave it out"
    )]
    NoTransport,
    /// A rule that no request could ever match.
    #[error("`skip_header({0:?}, ..)` is no header: use a header's name, and a value or \"*\"")]
    SkipHeader(String),
}
