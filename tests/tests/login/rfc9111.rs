//! A small shared cache by RFC 9111: what it may store (section 3), and to whom it may give that (4.1).

use axum::http::{HeaderMap, StatusCode, header};
use session_tests::Answer;

/// What was asked and answered.
pub(crate) struct Entry {
    request: HeaderMap,
    response: HeaderMap,
    pub(crate) body: String,
}

/// The directives of `Cache-Control`: name and, if there is one, argument.
fn directives(headers: &HeaderMap) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for value in headers.get_all(header::CACHE_CONTROL) {
        let mut quoted = false;
        let divides = |letter: char| {
            quoted ^= letter == '"';
            letter == ',' && !quoted
        };
        for directive in value.to_str().expect("text").split(divides) {
            let (name, argument) = match directive.split_once('=') {
                Some((name, argument)) => (name, Some(argument.trim().to_owned())),
                None => (directive, None),
            };
            found.push((name.trim().to_ascii_lowercase(), argument));
        }
    }
    found
}

/// The eagerest cache that still keeps to the standard: it stores whatever it may.
pub(crate) fn store(request: &HeaderMap, answer: &Answer) -> Option<Entry> {
    may_store(request, answer.status, &answer.headers).then(|| Entry {
        request: request.clone(),
        response: answer.headers.clone(),
        body: answer.body.clone(),
    })
}

fn may_store(request: &HeaderMap, status: StatusCode, headers: &HeaderMap) -> bool {
    let directives = directives(headers);
    let has = |name: &str| directives.iter().any(|(other, _)| other == name);
    let has_plain = |name: &str| {
        directives
            .iter()
            .any(|(other, argument)| other == name && argument.is_none())
    };
    let known = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];
    let is_known = known.contains(&status.as_u16());

    // 5.2.2.3: `must-understand` makes a cache that knows the status overlook `no-store`.
    if has("no-store") && !(has("must-understand") && is_known) {
        return false;
    }
    // 5.2.2.7: with an argument it speaks of some headers only.
    if has_plain("private") {
        return false;
    }
    if request.contains_key(header::AUTHORIZATION)
        && !["must-revalidate", "public", "s-maxage"]
            .iter()
            .any(|name| has(name))
    {
        return false;
    }
    let is_explicit = ["public", "max-age", "s-maxage"]
        .iter()
        .any(|name| has(name));
    is_explicit || headers.contains_key(header::EXPIRES) || is_known
}

impl Entry {
    /// May this be the answer to another request? Freshness aside: as if no time had passed.
    pub(crate) fn serves(&self, request: &HeaderMap) -> bool {
        let names = self.response.get_all(header::VARY).iter();
        names
            .flat_map(|value| value.to_str().expect("text").split(','))
            .map(str::trim)
            .all(|name| name != "*" && self.request.get(name) == request.get(name))
    }

    pub(crate) fn holds_cookies(&self) -> bool {
        self.response.contains_key(header::SET_COOKIE)
    }
}

#[test]
fn the_cache_of_these_tests_stores_what_it_may() {
    let stored = |status: u16, control: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, control.parse().expect("a value"));
        let status = StatusCode::from_u16(status).expect("a status");
        may_store(&HeaderMap::new(), status, &headers)
    };
    for control in [
        "",
        "public",
        "max-age=1",
        "private=\"set-cookie\"",
        "no-store, must-understand",
        "no-cache",
    ] {
        assert!(stored(200, control), "{control}");
    }
    for control in [
        "no-store",
        "private",
        "max-age=9, Private",
        "no-cache=\"a, b\", private",
        "No-Store",
    ] {
        assert!(!stored(200, control), "{control}");
    }
    assert!(!stored(302, "") && stored(302, "public") && !stored(299, "no-store, must-understand"));
}
