//! When two JSON texts are the same value (R7).

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Values nested deeper than this count as different: it costs a needless write, no stack.
const MAX_DEPTH: u8 = 127;

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
    if depth == MAX_DEPTH {
        return false;
    }
    match (a.bytes().next(), b.bytes().next()) {
        (Some(b'{'), Some(b'{')) => match (parse::<Object<'_>>(a), parse::<Object<'_>>(b)) {
            (Some(a), Some(b)) => {
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

type Object<'a> = BTreeMap<String, &'a RawValue>;

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::same_value;

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
        ] {
            assert!(!same_value(a, b), "{a} {b}");
        }
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
