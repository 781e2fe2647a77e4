//! What caches must know of a response that has to do with a session (RFC 9111, 7.3; ASVS 5, 14.3.2).

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    headers::{add, put},
    observe,
};

/// The response depends on the session, and carries its token or not. Where tokens travel in headers,
/// it depends on these, too.
pub(crate) fn mark(
    headers: &mut HeaderMap,
    sets_cookie: bool,
    beside_others: bool,
    token_header: Option<&str>,
) {
    vary(headers, HeaderValue::from_static("Cookie"));
    if let Some(name) = token_header.and_then(|name| HeaderValue::try_from(name).ok()) {
        vary(headers, HeaderValue::from_static("authorization"));
        vary(headers, name);
    }
    if sets_cookie {
        silence_single_caches(headers);
    }
    let ours = HeaderValue::from_static(if sets_cookie { NO_STORE } else { PRIVATE });
    let Some((mut theirs, ours)) = add(headers, &header::CACHE_CONTROL, ours) else {
        return;
    };
    // That of a layer within this one, which set no cookie.
    if sets_cookie && beside_others {
        theirs.pop_if(|last| last == PRIVATE);
    }
    let shared = has(&theirs, &[b"public", b"s-maxage"]);
    if is_kept_out_of_shared_caches(&theirs) || (shared && !sets_cookie) {
        put(headers, &header::CACHE_CONTROL, theirs);
    } else if sets_cookie {
        if shared {
            observe::cache_overridden();
        }
        headers.insert(header::CACHE_CONTROL, ours);
    }
}

const NO_STORE: &str = "no-store";
const PRIVATE: &str = "private";
const SURROGATE: &str = "surrogate-control";

/// What the handler says to single caches, which then overlook `Cache-Control` (RFC 9213, 2.1).
fn silence_single_caches(headers: &mut HeaderMap) {
    let lets_keep = |name: &&HeaderName| {
        let says: Vec<_> = headers.get_all(*name).iter().cloned().collect();
        !is_kept_out_of_shared_caches(&says) && (*name != SURROGATE || has(&says, &[b"max-age"]))
    };
    let is_targeted =
        |name: &&HeaderName| *name == SURROGATE || name.as_str().ends_with("-cache-control");
    let targeted = headers.keys().filter(is_targeted).filter(lets_keep);
    let targeted: Vec<_> = targeted.cloned().collect();
    for name in targeted {
        headers.remove(name);
        observe::cache_overridden();
    }
}

/// The response depends on this header of the request.
fn vary(headers: &mut HeaderMap, on: HeaderValue) {
    if let Some((theirs, on)) = add(headers, &header::VARY, on)
        && has(&theirs, &[on.as_bytes(), b"*"])
    {
        put(headers, &header::VARY, theirs);
    }
}

/// By the handler, with a directive that means the whole response: `private="x"` speaks of one header, and a cache
/// that follows `must-understand` overlooks `no-store` (RFC 9111, 5.2.2).
fn is_kept_out_of_shared_caches(values: &[HeaderValue]) -> bool {
    let is = |member: &[u8], directive: &str| member.eq_ignore_ascii_case(directive.as_bytes());
    let understood = has(values, &[b"must-understand"]);
    members(values).any(|member| is(member, "private") || (is(member, "no-store") && !understood))
}

/// Whether a list header has one of these members, their values aside.
fn has(values: &[HeaderValue], wanted: &[&[u8]]) -> bool {
    members(values).any(|member| {
        let name = member.split(|byte| *byte == b'=').next();
        let name = name.unwrap_or_default().trim_ascii();
        let mut wanted = wanted.iter();
        wanted.any(|wanted| name.eq_ignore_ascii_case(wanted))
    })
}

/// The members of a list header; a comma in quotes divides nothing.
fn members(values: &[HeaderValue]) -> impl Iterator<Item = &[u8]> {
    values.iter().flat_map(|header| {
        let mut quoted = false;
        let divides = move |byte: &u8| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        };
        header.as_bytes().split(divides).map(<[u8]>::trim_ascii)
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
        mark(&mut headers, sets_cookie, false, None);
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
            (
                Some("private=\"x-a, private, x-b\""),
                "private=\"x-a, private, x-b\", private",
                "no-store",
            ),
            (Some("Private"), "Private", "Private"),
            (Some("private"), "private", "private"),
            (
                Some("no-cache=\"x-a\", private"),
                "no-cache=\"x-a\", private",
                "no-cache=\"x-a\", private",
            ),
            (
                Some("no-store, must-understand"),
                "no-store, must-understand, private",
                "no-store",
            ),
        ] {
            assert_eq!(marked(handler, false), reads);
            assert_eq!(marked(handler, true), sets);
        }
    }

    #[test]
    fn vary_is_appended_once() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        mark(&mut headers, false, false, None);
        mark(&mut headers, false, false, None);
        let values: Vec<_> = headers.get_all(header::VARY).iter().collect();
        assert_eq!(values, ["Accept-Encoding", "Cookie"]);
    }
}
