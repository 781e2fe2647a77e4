//! Sealed text ↔ token.
//!
//! The seal is that of the `cookie` crate's private jar: AES-256-GCM with a random nonce, and the cookie's name as
//! associated data, so that a sealed text pasted under another name opens nothing. The jar itself would make its
//! cipher ready anew for each cookie, which takes longer than the sealing.
//!
//! Inside stands the format's version, `1`, the id as 32 hex digits, and the generation in decimal.

use std::{fmt, io::Write as _, sync::Arc};

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, AeadCore as _, AeadInPlace as _, Payload},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use session_core::{SessionId, Token};
use uuid::Uuid;

use crate::{Key, memory::Memory};

const VERSION: &str = "1";
const ID_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// Of a sealed token, before base64.
const MAX_LEN: usize =
    NONCE_LEN + VERSION.len() + ID_LEN + u32::MAX.ilog10() as usize + 1 + TAG_LEN;

/// Seals with its first key, opens with any. What opened is remembered, and forgotten with the keys.
#[derive(Clone)]
pub(crate) struct Sealer {
    /// Bound into every seal.
    name: String,
    first: Cipher,
    fallback: Vec<Cipher>,
    memory: Arc<Memory<Opened>>,
}

/// A key, made ready once.
type Cipher = Arc<Aes256Gcm>;

/// A token that opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) token: Token,
    /// Not by the first key.
    pub(crate) by_fallback: bool,
}

impl Sealer {
    pub(crate) fn new(name: String, key: &Key) -> Self {
        Self::with(name, cipher(key), Vec::new())
    }

    fn with(name: String, first: Cipher, fallback: Vec<Cipher>) -> Self {
        Self {
            name,
            first,
            fallback,
            memory: Arc::default(),
        }
    }

    pub(crate) fn named(&self, name: String) -> Self {
        Self::with(name, Arc::clone(&self.first), self.fallback.clone())
    }

    pub(crate) fn with_fallback(&self, keys: impl IntoIterator<Item = Key>) -> Self {
        let fallback = keys.into_iter().map(|key| cipher(&key)).collect();
        Self::with(self.name.clone(), Arc::clone(&self.first), fallback)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn seal(&self, token: Token) -> String {
        let nonce = Aes256Gcm::generate_nonce(rand::thread_rng());
        let mut sealed = Vec::with_capacity(MAX_LEN);
        sealed.extend_from_slice(&nonce);
        push_text(&mut sealed, token);
        let (aad, text) = (self.name.as_bytes(), &mut sealed[NONCE_LEN..]);
        let tag = self.first.encrypt_in_place_detached(&nonce, aad, text);
        sealed.extend_from_slice(&tag.expect("fails for gigabytes only"));
        BASE64_STANDARD.encode(sealed)
    }

    /// `None` for anything that was not sealed by one of the keys under this name: there is no other decoder.
    pub(crate) fn open(&self, sealed: impl AsRef<[u8]>) -> Option<Opened> {
        let sealed = sealed.as_ref();
        if let Some(opened) = self.memory.recall(sealed) {
            return Some(opened);
        }
        let opened = self.unseal(sealed)?;
        self.memory.keep(sealed, opened);
        Some(opened)
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Opened> {
        let sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, msg) = sealed.split_at_checked(NONCE_LEN)?;
        let ciphers = std::iter::once(&self.first).chain(&self.fallback);
        ciphers.enumerate().find_map(|(at, cipher)| {
            let aad = self.name.as_bytes();
            let text = cipher.decrypt(nonce.into(), Payload { msg, aad }).ok()?;
            Some(Opened {
                token: from_text(str::from_utf8(&text).ok()?)?,
                by_fallback: at > 0,
            })
        })
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn cipher(key: &Key) -> Cipher {
    Arc::new(Aes256Gcm::new(key.as_cookie_key().encryption().into()))
}

fn push_text(text: &mut Vec<u8>, token: Token) {
    let mut id = [0; ID_LEN];
    let id = Uuid::from_bytes(*token.id.as_bytes())
        .as_simple()
        .encode_lower(&mut id);
    text.extend_from_slice(VERSION.as_bytes());
    text.extend_from_slice(id.as_bytes());
    // Writing to a Vec can't fail.
    let _ = write!(text, "{}", token.generation);
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
        Sealer::new(name.to_owned(), key)
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
        let both = sealer("sid", &new).with_fallback([old]);
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
        let both = sealer("sid", &new).with_fallback([old.clone()]);
        let sealed = sealer("sid", &old).seal(token());
        assert!(both.open(&sealed).is_some() && both.open(&sealed).is_some());
        assert_eq!(both.with_fallback([]).open(&sealed), None);
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
        let mut good = Vec::new();
        push_text(&mut good, token());
        let good = String::from_utf8(good).expect("text");
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
