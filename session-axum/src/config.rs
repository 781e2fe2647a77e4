//! What a layer was told, and whether it makes sense.

use std::{sync::Arc, time::Duration};

use cookie::SameSite;
use http::{HeaderMap, HeaderName, HeaderValue};
use session_core::{Backend, Policy};

use crate::{cookie::Template, seal::Sealer};

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
    pub(crate) skip: Vec<SkipRule>,
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
        let shortest = persistent.map_or(policy.idle_timeout, |age| age.min(policy.idle_timeout));
        policy.touch_interval = self.touch.unwrap_or(shortest / 20);
    }
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

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
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
        if policy.touch_interval >= policy.idle_timeout {
            return Err(ConfigError::TouchInterval);
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
        let (name, template) = (&self.sealer.name, &self.template);
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty()
            || !name.bytes().all(is_token)
            || name.len() + SEALED_LEN > MAX_NAME_AND_VALUE
        {
            return Err(ConfigError::CookieName(name.clone()));
        }
        let is_value = |byte: u8| byte.is_ascii() && !byte.is_ascii_control() && byte != b';';
        if !template.path.starts_with('/') || !template.path.bytes().all(is_value) {
            return Err(ConfigError::Path(template.path.clone()));
        }
        if let Some(domain) = &template.domain {
            let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            if domain.trim_start_matches('.').is_empty() || !domain.bytes().all(is_host) {
                return Err(ConfigError::Domain(domain.clone()));
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
    #[error("`path({0:?})` is no cookie path: begin it with `/`, without `;`")]
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
        "`touch_interval` is not shorter than `idle_timeout`, so active sessions would end: use a shorter one, or leave it out"
    )]
    TouchInterval,
    /// A rule that no request could ever match.
    #[error("`skip_header({0:?}, ..)` is no header: use a header's name, and a value or \"*\"")]
    SkipHeader(String),
}
