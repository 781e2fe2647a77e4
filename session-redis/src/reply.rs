//! What a script answers, as a record.

use std::{sync::Arc, time::Duration};

use redis::{FromRedisValue, RedisError, Value, from_redis_value};
use session_core::{FieldRef, Fields, MAX_NAME_LEN, Record, RecordParts, StoreError, Timestamp};

use crate::{
    error::{Malformed, store_error},
    request::{LAST, exact},
};

/// An answer of the scripts that speak of one record.
pub(crate) struct Reply {
    pub(crate) status: String,
    pub(crate) now: Timestamp,
    /// The session as it was before.
    pub(crate) found: Option<Stored>,
    /// Until when the owner's index is to hold the session, where that has to be noted.
    pub(crate) till: Option<String>,
    /// With the session's score in their index.
    pub(crate) former_owner: Option<(String, String)>,
}

/// A record, and the time of the latest mark that it is newer than.
pub(crate) struct Stored {
    pub(crate) record: Arc<Record>,
    pub(crate) mark_seen: u64,
}

impl TryFrom<Vec<Value>> for Reply {
    type Error = StoreError;

    fn try_from(raw: Vec<Value>) -> Result<Self, StoreError> {
        let mut parts = raw.into_iter();
        let mut part = || parts.next().unwrap_or(Value::Nil);
        let status: String = read(part(), "no status")?;
        if status == "malformed" {
            return Err(Malformed("it is not written over").into());
        }
        let now = moment(part())?;
        let found = stored(part(), now)?;
        let till: Option<String> = read(part(), "no text")?;
        let former: Option<String> = read(part(), "no text")?;
        let former_owner = former.and_then(|former| {
            let (score, owner) = former.split_once(':')?;
            Some((owner.to_owned(), score.to_owned()))
        });
        Ok(Self {
            status,
            now,
            found,
            till: till.filter(|till| !till.is_empty()),
            former_owner,
        })
    }
}

impl Reply {
    /// Of `commit_fields.lua`. Where it was applied, there is no status: the hash, and behind it the time.
    pub(crate) fn of_fields(mut raw: Vec<Value>) -> Result<Self, StoreError> {
        if raw.len() < 2 || raw.iter().any(|part| matches!(part, Value::Array(_))) {
            return raw.try_into();
        }
        let time = raw.split_off(raw.len() - 2);
        let now = moment(Value::Array(time))?;
        Ok(Self {
            status: "applied".to_owned(),
            now,
            found: stored(Value::Array(raw), now)?,
            till: None,
            former_owner: None,
        })
    }
}

/// What the server said, if it is what was asked for.
pub(crate) fn answer<T: FromRedisValue>(said: Result<Value, RedisError>) -> Result<T, StoreError> {
    Ok(read(said.map_err(store_error)?, "another answer")?)
}

/// What can't be read is the key's fault, not the connection's. The client's own error would quote it (R18).
fn read<T: FromRedisValue>(value: Value, missing: &'static str) -> Result<T, Malformed> {
    from_redis_value(value).map_err(|_| Malformed(missing))
}

pub(crate) fn record(stored: Option<Stored>) -> Result<Arc<Record>, StoreError> {
    let stored = stored.ok_or(Malformed("an answer without a record"))?;
    Ok(stored.record)
}

/// The answer of `TIME`.
pub(crate) fn moment(time: Value) -> Result<Timestamp, Malformed> {
    let parts = match &time {
        Value::Array(parts) => &parts[..],
        _ => &[],
    };
    let (seconds, micros) = if let [Value::BulkString(seconds), Value::BulkString(micros)] = parts {
        (number(seconds)?, number(micros)?)
    } else {
        // No server is known that answers so.
        read(time, "no time")?
    };
    let at = seconds.checked_mul(1_000_000);
    let at = at.and_then(|at| at.checked_add(micros));
    at.map(Timestamp::from_micros).ok_or(Malformed("no time"))
}

/// A deadline beyond what a script can count is the last moment that it can.
pub(crate) fn cut(record: Arc<Record>) -> Arc<Record> {
    const END: Timestamp = Timestamp::from_micros(LAST);
    if record.expires_at() <= END {
        return record;
    }
    let parts = RecordParts {
        expires_at: END,
        ..record.parts()
    };
    Arc::new(Record::new(parts, record.now()))
}

