//! What a request has staged, by [`Session::stage`](crate::Session), and what it sees of its own writes.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use crate::{
    Error, FieldChange, Fields, OwnerChange, Record,
    fields::{FieldRef, MAX_FIELDS},
    json::same_value,
};

/// One field that a request has set or removed.
#[derive(Clone)]
pub(crate) struct StagedField {
    pub(crate) name: Cow<'static, str>,
    pub(crate) json: Option<Arc<str>>,
    /// `None` for an untyped write, which leaves the mark as it is.
    pub(crate) keep: Option<bool>,
    /// `null` where nothing is stored changes nothing (R7).
    pub(crate) none_is_absent: bool,
    /// Older names, which are removed beside it.
    pub(crate) aliases: &'static [&'static str],
}

impl StagedField {
    pub(crate) fn removed(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            json: None,
            keep: None,
            none_is_absent: true,
            aliases: &[],
        }
    }

    /// What is to be sent, if this differs from what is stored (R7).
    fn change(&self, stored: &Fields, old: Option<FieldRef<'_>>) -> Option<FieldChange> {
        let keep = self.keep.or(old.map(|old| old.keep)).unwrap_or(false);
        let mut json = self.json.clone();
        let unchanged = match (&json, old) {
            (Some(new), Some(old)) => old.keep == keep && same_value(new, old.json),
            (None, Some(_)) => false,
            (Some(new), None) if !(self.none_is_absent && &**new == "null") => false,
            // What was read by an older name goes by this one, too: somebody may just have written it here (R4).
            (_, None) => {
                json = None;
                !self.aliases.iter().any(|name| stored.find(name).is_some())
            }
        };
        (!unchanged).then(|| FieldChange {
            name: self.name.clone(),
            json,
            keep,
        })
    }
}

/// As [`FieldChange`]'s: it shows no value.
impl fmt::Debug for StagedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldChange {
            name: self.name.clone(),
            json: self.json.clone(),
            keep: false,
        }
        .fmt(f)
    }
}

/// What is to be sent, and by how much it makes a record larger.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) fields: Vec<FieldChange>,
    bytes: isize,
    count: isize,
}

/// Everything that a request wants of the store and has not sent yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Staged {
    /// In the order of their names, each name once.
    fields: Vec<StagedField>,
    /// Set as they are, with a whole view, and none of them above: written only where what is stored goes with its owner
    /// in the same commit (R12).
    confirmed: Vec<StagedField>,
    pub(crate) owner: OwnerChange,
    pub(crate) rotate: bool,
    pub(crate) remember: Option<Duration>,
    /// The session is to be deleted; all else here came after that, and is for a new one (R14).
    pub(crate) destroy: bool,
    /// The first write that could not be staged: the commit fails with it (R3).
    pub(crate) failure: Option<Error>,
}

impl Staged {
    /// Nothing but the end of the session.
    pub(crate) fn destroy() -> Self {
        Self {
            destroy: true,
            ..Self::default()
        }
    }

    /// Nothing but a lifetime of its own.
    pub(crate) fn remember(lifetime: Duration) -> Self {
        Self {
            remember: Some(lifetime),
            ..Self::default()
        }
    }

    pub(crate) fn put(&mut self, field: StagedField) {
        self.confirmed.retain(|other| other.name != field.name);
        put(&mut self.fields, field);
    }

    /// A field of a whole view that was set as it is.
    pub(crate) fn confirm(&mut self, field: StagedField) {
        if find(&self.fields, &field.name).is_none() {
            put(&mut self.confirmed, field);
        }
    }

