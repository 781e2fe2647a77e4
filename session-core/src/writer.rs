//! A whole view, written: taken apart field by field, and staged where it differs from before (R7).

use std::fmt;

use crate::{
    Error, OwnerChange, Session, SessionData,
    data::{Field, OwnerValue, Reader, TypedField},
    json::{same_value, text},
    life::State,
    staged::{Snapshot, Staged, StagedField},
};

/// Takes a view apart, field by field.
#[doc(hidden)]
#[derive(Default)]
pub struct Writer {
    /// All values, one behind the other.
    text: Vec<u8>,
    /// With the length of each value; `None` for one that can't be written as JSON.
    fields: Vec<(&'static Field, Option<usize>)>,
    owner: Option<String>,
}

#[doc(hidden)]
impl Writer {
    pub fn field<F>(&mut self, field: &'static TypedField<F>, value: &F) {
        let start = self.text.len();
        let written = (field.write)(&mut self.text, value);
        let len = self.text.len() - start;
        self.fields.push((&field.field, written.then_some(len)));
    }

    pub fn owner<V: OwnerValue>(&mut self, owner: Option<&V>) {
        self.owner = owner.map(ToString::to_string);
    }

    pub(crate) fn of<T: SessionData>(view: &T) -> Self {
        let mut writer = Self {
            // With room for the view as it will be changed.
            text: Vec::with_capacity(128),
            fields: Vec::with_capacity(2 * T::FIELDS.len()),
            owner: None,
        };
        view.write(&mut writer);
        writer
    }

    /// The fields with their JSON texts.
    fn written(&self) -> impl Iterator<Item = (&'static Field, Option<&[u8]>)> {
        written(&self.fields, &self.text)
    }

    /// In what the view differs from what was written of it before.
    pub(crate) fn changed<T: SessionData>(mut self, view: &T) -> Result<Staged, Error> {
        let (count, len, former) = (self.fields.len(), self.text.len(), self.owner.take());
        view.write(&mut self);
        let (before, after) = self.fields.split_at(count);
        let mut staged = differences(
            written(before, &self.text),
            written(after, &self.text[len..]),
        )?;
        if self.owner != former {
            staged.owner = match self.owner {
                Some(owner) => OwnerChange::Set(owner),
                None => OwnerChange::Cleared,
            };
        }
        Ok(staged)
    }

    /// What is to be staged of a whole view.
    fn differing(self, before: &Self, seen: &Snapshot) -> Result<Staged, Error> {
        let mut written = differences(before.written(), self.written())?;
        self.confirm(&mut written, seen);
        written.owner = match (self.owner, &before.owner) {
            (Some(owner), _) => OwnerChange::Set(owner),
            (None, Some(_)) => OwnerChange::Cleared,
            (None, None) => OwnerChange::Unchanged,
        };
        Ok(written)
    }

    /// Adds what was set as it is: with a change of owner the stored fields are written, too. And what the request has
    /// written itself, for that may come to nothing on its way.
    fn confirm(&self, staged: &mut Staged, seen: &Snapshot) {
        for (field, json) in self.written() {
            let Some(json) = json.map(text).filter(|json| (field.reads)(json)) else {
                continue;
            };
            if seen.sets(field.names()) {
                let fields = field.staged(Some(json.into()));
                fields.for_each(|field| staged.put(field));
            } else if let Some(name) = field.names().find(|name| seen.stored(name).is_some()) {
                staged.confirm(StagedField {
                    name: name.into(),
                    ..field.of(Some(json.into()))
                });
            }
        }
    }
}

/// Values that lie one behind the other.
fn written<'a>(
    fields: &'a [(&'static Field, Option<usize>)],
    mut rest: &'a [u8],
) -> impl Iterator<Item = (&'static Field, Option<&'a [u8]>)> {
    fields
        .iter()
        .map(move |(field, len)| (*field, len.and_then(|len| rest.split_off(..len))))
}

/// The fields that differ. One that can't be written as JSON, or not be read again, is an error.
fn differences<'a>(
    mut before: impl Iterator<Item = (&'static Field, Option<&'a [u8]>)>,
    after: impl Iterator<Item = (&'static Field, Option<&'a [u8]>)>,
) -> Result<Staged, Error> {
    let mut staged = Staged::default();
    for (field, json) in after {
        let before = before.next().map(|(_, json)| json);
        if before == Some(json) {
            continue;
        }
        let (before, json) = (before.flatten().map(text), json.map(text));
        if matches!((before, json), (Some(a), Some(b)) if same_value(a, b)) {
            continue;
        }
        let json = json.filter(|json| (field.reads)(json));
        let json = json.ok_or_else(|| Error::Serialize(field.name.into()))?;
        let fields = field.staged(Some(json.into()));
        fields.for_each(|field| staged.put(field));
    }
    Ok(staged)
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(|(field, _)| field.name);
        f.debug_list().entries(fields).finish()
    }
}

/// So often a whole view is taken apart anew because the session has changed meanwhile: the user's own code might
/// change it each time.
const MAX_LOOKS: usize = 8;

/// Stages the fields of a view that differ from what it reads now; all of them, if it does not exist yet
/// or changes hands, for then nothing of the former owner's is left to be equal to. An owner in it is always set,
/// also to the same value: so somebody logs in, and logs in again (R12).
pub(crate) fn set_state<T: SessionData>(session: &Session, state: &T) {
    for look in 1..=MAX_LOOKS {
        let seen = session.snapshot();
        let before = T::read(&Reader::new(session, &seen)).map(|before| Writer::of(&before));
        let mut before = before.unwrap_or_default();
        let after = Writer::of(state);
        let hands_over = before.owner != after.owner && seen.former_owner().is_some();
        if seen.changes_hands || hands_over {
            before.fields.clear();
        }
        let written = after.differing(&before, &seen);
        let done = session.stage_if(
            "set_state",
            |now| look == MAX_LOOKS || now.is_as(&seen),
            |state| stage(state, written),
        );
        if done {
            return;
        }
    }
}

/// Stages every field of a view, and its owner, whatever the session reads now: also defaults. For `test_util`.
#[doc(hidden)]
pub fn write_state<T: SessionData>(session: &Session, state: &T) {
    let written = Writer::of(state).differing(&Writer::default(), &session.snapshot());
    session.stage("set_state", |state| stage(state, written));
}

fn stage(state: &mut State, written: Result<Staged, Error>) {
    match written {
        Ok(written) => state.staged.merge(written),
        Err(failure) => state.staged.fail(failure),
    }
}

/// Stages the removal of a view's own fields.
#[doc(hidden)]
pub fn clear<T: SessionData>(session: &Session) {
    session.stage("clear", |state| {
        for field in T::FIELDS {
            field.staged(None).for_each(|field| state.staged.put(field));
        }
    });
}