pub(crate) fn number(text: &[u8]) -> Result<u64, Malformed> {
    let number = text.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    let number = number.filter(|number| *number <= LAST && !text.is_empty());
    number.ok_or(Malformed("a number is none"))
}

fn span(text: &str) -> Result<Duration, Malformed> {
    // More nanoseconds than a second has could be too much for the seconds.
    let parsed = text.split_once('.').and_then(|(secs, nanos)| {
        let nanos = nanos.parse().ok().filter(|nanos| *nanos < 1_000_000_000)?;
        Some(Duration::new(secs.parse().ok()?, nanos))
    });
    let span = parsed.filter(|span| exact(*span) == text);
    span.ok_or(Malformed("a span is none"))
}

/// What every session has, in the hash's `meta`: numbers between spaces.
fn numbers(meta: &str) -> Result<[u64; 8], Malformed> {
    let mut texts = meta.as_bytes().split(|byte| *byte == b' ');
    let mut numbers = [0; 8];
    for place in &mut numbers {
        *place = number(texts.next().ok_or(Malformed("a number is missing"))?)?;
    }
    match texts.next() {
        None => Ok(numbers),
        Some(_) => Err(Malformed("a number too many")),
    }
}

/// What only some have.
#[derive(Default)]
struct Extras {
    owner: Option<String>,
    owner_since: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    remembered: Option<Duration>,
    mark_seen: u64,
}

impl Extras {
    fn put(&mut self, name: &str, text: &str) -> Result<(), Malformed> {
        let time = |text: &str| {
            number(text.as_bytes())
                .map(Timestamp::from_micros)
                .map(Some)
        };
        match name {
            "owner" => self.owner = Some(text.to_owned()),
            "owner_since" => self.owner_since = time(text)?,
            "confirmed_at" => self.confirmed_at = time(text)?,
            "remembered" => self.remembered = Some(span(text)?),
            "mark_seen" => self.mark_seen = number(text.as_bytes())?,
            // `indexed` and `commits` are the scripts' own, and a newer version may know more.
            _ => {}
        }
        Ok(())
    }
}

/// A hash as a record; none where there is no key.
pub(crate) fn stored(hash: Value, now: Timestamp) -> Result<Option<Stored>, StoreError> {
    let hash: Vec<(String, String)> = match hash {
        Value::Nil => Vec::new(),
        hash => read(hash, "no text")?,
    };
    if hash.is_empty() {
        return Ok(None);
    }
    let (mut meta, mut extras) = (None, Extras::default());
    let mut fields = Vec::with_capacity(hash.len());
    for (name, text) in &hash {
        match name.split_at_checked(2) {
            Some((kind @ ("f:" | "k:"), name)) => fields.push(FieldRef {
                name,
                json: text,
                keep: kind == "k:",
            }),
            _ if name == "meta" => meta = Some(numbers(text)?),
            _ => extras.put(name, text)?,
        }
    }
    fields.sort_unstable_by_key(|field| field.name);
    if fields.windows(2).any(|two| two[0].name == two[1].name) {
        return Err(Malformed("a field is there twice").into());
    }
    if fields.iter().any(|field| field.name.len() > MAX_NAME_LEN) {
        return Err(Malformed("a field's name is too long").into());
    }
    let missing = Malformed("a number is missing");
    let [
        created,
        started,
        touched,
        rotated,
        expires,
        generation,
        barrier,
        version,
    ] = meta.ok_or(missing)?;
    let at = Timestamp::from_micros;
    let generation_of =
        |number| u32::try_from(number).map_err(|_| Malformed("a generation is too high"));
    if extras.owner.is_some() != extras.owner_since.is_some() {
        return Err(Malformed("half an owner").into());
    }
    let parts = RecordParts {
        fields: fields.into_iter().collect::<Fields>(),
        owner: extras.owner,
        owner_since: extras.owner_since,
        created_at: at(created),
        started_at: at(started),
        touched_at: at(touched),
        rotated_at: at(rotated),
        confirmed_at: extras.confirmed_at,
        expires_at: at(expires),
        generation: generation_of(generation)?,
        barrier: generation_of(barrier)?,
        version,
        remembered: extras.remembered,
    };
    Ok(Some(Stored {
        record: Arc::new(Record::new(parts, now)),
        mark_seen: extras.mark_seen,
    }))
}