    /// Takes back what an `update` has carried in its place. What was staged since it looked stays, and so does, as it
    /// was carried, what is to be another owner's: of the former one's fields nothing is left to them.
    pub(crate) fn unstage(&mut self, carried: &Self, seen: &Snapshot) {
        if carried.owner != OwnerChange::Unchanged && self.owner == seen.owner {
            self.owner = OwnerChange::Unchanged;
        }
        // What was set as it is went with its owner: as the rest of its view, it is still to be written.
        if let Some(record) = &seen.record
            && seen.goes_to(&carried.owner)
        {
            let gone = self.confirmed_of(record.fields());
            let gone = gone.filter(|field| find(&carried.fields, &field.name).is_none());
            let gone: Vec<_> = gone.cloned().collect();
            for field in gone {
                self.put(field);
            }
        }
        let goes = seen.goes_to(&self.owner);
        let stays = |field: &mut StagedField, looked: bool| match find(&carried.fields, &field.name)
        {
            Some(carried) if looked => {
                field.clone_from(carried);
                goes
            }
            _ => true,
        };
        self.fields.retain_mut(|field| {
            let looked =
                find(&seen.staged, &field.name).is_some_and(|looked| same_text(looked, field));
            stays(field, looked)
        });
        self.confirmed.retain_mut(|field| stays(field, true));
    }

    /// Adds a view's fields and owner.
    pub(crate) fn merge(&mut self, written: Self) {
        for field in written.fields {
            self.put(field);
        }
        for field in written.confirmed {
            self.confirm(field);
        }
        if written.owner != OwnerChange::Unchanged {
            self.owner = written.owner;
        }
    }

    pub(crate) fn fail(&mut self, failure: Error) {
        self.failure.get_or_insert(failure);
    }

    pub(crate) fn fields(&self) -> &[StagedField] {
        &self.fields
    }

    /// The fields that differ from the stored ones.
    pub(crate) fn changes(&self, stored: &Fields) -> Changes {
        changes(&self.fields, stored)
    }

    /// The same where only the kept ones of the stored fields stay, and all others go with their owner.
    pub(crate) fn changes_of_hands(&self, stored: &Fields, kept: &Fields) -> Changes {
        let mut fields = self.fields.clone();
        for field in self.confirmed_of(stored) {
            put(&mut fields, field.clone());
        }
        changes(&fields, kept)
    }

    /// What was set as it is, is still there, and goes with its owner.
    pub(crate) fn confirmed_of(&self, stored: &Fields) -> impl Iterator<Item = &StagedField> {
        let goes = |field: &&StagedField| stored.find(&field.name).is_some_and(|old| !old.keep);
        self.confirmed.iter().filter(goes)
    }

    /// No field and no owner: reads see the record.
    pub(crate) fn writes_nothing(&self) -> bool {
        self.fields.is_empty() && self.owner == OwnerChange::Unchanged
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writes_nothing()
            && !self.rotate
            && !self.destroy
            && self.remember.is_none()
            && self.failure.is_none()
    }
}

fn changes(fields: &[StagedField], stored: &Fields) -> Changes {
    let mut changes = Changes {
        fields: Vec::with_capacity(fields.len()),
        ..Changes::default()
    };
    for field in fields {
        let old = stored.find(&field.name);
        if let Some(change) = field.change(stored, old) {
            let size = |field: FieldRef<'_>| field.name.len() + field.json.len();
            changes.bytes += difference(change.size(), old.map_or(0, size));
            changes.count += isize::from(change.json.is_some()) - isize::from(old.is_some());
            changes.fields.push(change);
        }
    }
    changes
}

/// Written by the same call.
fn same_text(one: &StagedField, other: &StagedField) -> bool {
    match (&one.json, &other.json) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    }
}

fn find<'f>(fields: &'f [StagedField], name: &str) -> Option<&'f StagedField> {
    fields.iter().find(|field| field.name == name)
}

fn put(fields: &mut Vec<StagedField>, mut field: StagedField) {
    match fields.binary_search_by(|old| old.name.cmp(&field.name)) {
        Ok(at) => {
            let old = &mut fields[at];
            field.keep = field.keep.or(old.keep);
            // What somebody set explicitly is no less so where another view sets it again.
            if field.json == old.json {
                field.none_is_absent &= old.none_is_absent;
            }
            *old = field;
        }
        Err(at) => fields.insert(at, field),
    }
}

