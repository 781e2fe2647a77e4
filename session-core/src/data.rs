//! Typed views: what `#[derive(SessionData)]` implements, and the few helpers that its code calls.

use std::{
    cell::RefCell,
    fmt::{self, Display},
    str::FromStr,
    sync::Arc,
};

use parking_lot::ReentrantMutex;
use serde::{Deserialize, Serialize};

use crate::{
    Error, FieldError, OwnerChange, Session,
    json::{self, reads_as, same_value, to_text},
    observe,
    staged::{Snapshot, Staged, StagedField},
};

/// A view of a session: a struct that names some fields of the record and gives them types.
///
/// Derive it; the methods are for the derived code only and may change with any version.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no view of a session",
    label = "has no `#[derive(SessionData)]`",
    note = "add `#[derive(SessionData)]` to the struct; its fields need `Serialize`, `Deserialize` and `Default`",
    note = "for a session that may be missing, write `Option<TypedSession<..>>`"
)]
pub trait SessionData: Sized + 'static {
    /// The generated accessors, `{View}Accessors`: what a `TypedSession` dereferences to.
    type Accessors: Clone + Send + Sync + 'static;

    /// The stored fields, in the order of their declaration.
    #[doc(hidden)]
    const FIELDS: &'static [Field];

    /// The accessors, if the view exists in this session.
    #[doc(hidden)]
    fn accessors(view: View) -> Result<Self::Accessors, FieldError>;

    /// The whole view as the request sees it now. Consumes no flash field.
    #[doc(hidden)]
    fn state(accessors: &Self::Accessors) -> Self;

    /// The whole view of a record, if it exists there.
    #[doc(hidden)]
    fn read(reader: &Reader<'_>) -> Result<Self, FieldError>;

    /// Every stored field, and the owner.
    #[doc(hidden)]
    fn write(&self, writer: &mut Writer);
}

/// How one field is stored.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Field {
    name: &'static str,
    aliases: &'static [&'static str],
    keep: bool,
    none_is_absent: bool,
}

impl Field {
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            keep: false,
            none_is_absent: false,
        }
    }

    #[must_use]
    pub const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    #[must_use]
    pub const fn keep(self) -> Self {
        Self { keep: true, ..self }
    }

    #[must_use]
    pub const fn none_is_absent(self) -> Self {
        Self {
            none_is_absent: true,
            ..self
        }
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What is staged when this field is written; an older name goes with it.
    fn staged(&'static self, json: Option<Arc<str>>) -> impl Iterator<Item = StagedField> {
        let aliases = self.aliases.iter().copied().map(StagedField::removed);
        std::iter::once(self.of(json)).chain(aliases)
    }

    fn of(&'static self, json: Option<Arc<str>>) -> StagedField {
        StagedField {
            name: self.name.into(),
            json,
            keep: Some(self.keep),
            none_is_absent: self.none_is_absent,
            aliases: self.aliases,
        }
    }
}

/// The untyped session, as accessors see it.
///
/// No method is called as one of `Session`: the compiler would suggest it, in a private field, to who calls that
/// one on a typed handle.
///
/// Bounds are spelled `for<'de> Deserialize<'de>` here, because of that trait serde says how to derive it.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct View {
    session: Session,
}

#[doc(hidden)]
impl View {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    pub fn reading<R>(&self, read: impl FnOnce(&Reader<'_>) -> R) -> R {
        let snapshot = self.session.snapshot();
        read(&Reader::new(&self.session, &snapshot))
    }

    pub fn set<F: Serialize + for<'de> Deserialize<'de>>(&self, field: &'static Field, value: &F) {
        let json = to_text(value).filter(|json| reads_as::<F>(json.as_bytes()));
        self.session.stage("set", |state| match json {
            Some(json) => field
                .staged(Some(json.into()))
                .for_each(|field| state.staged.put(field)),
            None => state.staged.fail(Error::Serialize(field.name.into())),
        });
    }

    /// What can't be read stays, until it is set (R21).
    pub fn take<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
        default: impl FnOnce() -> F,
    ) -> F {
        match self.stored(field) {
            Some(value) => {
                self.unset(field);
                value
            }
            None => default(),
        }
    }

