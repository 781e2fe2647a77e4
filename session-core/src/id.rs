//! Who a session is: [`SessionId`], the [`Token`] that a client carries, and the [`Fingerprint`] that logs carry.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A session's name in the store: 128 bits from the operating system's seeded generator, stable for the session's life.
///
/// All 128 bits are random: the `Uuid` is only their container, no version bits are fixed
/// (ASVS 5, 7.2.3 and 11.5.1). An id is no credential: a client holds it only sealed together with
/// a generation, and nobody without the [key](https://docs.rs/cookie) can seal it.
///
/// It is never printed: `Debug` shows the [fingerprint](Self::fingerprint), there is no `Display`.
/// Stores keep it as bytes and read it back with the fallible `TryFrom<&[u8]>`.
///
/// ```
/// use session_core::SessionId;
///
/// let id = SessionId::generate();
/// let stored: &[u8] = id.as_bytes();
/// assert_eq!(SessionId::try_from(stored), Ok(id));
/// assert!(SessionId::try_from(&stored[1..]).is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The ends of the order of all ids.
    pub(crate) const MIN: Self = Self(Uuid::nil());
    pub(crate) const MAX: Self = Self(Uuid::max());

    /// A new random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::from_bytes(rand::random()))
    }

    /// The 16 bytes, for a store's key column.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// What logs may say of this id: one-way and short.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(u64::from_be_bytes(one_way(
            b"session fingerprint",
            self.as_bytes(),
        )))
    }

    /// What pages may say of this id, to name it in a list: one-way, and no credential.
    #[must_use]
    pub fn to_ref(&self) -> SessionRef {
        SessionRef(Uuid::from_bytes(one_way(
            b"session reference",
            self.as_bytes(),
        )))
    }
}

/// The first bytes of a SHA-256, for one purpose.
pub(crate) fn one_way<const N: usize>(purpose: &[u8], bytes: &[u8]) -> [u8; N] {
    let digest = Sha256::new()
        .chain_update(purpose)
        .chain_update(bytes)
        .finalize();
    let mut short = [0; N];
    short.copy_from_slice(&digest[..N]);
    short
}

/// A session's name in a list that its owner sees: one-way, shown as 32 hex digits, and never a credential.
///
/// ```
/// use session_core::{SessionId, SessionRef};
///
/// let shown = SessionId::generate().to_ref();
/// assert_eq!(shown.to_string().parse::<SessionRef>(), Ok(shown));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionRef(Uuid);

/// The text was no session's reference: it has 32 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's reference has 32 hex digits")]
pub struct InvalidRef;

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

/// As text, so that a form or a page's link may carry it.
impl Serialize for SessionRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl FromStr for SessionRef {
    type Err = InvalidRef;

    fn from_str(text: &str) -> Result<Self, InvalidRef> {
        let parsed = Uuid::try_parse(text).ok().filter(|_| text.len() == 32);
        parsed.map(Self).ok_or(InvalidRef)
    }
}

/// The bytes were not a session id: it has exactly 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session id has 16 bytes")]
pub struct InvalidId;

impl TryFrom<&[u8]> for SessionId {
    type Error = InvalidId;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidId> {
        Uuid::from_slice(bytes).map(Self).map_err(|_| InvalidId)
    }
}

/// The bits are random already, so a table may use them as they are: half of them is a hash.
impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.as_u64_pair().0);
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({})", self.fingerprint())
    }
}

/// A one-way mark of a session for logs: 64 bits of a SHA-256, shown as 16 hex digits.
///
/// Two log lines with one fingerprint speak of one session; nothing can be opened with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

/// As logs show it, so that it is found there.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a client carries, sealed: which session, and of which generation.
///
/// A token of an older generation than the record's opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// The session.
    pub id: SessionId,
    /// The record's generation when the token was issued.
    pub generation: u32,
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeSet, hash_map::RandomState},
        hash::BuildHasher,
    };

    use super::*;

    #[test]
    fn every_bit_of_an_id_is_random() {
        let ids: Vec<_> = (0..1_000).map(|_| SessionId::generate()).collect();
        for bit in 0..128 {
            let ones = ids
                .iter()
                .filter(|id| id.as_bytes()[bit / 8] >> (bit % 8) & 1 == 1)
                .count();
            assert!(
                (350..650).contains(&ones),
                "bit {bit} is set in {ones} of 1000"
            );
        }
    }

    #[test]
    fn ids_have_hashes_of_their_own() {
        let table = RandomState::new();
        let hashes = (0..1_000).map(|_| table.hash_one(SessionId::generate()));
        assert_eq!(hashes.collect::<BTreeSet<_>>().len(), 1_000);
    }

    #[test]
    fn an_id_is_never_printed() {
        let id = SessionId::generate();
        let printed = format!("{id:?}{:?}", Token { id, generation: 7 });
        let hex = id.0.simple().to_string();
        assert!(!printed.contains(&hex) && !printed.contains(&id.0.hyphenated().to_string()));
        assert!(printed.contains(&id.fingerprint().to_string()));
    }
}
