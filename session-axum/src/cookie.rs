//! Request headers → sealed texts, and sealed text → `Set-Cookie`.

use std::{sync::OnceLock, time::Duration};

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;

use crate::headers::{add, put};

/// So many cookies of our name are looked at.
const MAX_CANDIDATES: usize = 4;
/// A longer value is not ours.
const MAX_VALUE_LEN: usize = 512;
/// Browsers keep no cookie longer (RFC 6265bis, 5.5).
pub(crate) const MAX_MAX_AGE: Duration = Duration::from_hours(400 * 24);

/// Sees the values of our cookie, in however many `Cookie` headers; nothing else is decoded. `None` for one that
/// is too long: the client sent something, but nothing that could be ours.
pub(crate) fn candidates<'a>(
    headers: &'a HeaderMap,
    name: &str,
    mut see: impl FnMut(Option<&'a [u8]>),
) {
    let mut left = MAX_CANDIDATES;
    for header in headers.get_all(header::COOKIE) {
        for pair in pairs(header.as_bytes()) {
            let value = pair.trim_ascii_start().strip_prefix(name.as_bytes());
            let Some(value) = value.and_then(|value| value.strip_prefix(b"=")) else {
                continue;
            };
            see(plausible(value.trim_ascii_end()));
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }
}

/// What stands between semicolons: a client may send kilobytes of other cookies.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let (pair, behind) = match memchr(b';', text) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = behind;
        Some(pair)
    })
}

/// What could be a sealed token; `None` for what is too long.
pub(crate) fn plausible(value: &[u8]) -> Option<&[u8]> {
    (value.len() <= MAX_VALUE_LEN).then_some(value)
}

/// The one template of all our `Set-Cookie` headers, so that every attribute of a removal matches (R20).
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
    pub(crate) path: String,
    pub(crate) domain: Option<String>,
    pub(crate) partitioned: bool,
    /// All these as text, made once.
    pub(crate) attributes: OnceLock<String>,
}

/// Headers are always `Some`: the parts were checked when the layer was made.
impl Template {
    fn cookie<'a>(&'a self, name: &'a str, value: &'a str) -> Cookie<'a> {
        let mut cookie = Cookie::new(name, value);
        cookie.set_http_only(self.http_only);
        cookie.set_secure(self.secure);
        cookie.set_same_site(self.same_site);
        cookie.set_path(&self.path);
        cookie.set_partitioned(self.partitioned);
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain);
        }
        cookie
    }

    /// The same cookie in another place.
    pub(crate) fn at(&self, path: &str, domain: Option<&str>) -> Self {
        Self {
            path: path.to_owned(),
            domain: domain.map(str::to_owned),
            attributes: OnceLock::new(),
            ..self.clone()
        }
    }

    pub(crate) fn set(
        &self,
        name: &str,
        sealed: &str,
        max_age: Option<Duration>,
    ) -> Option<HeaderValue> {
        let attributes = self.attributes.get_or_init(|| {
            let cookie = self.cookie("", "").to_string();
            cookie.trim_start_matches('=').to_owned()
        });
        let age = max_age.map(|max_age| {
            // Zero would remove the cookie.
            let seconds = max_age.min(MAX_MAX_AGE).as_secs().max(1);
            format!("; Max-Age={seconds}")
        });
        let parts = [name, "=", sealed, attributes, age.as_deref().unwrap_or("")];
        // As long as it gets: a header keeps the memory.
        let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        text.extend(parts);
        secret(text)
    }

    pub(crate) fn remove(&self, name: &str) -> Option<HeaderValue> {
        let mut cookie = self.cookie(name, "");
        cookie.make_removal();
        HeaderValue::try_from(cookie.to_string()).ok()
    }
}

/// A header's value that carries a token: neither logs show it nor compression remembers it.
pub(crate) fn secret(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Puts in our cookie instead of any other of its name: a response has one (RFC 6265bis, 4.1.1).
/// The cookies of others stay as they are.
pub(crate) fn set_only(headers: &mut HeaderMap, name: &str, cookie: HeaderValue) {
    let Some((mut all, ours)) = add(headers, &header::SET_COOKIE, cookie) else {
        return;
    };
    all.retain(|value| {
        let other = value.as_bytes().split(|byte| *byte == b'=').next();
        other.is_none_or(|other| other.trim_ascii() != name.as_bytes())
    });
    all.push(ours);
    put(headers, &header::SET_COOKIE, all);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(headers: &[&'static str]) -> Vec<Option<Vec<u8>>> {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(header::COOKIE, HeaderValue::from_static(header));
        }
        let mut found = Vec::new();
        candidates(&map, "sid", |value| found.push(value.map(<[u8]>::to_vec)));
        found
    }

    #[test]
    fn only_our_name_is_read_in_however_many_headers() {
        let ours = |value: &str| Some(value.as_bytes().to_vec());
        assert_eq!(
            found(&["a=b; xsid=1; sid =2; SID=3; sidx=4", "sid=5;sid=a=b; b"]),
            [ours("5"), ours("a=b")]
        );
    }

    #[test]
    fn what_is_tried_is_bounded_in_count_and_length() {
        assert_eq!(found(&["sid=1; sid=2; sid=3; sid=4; sid=5"]).len(), 4);
        let mut map = HeaderMap::new();
        let long = format!("sid={}; sid={}", "x".repeat(513), "y".repeat(512));
        map.insert(header::COOKIE, HeaderValue::try_from(long).expect("ascii"));
        let mut lengths = Vec::new();
        candidates(&map, "sid", |value| lengths.push(value.map(<[u8]>::len)));
        assert_eq!(lengths, [None, Some(512)]);
    }

    #[test]
    fn a_removal_repeats_every_attribute() {
        let template = Template {
            http_only: true,
            secure: true,
            same_site: SameSite::None,
            path: "/app".to_owned(),
            domain: Some("example.com".to_owned()),
            partitioned: true,
            attributes: OnceLock::new(),
        };
        let set = template.set("sid", "x", None).expect("valid");
        let remove = template.remove("sid").expect("valid");
        let (set, remove) = (
            set.to_str().expect("ascii"),
            remove.to_str().expect("ascii"),
        );
        let (removal, rest) = remove
            .split_once("; Max-Age=0; Expires=")
            .expect("a removal");
        assert_eq!(removal, set.replace("sid=x", "sid="));
        assert!(rest.ends_with("GMT"));
    }

    #[test]
    fn max_age_is_never_zero_nor_beyond_400_days() {
        let template = Template {
            http_only: true,
            secure: true,
            same_site: SameSite::Lax,
            path: "/".to_owned(),
            domain: None,
            partitioned: false,
            attributes: OnceLock::new(),
        };
        for (span, shown) in [
            (Duration::from_millis(3), "Max-Age=1"),
            (Duration::from_secs(90), "Max-Age=90"),
            (Duration::MAX, "Max-Age=34560000"),
        ] {
            let header = template.set("sid", "x", Some(span)).expect("valid");
            assert!(
                header.to_str().expect("ascii").ends_with(shown),
                "{header:?}"
            );
        }
    }
}
