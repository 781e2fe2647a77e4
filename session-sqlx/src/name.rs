//! Names of tables and schemas that can stand in a statement.

/// A table's or schema's name that is none: it has 1 to 48 of the characters `a-z`, `0-9` and `_`, no digit first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` can't name a table: take 1 to 48 of the characters a-z, 0-9 and _, no digit first")]
pub struct InvalidName(String);

/// The longest that leaves room for what an index is called, of PostgreSQL's 63 bytes.
const MAX_LEN: usize = 48;

pub(crate) fn checked(name: impl Into<String>) -> Result<String, InvalidName> {
    let name = name.into();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    if starts_well && name.len() <= MAX_LEN && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(InvalidName(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_can_stand_in_a_statement() {
        for name in ["sessions", "_s1", &"x".repeat(48)] {
            assert_eq!(checked(name).as_deref(), Ok(name));
        }
        let long = "x".repeat(49);
        for name in ["", "1a", "A", "a b", "a\"b", "a.b", "a;", "ä", &long] {
            assert!(checked(name).is_err(), "{name}");
        }
    }
}
