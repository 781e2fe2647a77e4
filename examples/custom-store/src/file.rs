//! What is in a file: two lines of JSON. The first has the owner and the times, the second the fields.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use session_core::{FieldRef, Fields, Record, RecordParts, SessionId, StoreError, Timestamp};

/// All of a record but its fields.
#[derive(Serialize, Deserialize)]
pub(crate) struct Head {
    owner: Option<String>,
    owner_since: Option<u64>,
    created_at: u64,
    started_at: u64,
    touched_at: u64,
    rotated_at: u64,
    confirmed_at: Option<u64>,
    expires_at: u64,
    generation: u32,
    barrier: u32,
    version: u64,
    remembered: Option<Duration>,
}

/// A field by its name. The value is text within the JSON, so that it comes back to the last bit, `-0.0` too.
type FieldsOnDisk = BTreeMap<String, (String, bool)>;

impl Head {
    pub(crate) fn lives(&self, now: Timestamp) -> bool {
        now < Timestamp::from_micros(self.expires_at)
    }

    pub(crate) fn belongs_to(&self, owner: &str) -> bool {
        self.owner.as_deref() == Some(owner)
    }

    fn with(self, fields: &FieldsOnDisk) -> RecordParts {
        let time = Timestamp::from_micros;
        RecordParts {
            fields: fields_of(fields),
            owner: self.owner,
            owner_since: self.owner_since.map(time),
            created_at: time(self.created_at),
            started_at: time(self.started_at),
            touched_at: time(self.touched_at),
            rotated_at: time(self.rotated_at),
            confirmed_at: self.confirmed_at.map(time),
            expires_at: time(self.expires_at),
            generation: self.generation,
            barrier: self.barrier,
            version: self.version,
            remembered: self.remembered,
        }
    }
}

impl From<RecordParts> for Head {
    fn from(parts: RecordParts) -> Self {
        let micros = Timestamp::as_micros;
        Self {
            owner: parts.owner,
            owner_since: parts.owner_since.map(micros),
            created_at: micros(parts.created_at),
            started_at: micros(parts.started_at),
            touched_at: micros(parts.touched_at),
            rotated_at: micros(parts.rotated_at),
            confirmed_at: parts.confirmed_at.map(micros),
            expires_at: micros(parts.expires_at),
            generation: parts.generation,
            barrier: parts.barrier,
            version: parts.version,
            remembered: parts.remembered,
        }
    }
}

/// The files of a directory, each named by its session's id in 32 hex digits.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    fn path(&self, id: SessionId) -> PathBuf {
        let name = format!("{:032x}", u128::from_be_bytes(*id.as_bytes()));
        self.directory.join(name)
    }

    /// The record, dead or alive. `now` goes with it, as the time of this answer.
    pub(crate) fn read(
        &self,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(text) = self.text(id)? else {
            return Ok(None);
        };
        let (head, fields) = halves(&text);
        let head: Head = parse(head)?;
        let parts = head.with(&parse(fields)?);
        Ok(Some(Arc::new(Record::new(parts, now))))
    }

    pub(crate) fn head(&self, id: SessionId) -> Result<Option<Head>, StoreError> {
        let text = self.text(id)?;
        text.map(|text| parse(halves(&text).0)).transpose()
    }

    /// Those of all sessions that can be read.
    pub(crate) fn heads(&self) -> Result<Vec<(SessionId, Head)>, StoreError> {
        let mut heads = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(StoreError::internal)? {
            let name = entry.map_err(StoreError::internal)?.file_name();
            let Some(id) = name.to_str().and_then(id_of) else {
                continue;
            };
            match self.head(id) {
                Ok(head) => heads.extend(head.map(|head| (id, head))),
                Err(error) if error.is_undecodable() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(heads)
    }

    /// In one step, for whoever reads at the same moment. Only under the lock, for there is one new file at a time.
    pub(crate) fn replace(&self, id: SessionId, record: &Record) -> Result<(), StoreError> {
        let on_disk =
            |field: FieldRef<'_>| (field.name.to_owned(), (field.json.to_owned(), field.keep));
        let fields: FieldsOnDisk = record.fields().iter().map(on_disk).collect();
        let head = serde_json::to_string(&Head::from(record.parts()));
        let fields = serde_json::to_string(&fields);
        let text = format!(
            "{}\n{}\n",
            head.map_err(StoreError::internal)?,
            fields.map_err(StoreError::internal)?
        );
        let new = self.directory.join("new");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, self.path(id)));
        written.map_err(StoreError::internal)
    }

    pub(crate) fn remove(&self, id: SessionId) -> Result<(), StoreError> {
        absent_or(fs::remove_file(self.path(id))).map(drop)
    }

    fn text(&self, id: SessionId) -> Result<Option<String>, StoreError> {
        let bytes = absent_or(fs::read(self.path(id)))?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(StoreError::undecodable)
    }
}

/// "Not there" is no failure; anything else is.
fn absent_or<T>(outcome: io::Result<T>) -> Result<Option<T>, StoreError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::internal(error)),
    }
}

fn halves(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// There, but not to be read, is a failure of its own kind: never "not there".
fn parse<'de, T: Deserialize<'de>>(line: &'de str) -> Result<T, StoreError> {
    serde_json::from_str(line).map_err(StoreError::undecodable)
}

/// In the order of their names, as they come out of the map.
fn fields_of(on_disk: &FieldsOnDisk) -> Fields {
    let fields = on_disk.iter().map(|(name, (json, keep))| FieldRef {
        name,
        json,
        keep: *keep,
    });
    fields.collect()
}

/// A name that is no id is none of our files.
fn id_of(name: &str) -> Option<SessionId> {
    let digits = u128::from_str_radix(name, 16).ok();
    let id = digits.filter(|_| name.len() == 32)?;
    SessionId::try_from(&id.to_be_bytes()[..]).ok()
}
