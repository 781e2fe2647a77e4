//! The fields of one record, in one piece of text.

use std::{cmp::Ordering, fmt, ops::Range};

use crate::FieldChange;

/// A field's name has at most this many bytes, and no control characters.
pub const MAX_NAME_LEN: usize = 128;
/// A record has at most this many fields.
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
    /// Survives a change of owner.
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
        let mut places = self.places();
        // Most names differ by their length.
        let found = places.find(|place| {
            place.json - place.name == name.len() && self.name(place) == name.as_bytes()
        })?;
        Some(found.of(&self.0))
    }

    /// All fields, in the order of their names.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            text: &self.0,
            places: self.places(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places().count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of names and values together: what counts towards a record's size.
    #[must_use]
    pub fn size(&self) -> usize {
        self.places().map(|place| place.end - place.name).sum()
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
        let removed: usize = self.spans(changes).map(|(_, span)| span.len()).sum();
        let set = changes.iter().filter_map(FieldChange::as_field);
        let added: usize = set.map(stored_len).sum();
        // Exactly as long as it gets: nothing is moved to a smaller place afterwards.
        let mut text = String::with_capacity(self.0.len() - removed + added);
        let mut copied = 0;
        for (change, span) in self.spans(changes) {
            text.push_str(&self.0[copied..span.start]);
            if let Some(field) = change.as_field() {
                push(&mut text, field);
            }
            copied = span.end;
        }
        text.push_str(&self.0[copied..]);
        Self(text.into_boxed_str())
    }

    /// Where each change belongs: the field that it replaces, or the empty place before the next one.
    fn spans<'a>(
        &'a self,
        changes: &'a [FieldChange],
    ) -> impl Iterator<Item = (&'a FieldChange, Range<usize>)> {
        let (mut places, mut start) = (self.places(), 0);
        let mut next = places.next();
        changes.iter().map(move |change| {
            while let Some(place) = &next {
                let order = self.name(place).cmp(change.name.as_bytes());
                if order == Ordering::Greater {
                    break;
                }
                let before = std::mem::replace(&mut start, place.end);
                next = places.next();
                if order == Ordering::Equal {
                    return (change, before..start);
                }
            }
            (change, start..start)
        })
    }

    fn places(&self) -> Places<'_> {
        Places {
            text: self.0.as_bytes(),
            next: 0,
        }
    }

    fn name(&self, place: &Place) -> &[u8] {
        &self.0.as_bytes()[place.name..place.json]
    }
}

/// Where a field lies in the text.
struct Place {
    name: usize,
    json: usize,
    end: usize,
    keep: bool,
}

impl Place {
    fn of<'a>(&self, text: &'a str) -> FieldRef<'a> {
        FieldRef {
            name: &text[self.name..self.json],
            json: &text[self.json..self.end],
            keep: self.keep,
        }
    }
}

/// Goes from field to field without a look at their texts.
#[derive(Clone)]
struct Places<'a> {
    text: &'a [u8],
    next: usize,
}

impl Iterator for Places<'_> {
    type Item = Place;

    fn next(&mut self) -> Option<Place> {
        let (name_len, at) = number(self.text, self.next)?;
        let (json_len, name) = number(self.text, at)?;
        let json = name + name_len;
        self.next = json + (json_len >> 1);
        Some(Place {
            name,
            json,
            end: self.next,
            keep: json_len & 1 == 1,
        })
    }
}

/// Bytes of a field with the two numbers before it.
fn stored_len(field: FieldRef<'_>) -> usize {
    let numbers = number_len(field.name.len()) + number_len(field.json.len() << 1);
    numbers + field.name.len() + field.json.len()
}

/// Six bits in a character.
fn number_len(number: usize) -> usize {
    number
        .checked_ilog2()
        .map_or(1, |bits| bits as usize / 6 + 1)
}

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

/// The number that begins here, and where it ends. Most have one or two characters.
#[inline]
fn number(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = usize::from(*text.get(at)?);
    if first < 0x40 {
        return Some((first, at + 1));
    }
    let second = usize::from(*text.get(at + 1)?);
    if second < 0x40 {
        return Some((first & 0x3f | second << 6, at + 2));
    }
    long_number(text, at)
}

#[cold]
fn long_number(text: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = *text.get(at)?;
        number |= usize::from(byte & 0x3f) << shift;
        shift += 6;
        at += 1;
        if byte < 0x40 {
            return Some((number, at));
        }
    }
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
pub struct Iter<'a> {
    text: &'a str,
    places: Places<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = FieldRef<'a>;

    fn next(&mut self) -> Option<FieldRef<'a>> {
        let place = self.places.next()?;
        Some(place.of(self.text))
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
    fn the_length_of_what_is_stored_is_known_before() {
        for len in [0, 1, 31, 32, 63, 64, 2047, 2048, 4095, 4096, 60 * 1024] {
            let (name, json) = ("n".repeat(len), "j".repeat(len));
            let change = FieldChange::set(name, json).keeping(true);
            let field = change.as_field().expect("a field");
            let mut text = String::new();
            push(&mut text, field);
            assert_eq!(stored_len(field), text.len(), "{len}");
        }
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
