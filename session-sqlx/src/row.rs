//! How a record lies in a row, for every engine.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use session_core::{
    Committed, FieldChange, FieldRef, Fields, Guard, Lifetime, Patch, Record, RecordParts,
    Rotation, SessionId, StoreError, Timestamp,
};
use sqlx::{ColumnIndex, Decode, Row, Type};

use crate::error::store_error;

/// Spans and times beyond this count as this, so that no sum of two overflows in the database.
const FOREVER: i64 = 1 << 60;

pub(crate) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).map_or(FOREVER, |micros| micros.min(FOREVER))
}

fn timestamp(time: Timestamp) -> i64 {
    i64::try_from(time.as_micros()).map_or(FOREVER, |micros| micros.min(FOREVER))
}

/// The time of an embedded engine, as its statements take it.
#[cfg(feature = "sqlite")]
pub(crate) fn now(clock: &dyn session_core::Clock) -> i64 {
    timestamp(clock.now())
}

/// A JSON object of names and JSON texts. Texts, so that no engine reads the numbers in them; `None` is null.
fn object<'a>(fields: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let fields: BTreeMap<_, _> = fields.collect();
    // Neither names nor texts can fail to be written.
    serde_json::to_string(&fields).unwrap_or_default()
}

/// The two columns of fields: those that a change of owner removes, and those that it keeps.
pub(crate) fn encode(fields: &Fields) -> [String; 2] {
    [false, true].map(|keep| {
        let column = fields.iter().filter(|field| field.keep == keep);
        object(column.map(|field| (field.name, Some(field.json))))
    })
}

/// An owner as the column holds them: as they are, but that PostgreSQL's texts know no NUL. It is `ESC 0`, and a real
/// ESC, which is as rare, `ESC 1`.
pub(crate) fn encode_owner(owner: &str) -> String {
    owner.replace('\u{1b}', "\u{1b}1").replace('\0', "\u{1b}0")
}

fn decode_owner(column: &str) -> String {
    column.replace("\u{1b}0", "\0").replace("\u{1b}1", "\u{1b}")
}

/// What a patch does to the two columns: null removes.
fn encode_changes(changes: &[FieldChange]) -> [String; 2] {
    [false, true].map(|keep| {
        let column = changes.iter().map(|change| {
            let json = change.json.as_deref().filter(|_| change.keep == keep);
            (&*change.name, json)
        });
        object(column)
    })
}

/// The parameters of a commit of fields alone.
pub(crate) struct FieldParameters {
    pub(crate) generation: i64,
    pub(crate) version: Option<i64>,
    pub(crate) fields: [String; 2],
}

impl FieldParameters {
    pub(crate) fn new(guard: Guard, patch: &Patch) -> Self {
        Self {
            generation: guard.generation.into(),
            // A version beyond an i64 is none that a row can have.
            version: guard.version.map(|it| i64::try_from(it).unwrap_or(-1)),
            fields: encode_changes(&patch.fields),
        }
    }
}

/// The parameters of a commit, in the order in which the statement names them.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the parameters of one statement"
)]
pub(crate) struct CommitParameters {
    pub(crate) fields: FieldParameters,
    pub(crate) changes_fields: bool,
    pub(crate) sets_owner: bool,
    pub(crate) owner: Option<String>,
    pub(crate) is_barrier: bool,
    pub(crate) is_periodic: bool,
    pub(crate) confirms: bool,
    pub(crate) renews: bool,
    pub(crate) lifetime: [i64; 2],
    pub(crate) unless_touched_after: i64,
    pub(crate) remember: Option<i64>,
    pub(crate) is_change: bool,
}

impl CommitParameters {
    pub(crate) fn new(guard: Guard, patch: &Patch) -> Self {
        let renewal = patch.renewal;
        let unless = renewal.and_then(|renewal| renewal.unless_touched_after);
        Self {
            fields: FieldParameters::new(guard, patch),
            changes_fields: !patch.fields.is_empty(),
            sets_owner: patch.owner != session_core::OwnerChange::Unchanged,
            owner: patch.owner.owner().map(encode_owner),
            is_barrier: patch.is_barrier(),
            is_periodic: patch.rotation == Some(Rotation::Periodic),
            confirms: patch.confirm,
            renews: renewal.is_some(),
            lifetime: lifetime(renewal.map(|renewal| renewal.lifetime)),
            unless_touched_after: unless.map_or(i64::MAX, timestamp),
            remember: patch.remember.map(micros),
            is_change: !patch.is_touch(),
        }
    }
}

