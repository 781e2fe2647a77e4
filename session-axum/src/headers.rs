//! A header that a response may have from its handler, too.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Adds a value. Where the handler set others of this name, gives them and ours, to be [`put`] in otherwise. Most
/// handlers leave these headers to us: one look at the map is enough.
pub(crate) fn add(
    headers: &mut HeaderMap,
    name: &HeaderName,
    ours: HeaderValue,
) -> Option<(Vec<HeaderValue>, HeaderValue)> {
    if !headers.append(name, ours) {
        return None;
    }
    let mut theirs: Vec<_> = headers.get_all(name).iter().cloned().collect();
    let ours = theirs.pop()?;
    Some((theirs, ours))
}

/// These values, and no others of this name.
pub(crate) fn put(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}