    pub fn unset(&self, field: &'static Field) {
        self.session.stage("remove", |state| {
            field.staged(None).for_each(|field| state.staged.put(field));
        });
    }

    pub fn strict<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
    ) -> Result<(), FieldError> {
        self.reading(|reader| reader.exact::<F>(field)).map(drop)
    }

    pub fn required<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
    ) -> Result<Last<F>, FieldError> {
        self.reading(|reader| reader.required(field)).map(Last::new)
    }

    #[must_use]
    pub fn get_required<F: for<'de> Deserialize<'de> + Clone>(
        &self,
        field: &'static Field,
        last: &Last<F>,
    ) -> F {
        last.or(self.stored(field))
    }

    pub fn set_required<F: Serialize + for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
        value: F,
        last: &Last<F>,
    ) {
        self.set(field, &value);
        last.set(value);
    }

    #[must_use]
    pub fn get_owner<V: OwnerValue>(&self) -> Option<V> {
        Reader::new(&self.session, &self.session.snapshot()).owner()
    }

    pub fn put_owner<V: OwnerValue>(&self, owner: Option<&V>) {
        let owner = owner.map(ToString::to_string);
        self.session.set_owner(owner.as_deref());
    }

    pub fn required_owner<V: OwnerValue>(
        &self,
        field: &'static str,
    ) -> Result<Last<V>, FieldError> {
        self.reading(|reader| reader.required_owner(field))
            .map(Last::new)
    }

    #[must_use]
    pub fn get_required_owner<V: OwnerValue + Clone>(&self, last: &Last<V>) -> V {
        last.or(self.get_owner())
    }

    pub fn set_required_owner<V: OwnerValue>(&self, value: V, last: &Last<V>) {
        self.put_owner(Some(&value));
        last.set(value);
    }

    fn stored<F: for<'de> Deserialize<'de>>(&self, field: &'static Field) -> Option<F> {
        self.reading(|reader| reader.stored(field))
    }
}

/// What can be an owner: it is kept as text.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the owner of a session",
    label = "can't be kept as text",
    note = "an owner is kept as text: implement `Display`, which writes it, and `FromStr`, which reads it again"
)]
pub trait OwnerValue: Display + FromStr {}

#[diagnostic::do_not_recommend]
impl<V: Display + FromStr> OwnerValue for V {}

/// The last value that a required field had, for its getter after a `clear` or `destroy`.
#[doc(hidden)]
pub struct Last<F>(Arc<ReentrantMutex<RefCell<F>>>);

/// The clone is the user's code, and may read the same field: that neither waits for itself nor sees half a value.
impl<F> Last<F> {
    fn new(value: F) -> Self {
        Self(Arc::new(ReentrantMutex::new(RefCell::new(value))))
    }

    /// The value as it is now, or else the last one.
    fn or(&self, now: Option<F>) -> F
    where
        F: Clone,
    {
        if let Some(value) = now {
            self.set(value.clone());
            return value;
        }
        self.0.lock().borrow().clone()
    }

    fn set(&self, value: F) {
        let _old = match self.0.lock().try_borrow_mut() {
            Ok(mut last) => std::mem::replace(&mut *last, value),
            Err(_) => value,
        };
    }
}

impl<F> Clone for Last<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F> fmt::Debug for Last<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Last")
    }
}

/// Reads a view from what a request sees at one moment.
#[doc(hidden)]
#[derive(Debug)]
pub struct Reader<'a> {
    session: &'a Session,
    snapshot: &'a Snapshot,
}

#[doc(hidden)]
impl<'a> Reader<'a> {
    pub(crate) fn new(session: &'a Session, snapshot: &'a Snapshot) -> Self {
        Self { session, snapshot }
    }