/// Idle and absolute.
pub(crate) fn lifetime(lifetime: Option<Lifetime>) -> [i64; 2] {
    lifetime.map_or([0, 0], |it| [micros(it.idle), micros(it.absolute)])
}

/// What is wrong with a row that can't be read. It shows no value.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("the column `{0}` is no JSON object of names and JSON texts")]
    Fields(&'static str),
    #[error("the column `{0}` holds a number out of its range")]
    Number(&'static str),
}

/// Whether a row's session has expired. So it is nobody's, whatever else the row holds.
pub(crate) fn is_dead<'r, R>(row: &'r R) -> Result<bool, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let number = |name| row.try_get::<i64, _>(name).map_err(unreadable);
    Ok(number("expires_at")? <= number("now")?)
}

/// Why a commit was not applied, by the row as it is now. Versions and barriers only rise and the dead stay dead, so what
/// held a moment ago holds still.
pub(crate) fn refusal<'r, R>(row: &'r R, guard: Guard) -> Result<Committed, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    // Before it is read: a dead one is nobody's, whatever else the row holds.
    if is_dead(row)? {
        return Ok(Committed::Gone);
    }
    let record = decode(row)?;
    Ok(if guard.generation < record.barrier() {
        Committed::Superseded(record)
    } else if guard.version.is_some_and(|it| it != record.version()) {
        Committed::Conflict(record)
    } else {
        // The dead one's id was given to another session just now.
        Committed::Gone
    })
}

/// Reads one row, of whichever engine.
pub(crate) fn decode<'r, R>(row: &'r R) -> Result<Arc<Record>, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    let text = |name| row.try_get::<String, _>(name).map_err(unreadable);
    let maybe_text = |name| row.try_get::<Option<String>, _>(name).map_err(unreadable);
    let number = |name| row.try_get::<Option<i64>, _>(name).map_err(unreadable);
    let at = |name| match number(name)? {
        Some(number) => unsigned(name, number).map(Some),
        None => Ok(None),
    };
    let required =
        |name| at(name)?.ok_or_else(|| StoreError::undecodable(Unreadable::Number(name)));
    let time = |name| required(name).map(Timestamp::from_micros);
    let maybe_time = |name| at(name).map(|time| time.map(Timestamp::from_micros));
    let generation = |name| {
        let number = required(name)?;
        u32::try_from(number).map_err(|_| StoreError::undecodable(Unreadable::Number(name)))
    };

    let parts = RecordParts {
        fields: decode_fields(&text("fields")?, &text("kept")?)?,
        owner: maybe_text("owner")?.map(|owner| decode_owner(&owner)),
        owner_since: maybe_time("owner_since")?,
        created_at: time("created_at")?,
        started_at: time("started_at")?,
        touched_at: time("touched_at")?,
        rotated_at: time("rotated_at")?,
        confirmed_at: maybe_time("confirmed_at")?,
        expires_at: time("expires_at")?,
        generation: generation("generation")?,
        barrier: generation("barrier")?,
        version: required("version")?,
        remembered: at("remembered")?.map(Duration::from_micros),
    };
    Ok(Arc::new(Record::new(parts, time("now")?)))
}

/// Reads the rows of an owner. One that can't be read, or whose id is none, is left out: it must not lock anybody out of
/// the others. Why is not logged, for the cause may quote what is stored.
pub(crate) fn decode_all<'r, R>(rows: &'r [R]) -> Result<Vec<(SessionId, Arc<Record>)>, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let id: Vec<u8> = row.try_get("id").map_err(unreadable)?;
        let id = SessionId::try_from(&*id).ok();
        if let (Some(id), Ok(record)) = (id, decode(row)) {
            found.push((id, record));
        } else {
            let session = id.map(|id| tracing::field::display(id.fingerprint()));
            tracing::warn!(
                name: "session.left_out", target: session_core::TARGET, session,
                "a session that can't be read is left out of its owner's list"
            );
        }
    }
    Ok(found)
}

