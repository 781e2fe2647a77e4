//! The fields of one record, in one piece of text.

use std::fmt;

use crate::FieldChange;

/// A field's name has at most this many bytes, and no control characters (R22).
pub const MAX_NAME_LEN: usize = 128;
/// A record has at most this many fields (R22).
pub const MAX_FIELDS: usize = 256;

/// Whether a field may have this name.
pub(crate) fn is_valid_name(name: &str) -> bool {
    (1..=MAX_NAME_LEN).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// A record's fields: names with JSON texts, in the order of their names.
///
/// They lie in one allocation, each as the lengths of its name and its JSON text, and then these two.
/// So a record costs little memory, one field is read without the others, and a merge copies what stays in one piece.
///
/// `Debug` shows the names and sizes only, never values.
///
/// ```
/// use session_core::{FieldChange, Fields};
///
/// let fields = Fields::default().merge(&[FieldChange::set("count", "7")]);
/// assert_eq!(fields.get("count"), Some("7"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields(Box<str>);

/// One stored field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FieldRef<'a> {
    /// The stored name.
    pub name: &'a str,
    /// The value, as JSON text.
    pub json: &'a str,
    /// Survives a change of owner (R12).
    pub keep: bool,
}

impl Fields {
    /// The JSON text of one field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|field| field.json)
    }

    /// One field.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<FieldRef<'_>> {
        self.iter().find(|field| field.name == name)
    }

    /// All fields, in the order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of names and values together: what counts towards a record's size.
    #[must_use]
    pub fn size(&self) -> usize {
        self.iter()
            .map(|field| field.name.len() + field.json.len())
            .sum()
    }

    /// Only those that survive a change of owner.
    #[must_use]
    pub fn kept(&self) -> Self {
        self.iter().filter(|field| field.keep).collect()
    }

    /// These fields with the changes applied. `changes` must be in the order of their names, each name once,
    /// as those of a [`Patch`](crate::Patch) are.
    #[must_use]
    pub fn merge(&self, changes: &[FieldChange]) -> Self {
        let added: usize = changes
            .iter()
            .map(|change| change.size() + MAX_HEADER)
            .sum();
        let mut text = String::with_capacity(self.0.len() + added);
        let mut rest = &*self.0;
        for change in changes {
            let (before, behind) = around(rest, &change.name);
            text.push_str(before);
            if let Some(field) = change.as_field() {
                push(&mut text, field);
            }
            rest = behind;
        }
        text.push_str(rest);
        Self(text.into_boxed_str())
    }
}

/// The text before the field of this name, and the text behind it.
fn around<'a>(text: &'a str, name: &str) -> (&'a str, &'a str) {
    let mut fields = Iter(text);
    loop {
        let here = fields.0;
        match fields.next() {
            Some(field) if field.name < name => {}
            found => {
                let is_it = found.is_some_and(|field| field.name == name);
                let before = &text[..text.len() - here.len()];
                return (before, if is_it { fields.0 } else { here });
            }
        }
    }
}

/// Bytes before a name, at most: two numbers of 64 bits.
const MAX_HEADER: usize = 2 * 11;

fn push(text: &mut String, field: FieldRef<'_>) {
    push_number(text, field.name.len());
    push_number(text, field.json.len() << 1 | usize::from(field.keep));
    text.push_str(field.name);
    text.push_str(field.json);
}

/// Six bits in a character, the lowest first; one more bit says that more follow.
fn push_number(text: &mut String, mut number: usize) {
    while number >= 0x40 {
        text.push(char::from(number.to_le_bytes()[0] & 0x3f | 0x40));
        number >>= 6;
    }
    text.push(char::from(number.to_le_bytes()[0]));
}

/// Splits off one number.
fn number(text: &str) -> Option<(usize, &str)> {
    let mut number = 0;
    for (at, byte) in text.bytes().enumerate() {
        number |= usize::from(byte & 0x3f) << (6 * at);
        if byte & 0x40 == 0 {
            return Some((number, &text[at + 1..]));
        }
    }
    None
}

/// Fields must come in the order of their names, each once.
impl<'a> FromIterator<FieldRef<'a>> for Fields {
    fn from_iter<I: IntoIterator<Item = FieldRef<'a>>>(fields: I) -> Self {
        let mut text = String::new();
        fields.into_iter().for_each(|field| push(&mut text, field));
        Self(text.into_boxed_str())
    }
}

/// Iterator over [`Fields`].
#[derive(Clone)]
pub struct Iter<'a>(&'a str);

impl<'a> Iterator for Iter<'a> {
    type Item = FieldRef<'a>;

    fn next(&mut self) -> Option<FieldRef<'a>> {
        let (name_len, rest) = number(self.0)?;
        let (json_len, rest) = number(rest)?;
        let (name, rest) = rest.split_at_checked(name_len)?;
        let (json, rest) = rest.split_at_checked(json_len >> 1)?;
        self.0 = rest;
        Some(FieldRef {
            name,
            json,
            keep: json_len & 1 == 1,
        })
    }
}

impl<'a> IntoIterator for &'a Fields {
    type Item = FieldRef<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl fmt::Debug for FieldRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.json.len())
    }
}

impl fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_sets_replaces_and_removes_by_name() {
        let fields = Fields::default().merge(&[
            FieldChange::set("b", "1"),
            FieldChange::set("d", "\"ä:3\"").keeping(true),
        ]);
        let fields = fields.merge(&[
            FieldChange::set("a", "[]"),
            FieldChange::removed("b"),
            FieldChange::removed("c"),
            FieldChange::set("e", "null"),
        ]);
        let names: Vec<_> = fields.iter().map(|f| (f.name, f.json, f.keep)).collect();
        assert_eq!(
            names,
            [
                ("a", "[]", false),
                ("d", "\"ä:3\"", true),
                ("e", "null", false)
            ]
        );
        assert_eq!(fields.kept().get("d"), Some("\"ä:3\""));
        assert_eq!(fields.kept().len(), 1);
        assert_eq!(fields.size(), 1 + 2 + 1 + 6 + 1 + 4);
    }

    #[test]
    fn names_and_values_of_any_length_come_back() {
        let lengths = [0, 1, 31, 32, 63, 64, 127, 128, 2047, 2048, 60 * 1024];
        let changes: Vec<_> = lengths
            .map(|len| FieldChange::set("n".repeat(len), "j".repeat(len)).keeping(len % 2 == 1))
            .into();
        let fields = Fields::default().merge(&changes);
        let back: Vec<_> = fields.iter().collect();
        let sent: Vec<_> = changes.iter().filter_map(FieldChange::as_field).collect();
        assert_eq!(back, sent);
    }

    #[test]
    fn no_value_is_printed() {
        let fields = Fields::default().merge(&[FieldChange::set("name", "\"Ada\"")]);
        assert!(!format!("{fields:?} {:?}", fields.iter()).contains("Ada"));
    }

    #[test]
    fn names_are_bounded_and_printable() {
        assert!(is_valid_name("shop.items") && is_valid_name(&"x".repeat(MAX_NAME_LEN)));
        assert!(
            !is_valid_name("")
                && !is_valid_name("a\n")
                && !is_valid_name(&"x".repeat(MAX_NAME_LEN + 1))
        );
    }
}