fn difference(new: usize, old: usize) -> isize {
    new.cast_signed() - old.cast_signed()
}

/// Whether a record may become this large (R22): with the fields that stay, the changes and the owner.
/// Only growth is judged, and only where there is some is anything counted.
pub(crate) fn check_growth(
    old: Option<&Record>,
    stays: &Fields,
    owner: Option<&str>,
    changes: &Changes,
    max: usize,
) -> Result<(), Error> {
    let owner = owner.map_or(0, str::len);
    let former = old.and_then(Record::owner).map_or(0, str::len);
    if changes.bytes + difference(owner, former) > 0 {
        let size = (stays.size() + owner).saturating_add_signed(changes.bytes);
        if size > max && size > old.map_or(0, Record::size) {
            return Err(Error::TooLarge { size, max });
        }
    }
    if changes.count > 0 {
        let count = stays.len().saturating_add_signed(changes.count);
        if count > MAX_FIELDS && count > old.map_or(0, |old| old.fields().len()) {
            return Err(Error::TooManyFields);
        }
    }
    Ok(())
}

/// What a request sees at one moment: the record under its own writes.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) record: Option<Arc<Record>>,
    pub(crate) staged: Vec<StagedField>,
    pub(crate) owner: OwnerChange,
    /// The owner becomes a different one: of the former one's fields only the kept ones are still seen.
    pub(crate) changes_hands: bool,
}

impl Snapshot {
    /// The record, and nothing over it.
    pub(crate) const fn of(record: Option<Arc<Record>>) -> Self {
        Self {
            record,
            staged: Vec::new(),
            owner: OwnerChange::Unchanged,
            changes_hands: false,
        }
    }

    /// Nothing has happened in between.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&StagedField, &StagedField)| {
            one.name == other.name && same_text(one, other)
        };
        self.record.as_ref().map(Arc::as_ptr) == other.record.as_ref().map(Arc::as_ptr)
            && self.owner == other.owner
            && self.staged.len() == other.staged.len()
            && self.staged.iter().zip(&other.staged).all(same)
    }

    /// Whether the request has set a field of these names itself.
    pub(crate) fn sets<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        let set = |name| find(&self.staged, name).is_some_and(|field| field.json.is_some());
        names.any(set)
    }

    /// Whether the session goes from one owner to another, or to nobody.
    pub(crate) fn goes_to(&self, owner: &OwnerChange) -> bool {
        *owner != OwnerChange::Unchanged
            && self
                .former_owner()
                .is_some_and(|former| owner.owner() != Some(former))
    }

    /// Whom the record belongs to.
    pub(crate) fn former_owner(&self) -> Option<&str> {
        self.record.as_ref()?.owner()
    }

    /// Lays later writes over those that are on their way to the store.
    pub(crate) fn overlay<'f>(&mut self, later: impl Iterator<Item = &'f StagedField>) {
        let later = later.cloned();
        if self.staged.is_empty() {
            self.staged = later.collect();
        } else {
            later.for_each(|field| put(&mut self.staged, field));
        }
    }

    /// The JSON text of the first of these names that has one.
    pub(crate) fn json<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<&str> {
        names
            .into_iter()
            .find_map(|name| match find(&self.staged, name) {
                Some(field) => field.json.as_deref(),
                None => self.stored(name).map(|field| field.json),
            })
    }

    /// What the record holds and this request still sees.
    pub(crate) fn stored(&self, name: &str) -> Option<FieldRef<'_>> {
        let field = self.record.as_ref()?.fields().find(name)?;
        (field.keep || !self.changes_hands).then_some(field)
    }

    pub(crate) fn owner(&self) -> Option<&str> {
        match &self.owner {
            OwnerChange::Unchanged => self.former_owner(),
            change => change.owner(),
        }
    }
}
