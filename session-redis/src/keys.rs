//! Names of keys and of an index's members.

use session_core::SessionId;
use sha2::{Digest, Sha256};

/// Whether a cluster finds a hash tag in what begins with this: only the first `{` can begin one, and it may not be empty.
pub(crate) fn can_have_tag(prefix: &str) -> bool {
    let tag = prefix.split_once('{').map_or("", |(_, tag)| tag);
    !tag.starts_with('}')
}

/// Where one session is.
pub(crate) struct SessionKey {
    pub(crate) key: String,
    member_at: usize,
}

impl SessionKey {
    pub(crate) fn new(prefix: &str, id: SessionId) -> Self {
        let mut key = String::with_capacity(prefix.len() + 32);
        key.push_str(prefix);
        push_hex(&mut key, id.as_bytes());
        Self {
            key,
            member_at: prefix.len(),
        }
    }

    /// The id in hex, as indexes and marks name it.
    pub(crate) fn member(&self) -> &str {
        &self.key[self.member_at..]
    }
}

/// What is kept of an owner, both in one slot: their sessions, and the moment before which all of them ended.
pub(crate) struct OwnerKeys {
    pub(crate) index: String,
    pub(crate) mark: String,
}

impl OwnerKeys {
    pub(crate) fn new(prefix: &str, owner: &str) -> Self {
        let hash = hex(&Sha256::digest(owner.as_bytes()));
        Self {
            index: format!("{prefix}owner:{{{hash}}}"),
            mark: format!("{prefix}owner:{{{hash}}}:mark"),
        }
    }

    pub(crate) fn both(&self) -> [&[u8]; 2] {
        [self.index.as_bytes(), self.mark.as_bytes()]
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    push_hex(&mut text, bytes);
    text
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
}

/// The id that a member of an index names; `None` for what we did not write.
pub(crate) fn id_of(member: &[u8]) -> Option<SessionId> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if member.len() != 32 || !member.iter().all(is_hex) {
        return None;
    }
    let number = u128::from_str_radix(str::from_utf8(member).ok()?, 16).ok()?;
    SessionId::try_from(number.to_be_bytes().as_slice()).ok()
}
