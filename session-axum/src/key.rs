//! [`Key`]: the secret that seals tokens.

use std::{env, fmt};

use axum_extra::extract::cookie::Key as CookieKey;

/// The secret that seals tokens into cookies, and only that. 64 bytes; `Debug` shows nothing of it.
///
/// It converts into the key of axum-extra's `PrivateCookieJar`, and from it by `TryFrom`, so that one secret
/// serves both in one app.
///
/// ```
/// use session_axum::Key;
///
/// let key = Key::derive_from(b"a long random secret from your configuration")?;
/// let jar_key: axum_extra::extract::cookie::Key = key.into();
/// assert!(Key::try_from(&[0; 64][..]).is_err()); // no secret at all
/// # let _ = jar_key;
/// # Ok::<(), session_axum::KeyError>(())
/// ```
#[derive(Clone)]
pub struct Key(CookieKey);

/// Why a secret can't be a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is too short.
    #[error(
        "the key's secret has {len} bytes, fewer than {min}: make one with `openssl rand -base64 48`"
    )]
    TooShort {
        /// How many bytes it has.
        len: usize,
        /// How many it needs.
        min: usize,
    },
    /// The secret, or a half of the 64 bytes of a full key, repeats one byte: so does one that was padded.
    #[error(
        "the key's secret is one byte repeated, or padded with one: make one with `openssl rand -base64 48`"
    )]
    Repeated,
    /// The environment has no such variable.
    #[error(
        "the environment variable `{0}` is not set: set it to a secret of 32 or more random bytes"
    )]
    NotSet(String),
}

impl Key {
    const FULL: usize = 64;
    const SECRET: usize = 32;

    /// A new random key. Sessions sealed with it end for their clients when it is dropped, at the latest when
    /// the process ends.
    #[must_use]
    pub fn generate() -> Self {
        Self(CookieKey::generate())
    }

    /// A key from a secret of 32 or more random bytes (HKDF with SHA-256). A shorter one, or one byte repeated, is an
    /// error.
    pub fn derive_from(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        check(secret, Self::SECRET)?;
        Ok(Self(CookieKey::derive_from(secret)))
    }

    /// A key from the bytes of an environment variable, as by [`derive_from`](Self::derive_from). It is an error if
    /// there is no such variable.
    pub fn from_env(variable: &str) -> Result<Self, KeyError> {
        let secret = env::var_os(variable).ok_or_else(|| KeyError::NotSet(variable.to_owned()))?;
        Self::derive_from(secret.as_encoded_bytes())
    }

    pub(crate) fn as_cookie_key(&self) -> &CookieKey {
        &self.0
    }

    /// Each half is a key by itself, and the second one seals: it must not be the padding of a short secret.
    fn check_full(bytes: &[u8]) -> Result<(), KeyError> {
        check(bytes, Self::FULL)?;
        let mut halves = bytes[..Self::FULL].chunks(Self::FULL / 2);
        halves.try_for_each(|half| check(half, half.len()))
    }
}

fn check(secret: &[u8], min: usize) -> Result<(), KeyError> {
    if secret.len() < min {
        return Err(KeyError::TooShort {
            len: secret.len(),
            min,
        });
    }
    if secret.iter().all(|byte| *byte == secret[0]) {
        return Err(KeyError::Repeated);
    }
    Ok(())
}

/// The first 64 of 64 or more random bytes, as they are.
impl TryFrom<&[u8]> for Key {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        Self::check_full(bytes)?;
        Ok(Self(CookieKey::from(bytes)))
    }
}

impl<const N: usize> TryFrom<&[u8; N]> for Key {
    type Error = KeyError;

    fn try_from(bytes: &[u8; N]) -> Result<Self, KeyError> {
        Self::try_from(&bytes[..])
    }
}

impl<const N: usize> TryFrom<[u8; N]> for Key {
    type Error = KeyError;

    fn try_from(bytes: [u8; N]) -> Result<Self, KeyError> {
        Self::try_from(&bytes[..])
    }
}

impl TryFrom<Vec<u8>> for Key {
    type Error = KeyError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, KeyError> {
        Self::try_from(&bytes[..])
    }
}

impl TryFrom<CookieKey> for Key {
    type Error = KeyError;

    fn try_from(key: CookieKey) -> Result<Self, KeyError> {
        Self::check_full(key.master())?;
        Ok(Self(key))
    }
}

impl From<Key> for CookieKey {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_empty_and_repeated_secrets_are_refused() {
        assert_eq!(
            Key::derive_from("").unwrap_err(),
            KeyError::TooShort { len: 0, min: 32 }
        );
        assert_eq!(
            Key::derive_from([1; 31]).unwrap_err(),
            KeyError::TooShort { len: 31, min: 32 }
        );
        assert_eq!(Key::derive_from([7; 32]).unwrap_err(), KeyError::Repeated);
        assert_eq!(Key::try_from([0; 64]).unwrap_err(), KeyError::Repeated);
        assert_eq!(
            Key::try_from(&b"0123456789"[..]).unwrap_err(),
            KeyError::TooShort { len: 10, min: 64 }
        );
        assert!(Key::derive_from("correct horse battery staple, said the key").is_ok());
        assert!(matches!(
            Key::from_env("SESSION_KEY_THAT_NOBODY_SET"),
            Err(KeyError::NotSet(_))
        ));
    }

    #[test]
    fn a_full_key_of_which_a_half_is_padding_is_refused() {
        let padded = |secret: std::ops::Range<usize>| {
            let mut bytes = vec![0; 65];
            bytes[secret].copy_from_slice(b"0123456789abcdefghijklmnopqrstuv");
            bytes
        };
        for bytes in [padded(0..32), padded(32..64)] {
            assert_eq!(Key::try_from(&bytes[..64]).unwrap_err(), KeyError::Repeated);
            let theirs = CookieKey::from(&bytes[..64]);
            assert_eq!(Key::try_from(theirs).unwrap_err(), KeyError::Repeated);
        }
        // Of more bytes than 64 only these count.
        let mut long = vec![0; 64];
        long.push(1);
        assert_eq!(Key::try_from(long).unwrap_err(), KeyError::Repeated);
    }

    #[test]
    fn a_key_is_never_printed() {
        assert_eq!(format!("{:?}", Key::generate()), "Key");
    }
}