/// How many of those that are gone were alive.
pub(crate) fn lived<'r, R>(rows: &'r [R]) -> Result<u64, StoreError>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    let mut lived = 0;
    for row in rows {
        lived += u64::from(row.try_get::<bool, _>("lived").map_err(store_error)?);
    }
    Ok(lived)
}

/// The number in the first row.
pub(crate) fn counted<'r, R>(rows: &'r [R]) -> Result<u64, StoreError>
where
    R: Row,
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let row = rows.first().ok_or(sqlx::Error::RowNotFound);
    let count: i64 = row.and_then(|row| row.try_get(0)).map_err(store_error)?;
    Ok(count.unsigned_abs())
}

/// A column that is not of its type is the row's fault.
fn unreadable(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::ColumnNotFound(_) => store_error(error),
        error => StoreError::undecodable(error),
    }
}

fn unsigned(name: &'static str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::undecodable(Unreadable::Number(name)))
}

fn decode_fields(fields: &str, kept: &str) -> Result<Fields, StoreError> {
    let mut all = BTreeMap::new();
    for (column, text, keep) in [("fields", fields, false), ("kept", kept, true)] {
        let Object(object) = serde_json::from_str(text)
            .map_err(|_| StoreError::undecodable(Unreadable::Fields(column)))?;
        all.extend(object.into_iter().map(|(name, json)| (name, (json, keep))));
    }
    let fields = all.iter().map(|(name, (json, keep))| FieldRef {
        name,
        json,
        keep: *keep,
    });
    Ok(fields.collect())
}

/// Names and JSON texts, each name once: of one that stood twice, a commit would change one and a load see the other.
struct Object(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Object, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, json)) = entries.next_entry()? {
            if object.insert(name, json).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_as_they_went() {
        let changes = [
            FieldChange::set("a\"b", r#""\u0000""#),
            FieldChange::set("n", "-0.0").keeping(true),
        ];
        let fields = Fields::default().merge(&changes);
        let [column, kept] = encode(&fields);
        assert_eq!(column, r#"{"a\"b":"\"\\u0000\""}"#);
        assert_eq!(kept, r#"{"n":"-0.0"}"#);
        assert_eq!(decode_fields(&column, &kept).unwrap(), fields);
    }

    #[test]
    fn an_owner_s_column_holds_no_nul() {
        for owner in [
            "",
            "ada",
            "a\\b",
            "\0",
            "\u{1b}",
            "\u{1b}0",
            "\u{1b}1\0\u{1b}",
        ] {
            let column = encode_owner(owner);
            assert!(!column.contains('\0'));
            assert_eq!(decode_owner(&column), owner);
        }
        assert_eq!(encode_owner("DOMAIN\\ada"), "DOMAIN\\ada");
    }

    #[test]
    fn a_change_takes_the_field_out_of_the_column_that_it_is_not_in() {
        let changes = [
            FieldChange::set("a", "1"),
            FieldChange::set("b", "2").keeping(true),
            FieldChange::removed("c"),
        ];
        let [column, kept] = encode_changes(&changes);
        assert_eq!(column, r#"{"a":"1","b":null,"c":null}"#);
        assert_eq!(kept, r#"{"a":null,"b":"2","c":null}"#);
    }

    #[test]
    fn columns_of_anything_else_can_not_be_read_and_show_no_value() {
        for text in [
            "",
            "null",
            "[]",
            r#"{"a":"secret", "b":1}"#,
            r#"{"a":null}"#,
            r#"{"a":"1","a":"\"secret\""}"#,
        ] {
            let error = decode_fields("{}", text).unwrap_err();
            assert!(error.is_undecodable());
            assert!(!format!("{error:?}").contains("secret"));
            let source = std::error::Error::source(&error).expect("a cause");
            assert!(!source.to_string().contains("secret") && source.source().is_none());
        }
    }
}
