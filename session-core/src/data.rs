//! Typed views: what `#[derive(SessionData)]` implements, and the few helpers that its code calls. How a whole view is
//! written is [its own matter](crate::writer).

use std::{
    cell::RefCell,
    fmt::{self, Display},
    str::FromStr,
    sync::Arc,
};

use parking_lot::ReentrantMutex;
use serde::{Deserialize, Serialize};

use crate::{
    Error, FieldError, OwnerChange, Session, json, observe,
    staged::{Snapshot, StagedField},
    writer::Writer,
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
    pub(crate) name: &'static str,
    aliases: &'static [&'static str],
    keep: bool,
    none_is_absent: bool,
    /// Whether a text is read as the field's type.
    pub(crate) reads: fn(&str) -> bool,
}

impl Field {
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            keep: false,
            none_is_absent: false,
            reads: |_| true,
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

    /// The bound is spelled `for<'de> Deserialize<'de>`, because of that trait serde says how to derive it.
    #[must_use]
    pub const fn typed<F: Serialize + for<'de> Deserialize<'de>>(self) -> TypedField<F> {
        TypedField {
            field: Self {
                reads: json::reads::<F>,
                ..self
            },
            write: json::write,
            read: json::read,
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What is staged when this field is written; an older name goes with it.
    pub(crate) fn staged(
        &'static self,
        json: Option<Arc<str>>,
    ) -> impl Iterator<Item = StagedField> {
        let aliases = self.aliases.iter().copied().map(StagedField::removed);
        std::iter::once(self.of(json)).chain(aliases)
    }

    pub(crate) fn of(&'static self, json: Option<Arc<str>>) -> StagedField {
        StagedField {
            name: self.name.into(),
            json,
            keep: Some(self.keep),
            none_is_absent: self.none_is_absent,
            aliases: self.aliases,
        }
    }
}

/// A field with its type: the one place that asks the type for `Serialize` and `Deserialize`, so that a lack is told
/// once.
#[doc(hidden)]
#[derive(Debug)]
pub struct TypedField<F> {
    pub field: Field,
    pub(crate) write: fn(&mut Vec<u8>, &F) -> bool,
    read: fn(&str) -> Option<F>,
}

/// The untyped session, as accessors see it.
///
/// No method is called as one of `Session`: the compiler would suggest it, in a private field, to who calls that
/// one on a typed handle.
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

    pub fn set<F>(&self, field: &'static TypedField<F>, value: &F) {
        self.try_set(field, value);
    }

    /// Whether it was staged.
    fn try_set<F>(&self, field: &'static TypedField<F>, value: &F) -> bool {
        let json = json::to_text(|text| (field.write)(text, value));
        let field = &field.field;
        let json = json.filter(|json| (field.reads)(json));
        let is_json = json.is_some();
        let staged = self.session.try_stage("set", |state| match json {
            Some(json) => field
                .staged(Some(json))
                .for_each(|field| state.staged.put(field)),
            None => state.staged.fail(Error::Serialize(field.name.into())),
        });
        is_json && staged.is_some()
    }

    /// What can't be read stays, until it is set (R21).
    pub fn take<F>(&self, field: &'static TypedField<F>, default: impl FnOnce() -> F) -> F {
        loop {
            let seen = self.session.snapshot();
            let Some(value) = Reader::new(&self.session, &seen).stored(field) else {
                return default();
            };
            let names = || field.field.names();
            let done = self.session.stage_if(
                "remove",
                |now| now.json(names()) == seen.json(names()),
                |state| {
                    let fields = field.field.staged(None);
                    fields.for_each(|field| state.staged.put(field));
                },
            );
            if done {
                return value;
            }
        }
    }

    pub fn unset(&self, field: &'static Field) {
        self.session.stage("remove", |state| {
            field.staged(None).for_each(|field| state.staged.put(field));
        });
    }

    pub fn strict<F>(&self, field: &'static TypedField<F>) -> Result<(), FieldError> {
        self.reading(|reader| reader.exact::<F>(field)).map(drop)
    }

    pub fn required<F>(&self, field: &'static TypedField<F>) -> Result<Last<F>, FieldError> {
        self.reading(|reader| reader.required(field)).map(Last::new)
    }

    pub fn set_required<F>(&self, field: &'static TypedField<F>, value: F, last: &Last<F>) {
        if self.try_set(field, &value) {
            last.set(value);
        }
    }

    #[must_use]
    pub fn get_owner<V: OwnerValue>(&self) -> Option<V> {
        Reader::new(&self.session, &self.session.snapshot()).owner()
    }

    #[must_use]
    pub fn take_owner<V>(&self, get: impl Fn() -> Option<V>) -> Option<V> {
        loop {
            let seen = self.session.snapshot();
            let owner = get();
            let done = self.session.stage_if(
                "set_owner",
                |now| now.owner() == seen.owner(),
                |state| state.staged.owner = OwnerChange::Cleared,
            );
            if done {
                return owner;
            }
        }
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

    pub fn set_required_owner<V: OwnerValue>(&self, value: V, last: &Last<V>) {
        let owner = OwnerChange::Set(value.to_string());
        let staged = self
            .session
            .try_stage("set_owner", |state| state.staged.owner = owner);
        if staged.is_some() {
            last.set(value);
        }
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

    /// The value as it was seen, or else the last one. It is the last one itself, unless another task of the request has
    /// set it since.
    fn or(&self, seen: Option<F>, is_newest: impl FnOnce() -> bool) -> F
    where
        F: Clone,
    {
        let Some(value) = seen else {
            return self.0.lock().borrow().clone();
        };
        let copy = value.clone();
        let _last = self.0.lock();
        if is_newest() {
            self.set(copy);
        }
        value
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

    pub fn field<F>(&self, field: &'static TypedField<F>, default: impl FnOnce() -> F) -> F {
        self.stored(field).unwrap_or_else(default)
    }

    pub fn strict<F>(
        &self,
        field: &'static TypedField<F>,
        default: impl FnOnce() -> F,
    ) -> Result<F, FieldError> {
        Ok(self.exact(field)?.unwrap_or_else(default))
    }

    pub fn required<F>(&self, field: &'static TypedField<F>) -> Result<F, FieldError> {
        self.stored(field)
            .ok_or(FieldError::Missing(field.field.name))
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

    /// A required field, also where it is gone.
    #[must_use]
    pub fn last<F: Clone>(&self, field: &'static TypedField<F>, last: &Last<F>) -> F {
        let names = || field.field.names();
        let is_newest = || self.session.snapshot().json(names()) == self.snapshot.json(names());
        last.or(self.stored(field), is_newest)
    }

    #[must_use]
    pub fn last_owner<V: OwnerValue + Clone>(&self, last: &Last<V>) -> V {
        let is_newest = || self.session.snapshot().owner() == self.snapshot.owner();
        last.or(self.owner(), is_newest)
    }

    fn exact<F>(&self, field: &'static TypedField<F>) -> Result<Option<F>, FieldError> {
        let absent = self.snapshot.json(field.field.names()).is_none();
        match self.stored(field) {
            None if !absent => Err(FieldError::Undecodable(field.field.name)),
            value => Ok(value),
        }
    }

    fn stored<F>(&self, field: &'static TypedField<F>) -> Option<F> {
        let json = self.snapshot.json(field.field.names())?;
        self.session.decode(field.field.name, json, field.read)
    }
}
