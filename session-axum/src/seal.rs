//! Sealed text ↔ token.
//!
//! The seal is the `cookie` crate's private jar: AES-256-GCM with a random nonce, and the cookie's name as
//! associated data, so that a sealed text pasted under another name opens nothing. It is the format of
//! axum-extra's `PrivateCookieJar`.
//!
//! Inside stands the format's version, `1`, the id as 32 hex digits, and the generation in decimal.

use std::sync::Arc;

use cookie::{Cookie, CookieJar};
use session_core::{SessionId, Token};
use uuid::Uuid;

use crate::{Key, memory::Memory};

const VERSION: &str = "1";
const ID_LEN: usize = 32;

/// Seals with its first key, opens with any. What opened is remembered, and forgotten with the keys.
#[derive(Debug, Clone)]
pub(crate) struct Sealer {
    /// Bound into every seal.
    name: String,
    key: Key,
    fallback: Vec<Key>,
    memory: Arc<Memory<Opened>>,
}

/// A token that opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) token: Token,
    /// Not by the first key.
    pub(crate) by_fallback: bool,
}

impl Sealer {
    pub(crate) fn new(name: String, key: Key, fallback: Vec<Key>) -> Self {
        Self {
            name,
            key,
            fallback,
            memory: Arc::default(),
        }
    }

    pub(crate) fn named(&self, name: String) -> Self {
        Self::new(name, self.key.clone(), self.fallback.clone())
    }

    pub(crate) fn with_fallback(&self, fallback: Vec<Key>) -> Self {
        Self::new(self.name.clone(), self.key.clone(), fallback)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn seal(&self, token: Token) -> String {
        let mut jar = CookieJar::new();
        jar.private_mut(self.key.as_cookie_key())
            .add(Cookie::new(self.name.clone(), to_text(token)));
        jar.get(&self.name)
            .map(|cookie| cookie.value().to_owned())
            .unwrap_or_default()
    }

    /// `None` for anything that was not sealed by one of the keys under this name: there is no other decoder.
    pub(crate) fn open(&self, sealed: &str) -> Option<Opened> {
        if let Some(opened) = self.memory.recall(sealed) {
            return Some(opened);
        }
        let opened = self.unseal(sealed)?;
        self.memory.keep(sealed, opened);
        Some(opened)
    }

    fn unseal(&self, sealed: &str) -> Option<Opened> {
        let keys = std::iter::once(&self.key).chain(&self.fallback);
        keys.enumerate().find_map(|(at, key)| {
            let cookie = Cookie::new(self.name.clone(), sealed.to_owned());
            let opened = CookieJar::new()
                .private(key.as_cookie_key())
                .decrypt(cookie)?;
            Some(Opened {
                token: from_text(opened.value())?,
                by_fallback: at > 0,
            })
        })
    }
}

fn to_text(token: Token) -> String {
    let id = Uuid::from_bytes(*token.id.as_bytes());
    format!("{VERSION}{}{}", id.as_simple(), token.generation)
}

/// One token has one text: no capitals, no sign, no leading zeros.
fn from_text(text: &str) -> Option<Token> {
    let (id, generation) = text.strip_prefix(VERSION)?.split_at_checked(ID_LEN)?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_canonical = id.bytes().all(is_hex)
        && !generation.starts_with('+')
        && (generation == "0" || !generation.starts_with('0'));
    if !is_canonical {
        return None;
    }
    let id = Uuid::try_parse(id).ok()?;
    Some(Token {
        id: SessionId::try_from(&id.as_bytes()[..]).ok()?,
        generation: generation.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(name: &str, key: &Key) -> Sealer {
        Sealer::new(name.to_owned(), key.clone(), Vec::new())
    }

    fn token() -> Token {
        Token {
            id: SessionId::generate(),
            generation: 7,
        }
    }

    #[test]
    fn texts_sealed_by_earlier_releases_still_open() {
        let key = Key::derive_from("the golden key, for this test alone").expect("long enough");
        let golden = include_str!("golden_v1.txt").trim();
        let opened = sealer("sid", &key)
            .open(golden)
            .expect("format 1 opens for ever");
        let id: Vec<u8> = (0..16).collect();
        assert_eq!(opened.token.id.as_bytes()[..], id[..]);
        assert_eq!(opened.token.generation, 42);
    }

    #[test]
    fn a_sealed_text_opens_only_under_its_name_and_key() {
        let (key, other) = (Key::generate(), Key::generate());
        let token = token();
        let sealed = sealer("sid", &key).seal(token);
        let opened = sealer("sid", &key).open(&sealed).map(|opened| opened.token);
        assert_eq!(opened, Some(token));
        assert_eq!(sealer("admin", &key).open(&sealed), None);
        assert_eq!(sealer("sid", &other).open(&sealed), None);
    }

    #[test]
    fn a_fallback_key_opens_and_says_so() {
        let (old, new) = (Key::generate(), Key::generate());
        let token = token();
        let sealed = sealer("sid", &old).seal(token);
        let both = sealer("sid", &new).with_fallback(vec![old]);
        assert_eq!(
            both.open(&sealed),
            Some(Opened {
                token,
                by_fallback: true
            })
        );
        let resealed = both.seal(token);
        assert_eq!(
            both.open(&resealed),
            Some(Opened {
                token,
                by_fallback: false
            })
        );
    }

    #[test]
    fn what_opened_is_forgotten_with_its_key_and_name() {
        let (old, new) = (Key::generate(), Key::generate());
        let both = sealer("sid", &new).with_fallback(vec![old.clone()]);
        let sealed = sealer("sid", &old).seal(token());
        assert!(both.open(&sealed).is_some() && both.open(&sealed).is_some());
        assert_eq!(both.with_fallback(Vec::new()).open(&sealed), None);
        assert_eq!(both.named("admin".to_owned()).open(&sealed), None);
    }

    #[test]
    fn two_seals_of_one_token_differ() {
        let sealer = sealer("sid", &Key::generate());
        let token = token();
        assert_ne!(sealer.seal(token), sealer.seal(token));
    }

    #[test]
    fn only_the_one_text_of_a_token_is_a_token() {
        let good = to_text(token());
        assert!(from_text(&good).is_some());
        let (id, _) = good.split_at(33);
        for bad in [
            String::new(),
            id.to_owned(),
            format!("{id}+7"),
            format!("{id}07"),
            format!("{id}4294967296"),
            good.to_uppercase().replace('A', "a") + " ",
            good.replacen('1', "2", 1),
            good.replace(|c: char| c.is_ascii_hexdigit(), "ä"),
        ] {
            assert_eq!(from_text(&bad), None, "{bad}");
        }
    }
}
