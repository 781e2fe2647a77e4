//! What a script answers, as a record.

use std::{sync::Arc, time::Duration};

use session_core::{FieldRef, Fields, MAX_NAME_LEN, Record, RecordParts, StoreError, Timestamp};

use crate::{error::Malformed, request::exact};

pub(crate) type Raw = Vec<Vec<u8>>;

/// An answer of the scripts that speak of one record.
pub(crate) struct Reply {
    pub(crate) status: String,
    /// Until when the owner's index is to hold the session, where that has to be noted.
    pub(crate) till: Option<String>,
    /// With the session's score in their index.
    pub(crate) former_owner: Option<(String, String)>,
    pub(crate) stored: Option<Stored>,
}

/// A record, and the time of the latest mark that it is newer than.
pub(crate) struct Stored {
    pub(crate) record: Arc<Record>,
    pub(crate) mark_seen: u64,
}

impl TryFrom<Raw> for Reply {
    type Error = StoreError;

    fn try_from(raw: Raw) -> Result<Self, StoreError> {
        let mut parts = raw.into_iter();
        let mut head = || parts.next().map(utf8).transpose();
        let status = head()?.ok_or(Malformed("no status"))?;
        if status == "malformed" {
            return Err(Malformed("a number is missing").into());
        }
        let now = head()?.and_then(|now| now.parse().ok());
        let now = Timestamp::from_micros(now.ok_or(Malformed("no time"))?);
        let till = head()?.filter(|till| !till.is_empty());
        let former = head()?;
        let former_owner = former.and_then(|former| {
            let (score, owner) = former.split_once(':')?;
            Some((owner.to_owned(), score.to_owned()))
        });
        let hash: Raw = parts.collect();
        let stored = if hash.is_empty() {
            None
        } else {
            Some(stored(hash, now)?)
        };
        Ok(Self {
            status,
            till,
            former_owner,
            stored,
        })
    }
}

fn utf8(bytes: Vec<u8>) -> Result<String, Malformed> {
    String::from_utf8(bytes).map_err(|_| Malformed("no text"))
}

fn number(text: &str) -> Result<u64, Malformed> {
    let is_ours = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_ours);
    number.ok_or(Malformed("a number is none"))
}

fn span(text: &str) -> Result<Duration, Malformed> {
    let parsed = text
        .split_once('.')
        .and_then(|(secs, nanos)| Some(Duration::new(secs.parse().ok()?, nanos.parse().ok()?)));
    let span = parsed.filter(|span| exact(*span) == text);
    span.ok_or(Malformed("a span is none"))
}

#[derive(Default)]
struct Meta {
    owner: Option<String>,
    owner_since: Option<Timestamp>,
    created_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    touched_at: Option<Timestamp>,
    rotated_at: Option<Timestamp>,
    confirmed_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    generation: Option<u64>,
    barrier: Option<u64>,
    version: Option<u64>,
    remembered: Option<Duration>,
    mark_seen: u64,
}

impl Meta {
    fn put(&mut self, name: &str, text: String) -> Result<(), Malformed> {
        let time = |text: &str| number(text).map(Timestamp::from_micros).map(Some);
        match name {
            "owner" => self.owner = Some(text),
            "owner_since" => self.owner_since = time(&text)?,
            "created_at" => self.created_at = time(&text)?,
            "started_at" => self.started_at = time(&text)?,
            "touched_at" => self.touched_at = time(&text)?,
            "rotated_at" => self.rotated_at = time(&text)?,
            "confirmed_at" => self.confirmed_at = time(&text)?,
            "expires_at" => self.expires_at = time(&text)?,
            "generation" => self.generation = Some(number(&text)?),
            "barrier" => self.barrier = Some(number(&text)?),
            "version" => self.version = Some(number(&text)?),
            "remembered" => self.remembered = Some(span(&text)?),
            "mark_seen" => self.mark_seen = number(&text)?,
            // `indexed` and `commits` are the scripts' own, and a newer version may know more.
            _ => {}
        }
        Ok(())
    }
}

fn stored(hash: Raw, now: Timestamp) -> Result<Stored, StoreError> {
    let mut meta = Meta::default();
    let mut fields = Vec::new();
    let mut entries = hash.into_iter();
    while let (Some(name), Some(value)) = (entries.next(), entries.next()) {
        let (name, value) = (utf8(name)?, utf8(value)?);
        match name.split_at_checked(2) {
            Some((kind @ ("f:" | "k:"), name)) => {
                fields.push((name.to_owned(), kind == "k:", value));
            }
            _ => meta.put(&name, value)?,
        }
    }
    fields.sort_unstable();
    if fields.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(Malformed("a field is there twice").into());
    }
    if fields.iter().any(|(name, ..)| name.len() > MAX_NAME_LEN) {
        return Err(Malformed("a field's name is too long").into());
    }
    let missing = || Malformed("something is missing");
    let u32_of = |number: Option<u64>| {
        let number = number.ok_or_else(missing)?;
        u32::try_from(number).map_err(|_| Malformed("a generation is too high"))
    };
    if meta.owner.is_some() != meta.owner_since.is_some() {
        return Err(missing().into());
    }
    let parts = RecordParts {
        fields: fields
            .iter()
            .map(|(name, keep, json)| FieldRef {
                name,
                json,
                keep: *keep,
            })
            .collect::<Fields>(),
        owner: meta.owner,
        owner_since: meta.owner_since,
        created_at: meta.created_at.ok_or_else(missing)?,
        started_at: meta.started_at.ok_or_else(missing)?,
        touched_at: meta.touched_at.ok_or_else(missing)?,
        rotated_at: meta.rotated_at.ok_or_else(missing)?,
        confirmed_at: meta.confirmed_at,
        expires_at: meta.expires_at.ok_or_else(missing)?,
        generation: u32_of(meta.generation)?,
        barrier: u32_of(meta.barrier)?,
        version: meta.version.ok_or_else(missing)?,
        remembered: meta.remembered,
    };
    Ok(Stored {
        record: Arc::new(Record::new(parts, now)),
        mark_seen: meta.mark_seen,
    })
}