    pub fn field<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
        default: impl FnOnce() -> F,
    ) -> F {
        self.stored(field).unwrap_or_else(default)
    }

    pub fn strict<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
        default: impl FnOnce() -> F,
    ) -> Result<F, FieldError> {
        Ok(self.exact(field)?.unwrap_or_else(default))
    }

    pub fn required<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
    ) -> Result<F, FieldError> {
        self.stored(field).ok_or(FieldError::Missing(field.name))
    }

    #[must_use]
    pub fn owner<V: OwnerValue>(&self) -> Option<V> {
        let owner = self.snapshot.owner()?.parse().ok();
        if owner.is_none() {
            observe::owner_undecodable::<V>(self.session);
        }
        owner
    }

    pub fn required_owner<V: OwnerValue>(&self, field: &'static str) -> Result<V, FieldError> {
        self.owner().ok_or(FieldError::Missing(field))
    }

    fn exact<F: for<'de> Deserialize<'de>>(
        &self,
        field: &'static Field,
    ) -> Result<Option<F>, FieldError> {
        let absent = self.snapshot.json(field.names()).is_none();
        match self.stored(field) {
            None if !absent => Err(FieldError::Undecodable(field.name)),
            value => Ok(value),
        }
    }

    fn stored<F: for<'de> Deserialize<'de>>(&self, field: &'static Field) -> Option<F> {
        let json = self.snapshot.json(field.names())?;
        self.session.decode(field.name, json)
    }
}

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
    pub fn field<F: Serialize + for<'de> Deserialize<'de>>(
        &mut self,
        field: &'static Field,
        value: &F,
    ) {
        let start = self.text.len();
        let written = json::write(&mut self.text, value) && reads_as::<F>(&self.text[start..]);
        let len = self.text.len() - start;
        self.fields.push((field, written.then_some(len)));
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

    /// Adds the stored fields that were set as they are: with a change of owner they are written, too.
    fn confirm(&self, staged: &mut Staged, seen: &Snapshot) {
        for (field, json) in self.written() {
            let name = field.names().find(|name| seen.stored(name).is_some());
            if let (Some(name), Some(json)) = (name, json) {
                staged.confirm(StagedField {
                    name: name.into(),
                    ..field.of(Some(text(json).into()))
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

fn text(json: &[u8]) -> &str {
    str::from_utf8(json).expect("serde_json writes text")
}

/// The fields that differ. One that can't be written as JSON is an error, unless it could not be written before.
fn differences<'a>(
    mut before: impl Iterator<Item = (&'static Field, Option<&'a [u8]>)>,
    after: impl Iterator<Item = (&'static Field, Option<&'a [u8]>)>,
) -> Result<Staged, Error> {
    let mut staged = Staged::default();
    for (field, json) in after {
        match (before.next().map(|(_, json)| json), json) {
            (Some(before), json) if before == json => {}
            (_, None) => return Err(Error::Serialize(field.name.into())),
            (before, Some(json)) => {
                let json = text(json);
                if !before
                    .flatten()
                    .is_some_and(|it| same_value(text(it), json))
                {
                    let fields = field.staged(Some(json.into()));
                    fields.for_each(|field| staged.put(field));
                }
            }
        }
    }
    Ok(staged)
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.fields.iter().map(|(field, _)| field.name);
        f.debug_list().entries(fields).finish()
    }
}

/// Stages the fields of a view that differ from what it reads now; all of them, if it does not exist yet
/// or changes hands, for then nothing of the former owner's is left to be equal to. An owner in it is always set,
/// also to the same value: so somebody logs in, and logs in again (R12).
pub(crate) fn set_state<T: SessionData>(session: &Session, state: &T) {
    let before = session.state::<T>().map(|before| Writer::of(&before));
    let mut before = before.unwrap_or_default();
    let after = Writer::of(state);
    let seen = session.snapshot();
    let hands_over = before.owner != after.owner && seen.former_owner().is_some();
    if seen.changes_hands || hands_over {
        before.fields.clear();
    }
    stage_view(session, &before, after);
}

/// Stages every field of a view, and its owner, whatever the session reads now: also defaults. For `test_util`.
#[doc(hidden)]
pub fn write_state<T: SessionData>(session: &Session, state: &T) {
    stage_view(session, &Writer::default(), Writer::of(state));
}

fn stage_view(session: &Session, before: &Writer, after: Writer) {
    let mut written = differences(before.written(), after.written());
    if let Ok(written) = &mut written {
        after.confirm(written, &session.snapshot());
        written.owner = match (after.owner, &before.owner) {
            (Some(owner), _) => OwnerChange::Set(owner),
            (None, Some(_)) => OwnerChange::Cleared,
            (None, None) => OwnerChange::Unchanged,
        };
    }
    session.stage("set_state", |state| match written {
        Ok(written) => state.staged.merge(written),
        Err(failure) => state.staged.fail(failure),
    });
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
