//! What caches must know of a response that has to do with a session (RFC 9111, 7.3; ASVS 5, 14.3.2).

use http::{HeaderMap, HeaderValue, header};
use session_core::TARGET;

/// The response depends on the session, and carries its token or not. Where tokens travel in headers,
/// it depends on these, too.
pub(crate) fn mark(headers: &mut HeaderMap, sets_cookie: bool, token_header: Option<&str>) {
    let by_header = token_header.map(|name| ["authorization", name]);
    for name in ["Cookie"]
        .into_iter()
        .chain(by_header.into_iter().flatten())
    {
        if !mentions(headers, header::VARY, &[name, "*"])
            && let Ok(name) = HeaderValue::try_from(name)
        {
            headers.append(header::VARY, name);
        }
    }
    if mentions(headers, header::CACHE_CONTROL, &["no-store", "private"]) {
        return;
    }
    let shared = mentions(headers, header::CACHE_CONTROL, &["public", "s-maxage"]);
    if sets_cookie {
        if shared {
            tracing::warn!(
                target: TARGET,
                "a handler's `Cache-Control` would let shared caches keep a session's cookie: `no-store` was sent instead"
            );
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    } else if !shared {
        headers.append(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    }
}

/// Whether a list header has one of these members, their values aside.
fn mentions(headers: &HeaderMap, name: header::HeaderName, members: &[&str]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b','))
        .map(|member| {
            member
                .split(|byte| *byte == b'=')
                .next()
                .unwrap_or_default()
        })
        .any(|member| {
            let member = member.trim_ascii();
            members
                .iter()
                .any(|wanted| member.eq_ignore_ascii_case(wanted.as_bytes()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(cache_control: Option<&'static str>, sets_cookie: bool) -> String {
        let mut headers = HeaderMap::new();
        if let Some(value) = cache_control {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        }
        mark(&mut headers, sets_cookie, None);
        let values = headers.get_all(header::CACHE_CONTROL).iter();
        let values: Vec<_> = values.map(|value| value.to_str().expect("ascii")).collect();
        values.join(", ")
    }

    #[test]
    fn a_session_cookie_is_never_left_to_shared_caches() {
        for (handler, reads, sets) in [
            (None, "private", "no-store"),
            (Some("no-store"), "no-store", "no-store"),
            (
                Some("private, max-age=60"),
                "private, max-age=60",
                "private, max-age=60",
            ),
            (Some("public, max-age=60"), "public, max-age=60", "no-store"),
            (Some("s-maxage=60"), "s-maxage=60", "no-store"),
            (Some("max-age=60"), "max-age=60, private", "no-store"),
        ] {
            assert_eq!(marked(handler, false), reads);
            assert_eq!(marked(handler, true), sets);
        }
    }

    #[test]
    fn vary_is_appended_once() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        mark(&mut headers, false, None);
        mark(&mut headers, false, None);
        let values: Vec<_> = headers.get_all(header::VARY).iter().collect();
        assert_eq!(values, ["Accept-Encoding", "Cookie"]);
    }
}
