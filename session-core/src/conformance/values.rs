//! Any JSON value comes back equal, as the text that it was (section 5 of the design: no engine's numbers).

use super::{
    Harness,
    bench::{Bench, change, set},
};
use crate::{FieldChange, Fields, MAX_FIELDS, MAX_NAME_LEN, NewRecord, Patch};

fn hard_values() -> Vec<String> {
    let fixed = [
        "null",
        "true",
        "false",
        "0",
        "-0.0",
        "-0",
        "1e308",
        "-1e308",
        "5e-324",
        "1.0",
        "1e2",
        "0.1",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "170141183460469231731687303715884105727",
        "\"\"",
        r#""\u0000""#,
        r#""a\u0000b""#,
        r#""\\u0000""#,
        r#""\ud83d""#,
        r#""\udc00\ud800""#,
        r#""\ud83e\udd80""#,
        "\"🦀ä\u{7f}\u{2028}\"",
        r#""\"\\\/\b\f\n\r\t""#,
        r#""'; DROP TABLE sessions; --""#,
        r#""$1 ?1 %s {} :a @a""#,
        "[]",
        "{}",
        "[null]",
        r#"{"a":null}"#,
        r#"{"":{"":""}}"#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#"[1,[2,[3,{"a":[{}]}]]]"#,
        " [ 1 , 2 ] ",
        r#"{"a.b":{"$c":1,"%d":2,"'":3,"\"":4}}"#,
    ];
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    let long = format!("\"{}\"", "0123456789abcdef".repeat(60 * 64));
    let escaped = format!("\"{}\"", r"\u0000ä".repeat(7_000));
    let fixed = fixed.into_iter().map(str::to_owned);
    fixed.chain([deep, deep_object, long, escaped]).collect()
}

pub async fn any_json_value_comes_back_equal<H: Harness>(bench: &Bench<H>) {
    let id = bench.create(None).await;
    for json in hard_values() {
        // Created with it, set it, set another field beside it, removed it.
        for keep in [false, true] {
            let fields = [FieldChange::set("field", json.as_str()).keeping(keep)];
            let created = bench.create_as(NewRecord {
                fields: Fields::default().merge(&fields),
                ..Bench::<H>::new_record(None)
            });
            let created = bench.load(created.await).await;
            assert_eq!(created.fields().get("field"), Some(&*json));
            let [field] = fields;
            let record = bench.apply(id, &change(field)).await;
            assert_eq!(record.fields().get("field"), Some(&*json));
            let record = bench.apply(id, &set("other", "1")).await;
            assert_eq!(record.fields().get("field"), Some(&*json));
            assert_eq!(record.fields().len(), 4);
            let record = bench
                .apply(id, &change(FieldChange::removed("field")))
                .await;
            assert_eq!(record.fields().get("field"), None);
        }
    }
}

fn hard_names() -> Vec<String> {
    let fixed = [
        " ",
        "a",
        "A",
        "a.b",
        ".",
        "$",
        "$.a",
        "$[0]",
        "#",
        "a b",
        "'",
        "\"",
        "\"a\"",
        "\\",
        "\\\"",
        "\\u0000",
        "/",
        "a/b",
        "~",
        "~1",
        "%",
        "%s",
        "100%",
        "_",
        "-",
        "--",
        "?",
        "?1",
        "$1",
        ":a",
        "@",
        "{}",
        "[]",
        "[0]",
        "{a}",
        "*",
        "a:b",
        "a|b",
        "0",
        "1",
        "-1",
        "null",
        "true",
        "id",
        "owner",
        "fields",
        "version",
        "now",
        "__proto__",
        "constructor",
        "ä",
        "Ä",
        "ß",
        "é",
        "e\u{301}",
        "🦀",
        "\u{200d}",
        "\u{feff}",
        "\u{2028}",
        "\u{fffd}",
        "漢字",
        "!",
        "5:a",
    ];
    let long = ["x".repeat(MAX_NAME_LEN), "ä".repeat(MAX_NAME_LEN / 2)];
    fixed.into_iter().map(str::to_owned).chain(long).collect()
}

pub async fn any_field_name_comes_back_equal<H: Harness>(bench: &Bench<H>) {
    let mut names = hard_names();
    names.sort();
    let id = bench.create_as(NewRecord {
        fields: Fields::default(),
        ..Bench::<H>::new_record(Some("ada"))
    });
    let id = id.await;
    // One by one in a record, then all in one record.
    for name in &names {
        let value = format!("{name:?}").replace("\\u{", "u{");
        let field = FieldChange::set(name.clone(), value.as_str());
        let record = bench.apply(id, &change(field)).await;
        assert_eq!(record.fields().get(name), Some(&*value));
        let kept = FieldChange::set(name.clone(), "1").keeping(true);
        let record = bench.apply(id, &change(kept)).await;
        assert_eq!(record.fields().get(name), Some("1"));
        let record = bench
            .apply(id, &change(FieldChange::removed(name.clone())))
            .await;
        assert!(record.fields().is_empty(), "{name}");
    }
    let all = Patch {
        fields: names
            .iter()
            .map(|name| FieldChange::set(name.clone(), "7"))
            .collect(),
        ..Patch::default()
    };
    let record = bench.apply(id, &all).await;
    let stored: Vec<_> = record.fields().iter().map(|field| field.name).collect();
    assert_eq!(stored, names);
}

pub async fn a_record_may_have_the_most_fields<H: Harness>(bench: &Bench<H>) {
    let changes: Vec<_> = (0..MAX_FIELDS)
        .map(|at| {
            FieldChange::set(format!("field {at:03}"), format!("[{at}]")).keeping(at % 2 == 0)
        })
        .collect();
    let all = Patch {
        fields: changes.clone(),
        ..Patch::default()
    };
    let id = bench.create_as(NewRecord {
        fields: Fields::default(),
        ..Bench::<H>::new_record(None)
    });
    let id = id.await;
    let record = bench.apply(id, &all).await;
    assert_eq!(record.fields(), &Fields::default().merge(&changes));
    let created = bench.create_as(NewRecord {
        fields: Fields::default().merge(&changes),
        ..Bench::<H>::new_record(None)
    });
    let created = bench.load(created.await).await;
    assert_eq!(created.fields(), record.fields());
}
