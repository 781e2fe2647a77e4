//! Fields as nobody would think of them, by the seed of the run.

use std::{env, fmt::Write as _};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use super::{Harness, bench::Bench};
use crate::{FieldChange, Fields, MAX_NAME_LEN, NewRecord, Patch};

const SEED: &str = "SESSION_TEST_SEED";
const COMMITS: usize = 100;
/// More than a record of a layer may have.
const LONGEST: usize = 60 * 1024;

/// Parts of names, and of strings in values.
const PARTS: [&str; 24] = [
    "a", "Z", "0", ".", "..", "$", "$.a", "'", "''", "%", "%s", "%00", "_", "?", ":", "/", "{",
    "}", "[*]", " ", "ä", "e\u{301}", "🦀", "\u{202e}",
];
/// What a JSON string may hold besides, in its spelling.
const ESCAPES: [&str; 12] = [
    r"\u0000",
    r"\ud83d",
    r"\udc00",
    r"\ud83e\udd80",
    r"\\",
    r#"\""#,
    r"\/",
    r"\b",
    r"\n",
    r"\u00e4",
    r"\uFFFF",
    r"\\u0000",
];
const NUMBERS: [&str; 12] = [
    "-0.0",
    "-0",
    "1e308",
    "-1.7976931348623157e308",
    "5e-324",
    "1E+2",
    "0.10",
    "9007199254740993",
    "18446744073709551615",
    "-9223372036854775808",
    "170141183460469231731687303715884105727",
    "-170141183460469231731687303715884105728",
];

fn string(random: &mut StdRng, parts: usize) -> String {
    let mut text = String::from("\"");
    for _ in 0..random.gen_range(0..=parts) {
        match random.gen_range(0..3) {
            0 => text.push_str(ESCAPES.choose(random).copied().unwrap_or_default()),
            1 => text.push_str(PARTS.choose(random).copied().unwrap_or_default()),
            _ => {
                let char: char = random.r#gen();
                if !char.is_control() && !['"', '\\'].contains(&char) {
                    text.push(char);
                }
            }
        }
    }
    text.push('"');
    text
}

/// Puts a JSON text behind another one.
fn push_json(random: &mut StdRng, depth: usize, text: &mut String) {
    let kinds = if depth == 0 || text.len() > LONGEST / 2 {
        5
    } else {
        9
    };
    // Writing to a String can't fail.
    match random.gen_range(0..kinds) {
        0 => text.push_str(
            ["null", "true", "false"]
                .choose(random)
                .copied()
                .unwrap_or_default(),
        ),
        1 => text.push_str(NUMBERS.choose(random).copied().unwrap_or_default()),
        2 => drop(write!(
            text,
            "{}",
            random.r#gen::<i128>() >> random.gen_range(0..120)
        )),
        3 => drop(write!(
            text,
            "{:e}",
            f64::from_bits(random.r#gen::<u64>() >> 2)
        )),
        4 => text.push_str(&string(random, 9)),
        5 | 6 => {
            text.push('[');
            for at in 0..random.gen_range(0..5) {
                text.push_str(if at > 0 { "," } else { "" });
                push_json(random, depth - 1, text);
            }
            text.push(']');
        }
        _ => {
            text.push('{');
            for at in 0..random.gen_range(0..5) {
                text.push_str(if at > 0 { " , " } else { "" });
                text.push_str(&string(random, 3));
                text.push(':');
                push_json(random, depth - 1, text);
            }
            text.push('}');
        }
    }
}

fn json(random: &mut StdRng) -> String {
    let mut text = String::new();
    match random.gen_range(0..20) {
        0 => {
            let length = random.gen_range(0..LONGEST / 6);
            text = string(random, length);
        }
        1 => {
            let depth = random.gen_range(1..=100);
            text.push_str(&"[".repeat(depth));
            push_json(random, 2, &mut text);
            text.push_str(&"]".repeat(depth));
        }
        _ => push_json(random, 6, &mut text),
    }
    text
}

fn name(random: &mut StdRng) -> String {
    let mut name = String::new();
    for _ in 0..random.gen_range(1..5) {
        let part = PARTS.choose(random).copied().unwrap_or_default();
        if name.len() + part.len() <= MAX_NAME_LEN {
            name.push_str(part);
        }
    }
    name
}

pub async fn random_fields_come_back_equal<H: Harness>(bench: &Bench<H>) {
    let given = env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    // Shown where the test fails.
    eprintln!("{SEED}={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut names: Vec<_> = (0..20).map(|_| name(&mut random)).collect();
    names.sort();
    names.dedup();
    let mut changes = |most| {
        let mut changes = Vec::new();
        for name in &names {
            match random.gen_range(0..names.len()) {
                at if at < most => {
                    let field = FieldChange::set(name.clone(), json(&mut random));
                    changes.push(field.keeping(random.r#gen()));
                }
                at if at == most => changes.push(FieldChange::removed(name.clone())),
                _ => {}
            }
        }
        changes
    };
    let mut expected = Fields::default();
    let mut id = None;
    for commit in 0..COMMITS {
        let changes = changes(1 + commit % 4);
        let record = match id {
            // A session of its own now and then, that begins with what the last one ended with.
            Some(id) if commit % 20 > 0 => {
                expected = expected.merge(&changes);
                let patch = Patch {
                    fields: changes,
                    ..Patch::default()
                };
                bench.apply(id, &patch).await
            }
            _ => {
                let new = bench.create_as(NewRecord {
                    fields: expected.clone(),
                    ..Bench::<H>::new_record(None)
                });
                bench.load(*id.insert(new.await)).await
            }
        };
        assert_eq!(record.fields(), &expected);
    }
}
