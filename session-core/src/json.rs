//! JSON texts: how values become them, and when two are the same value (R7).

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Nothing that is nested deeper is read again, for that takes stack.
const MAX_DEPTH: u8 = 127;

/// A value as text, behind what is there already. `false`, and nothing written, where it can't be one, or would be read
/// by nobody.
pub(crate) fn write(text: &mut Vec<u8>, value: &impl Serialize) -> bool {
    let start = text.len();
    let written = serde_json::to_writer(&mut *text, value).is_ok() && is_readable(&text[start..]);
    if !written {
        text.truncate(start);
    }
    written
}

/// What `write` writes, as text.
pub(crate) fn to_text(write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<Arc<str>> {
    let mut written = Vec::new();
    write(&mut written).then(|| text(&written).into())
}

/// Whether what was written of an `F` is read as one again. JSON has no text for a float that is NaN or infinite, and
/// a type may leave out what it needs.
pub(crate) fn reads<F: for<'de> Deserialize<'de>>(json: &str) -> bool {
    read::<F>(json).is_some()
}

pub(crate) fn read<F: for<'de> Deserialize<'de>>(json: &str) -> Option<F> {
    serde_json::from_str(json).ok()
}

/// What was written here, as text.
pub(crate) fn text(json: &[u8]) -> &str {
    str::from_utf8(json).expect("serde_json writes text")
}

fn is_readable(json: &[u8]) -> bool {
    let most = usize::from(MAX_DEPTH);
    let opens = |byte: &u8| matches!(byte, b'[' | b'{');
    // Nearly every value is shorter, or has fewer, those in strings included.
    if json.len() <= most || json.iter().filter(|byte| opens(byte)).count() <= most {
        return true;
    }
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    json.iter().all(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b']' | b'}' => depth -= 1,
            byte if opens(byte) => depth += 1,
            _ => {}
        }
        depth <= i32::from(MAX_DEPTH)
    })
}

/// Whether both texts hold the same JSON value: white space and the order of an object's names don't count.
///
/// Numbers are compared as texts, for `-0.0`, `u64::MAX` and `i128::MAX` must not be rounded into one another.
pub(crate) fn same_value(a: &str, b: &str) -> bool {
    a == b || ((may_differ_in_text(a) || may_differ_in_text(b)) && same(a, b, 0))
}

/// Most values are small, and most that differ in text differ: a number or a word without white space around it has
/// one text.
fn may_differ_in_text(json: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    !(json.as_bytes().first().is_some_and(is_word) && json.as_bytes().last().is_some_and(is_word))
}

fn same(a: &str, b: &str, depth: u8) -> bool {
    let (a, b) = (a.trim_ascii(), b.trim_ascii());
    if a == b {
        return true;
    }
    // It costs a needless write, no stack.
    if depth == MAX_DEPTH {
        return false;
    }
    match (a.bytes().next(), b.bytes().next()) {
        (Some(b'{'), Some(b'{')) => match (parse::<Object<'_>>(a), parse::<Object<'_>>(b)) {
            (Some(Object(a)), Some(Object(b))) => {
                a.len() == b.len()
                    && a.iter().zip(&b).all(|((name, a), (other, b))| {
                        name == other && same(a.get(), b.get(), depth + 1)
                    })
            }
            _ => false,
        },
        (Some(b'['), Some(b'[')) => {
            match (parse::<Vec<&RawValue>>(a), parse::<Vec<&RawValue>>(b)) {
                (Some(a), Some(b)) => {
                    a.len() == b.len()
                        && a.iter()
                            .zip(&b)
                            .all(|(a, b)| same(a.get(), b.get(), depth + 1))
                }
                _ => false,
            }
        }
        (Some(b'"'), Some(b'"')) => {
            matches!((parse::<String>(a), parse::<String>(b)), (Some(a), Some(b)) if a == b)
        }
        _ => false,
    }
}

/// By their names, each of which is there once: what a repeated one means, only its reader knows.
struct Object<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if values.insert(name, value).is_some() {
                        return Err(A::Error::custom("a repeated name"));
                    }
                }
                Ok(Object(values))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::Serialize;

    use super::{same_value, write};

    fn to_text(value: &impl Serialize) -> Option<Arc<str>> {
        super::to_text(|text| write(text, value))
    }

    #[test]
    fn order_white_space_and_escapes_do_not_count() {
        assert!(same_value(
            r#"{"a":1,"b":[true,"x"]}"#,
            r#" { "b" : [true, "\u0078"], "\u0061":1 } "#
        ));
        assert!(same_value("7", " 7") && same_value("true\n", "true"));
    }

    #[test]
    fn numbers_are_not_rounded_into_one_another() {
        assert!(!same_value("-0.0", "0.0"));
        assert!(!same_value(
            "340282366920938463463374607431768211455",
            "340282366920938463463374607431768211454"
        ));
        assert!(!same_value("18446744073709551615", "18446744073709551614"));
    }

    #[test]
    fn different_shapes_differ() {
        for (a, b) in [
            ("null", "0"),
            ("[]", "{}"),
            ("[1]", "[1,2]"),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            ("\"1\"", "1"),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"[{"a":2}]"#, r#"[{"a":1,"a":2}]"#),
        ] {
            assert!(!same_value(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let deep = |depth: usize, text: &str| {
            let within = serde_json::Value::from(text);
            (0..depth).fold(within, |value, at| {
                if at % 2 == 0 {
                    [value].into_iter().collect()
                } else {
                    [("[\"{", value)].into_iter().collect()
                }
            })
        };
        for text in ["", "[", "\\", "\"", &"{".repeat(200)] {
            for depth in [0, 1, 127, 128, 129, 300] {
                let written = serde_json::to_string(&deep(depth, text)).expect("text");
                let reads = serde_json::from_str::<serde_json::Value>(&written).is_ok();
                assert_eq!(
                    to_text(&deep(depth, text)).is_some(),
                    reads,
                    "{depth} {text}"
                );
            }
        }
        assert_eq!(
            to_text(&vec![[0; 2]; 200]).map(|text| text.len()),
            Some(1201)
        );
    }

    #[test]
    fn very_deep_values_end_in_an_answer() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = |depth: usize, value: &str| {
                let (open, close) = (open.repeat(depth), close.repeat(depth));
                format!("{open}{value}{close}")
            };
            assert!(!same_value(&deep(5_000, "1"), &deep(5_000, "2")));
            assert!(same_value(&deep(100, "1"), &deep(100, " 1")));
            // At the price of a write that was not needed.
            assert!(!same_value(&deep(5_000, "1"), &deep(5_000, " 1")));
        }
    }
}
