//! What a commit sends to the store.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use crate::{Lifetime, Timestamp, fields::FieldRef};

/// One field set or removed.
///
/// `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The stored name.
    pub name: Cow<'static, str>,
    /// The new JSON text; `None` removes the field.
    pub json: Option<Arc<str>>,
    /// The field survives a change of owner.
    pub keep: bool,
}

impl FieldChange {
    /// Sets a field to a JSON text.
    #[must_use]
    pub fn set(name: impl Into<Cow<'static, str>>, json: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            json: Some(json.into()),
            keep: false,
        }
    }

    /// Removes a field.
    #[must_use]
    pub fn removed(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            json: None,
            keep: false,
        }
    }

    /// The same change of a field that does (or doesn't) survive a change of owner.
    #[must_use]
    pub fn keeping(self, keep: bool) -> Self {
        Self { keep, ..self }
    }

    /// The field that the change leaves behind, if any.
    #[must_use]
    pub fn as_field(&self) -> Option<FieldRef<'_>> {
        self.json.as_deref().map(|json| FieldRef {
            name: &self.name,
            json,
            keep: self.keep,
        })
    }

    /// Bytes that the change adds at most.
    pub(crate) fn size(&self) -> usize {
        self.json
            .as_ref()
            .map_or(0, |json| self.name.len() + json.len())
    }
}

impl fmt::Debug for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.json {
            Some(json) => write!(f, "set {} ({} bytes)", self.name, json.len()),
            None => write!(f, "remove {}", self.name),
        }
    }
}

/// What a commit says of the owner.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum OwnerChange {
    /// Nothing.
    #[default]
    Unchanged,
    /// The session belongs to this owner, also if it did before. Raises the generation.
    Set(String),
    /// The session belongs to nobody. Raises the generation.
    Cleared,
}

impl OwnerChange {
    /// The owner after the change, where there is one.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        match self {
            Self::Set(owner) => Some(owner),
            Self::Unchanged | Self::Cleared => None,
        }
    }
}

/// Shows that, not who.
impl fmt::Debug for OwnerChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "Unchanged",
            Self::Set(_) => "Set",
            Self::Cleared => "Cleared",
        })
    }
}

/// Why the generation is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Somebody asked for it: a barrier, nobody who loaded before it can write any more.
    Explicit,
    /// It was time. No barrier, and only where nobody rotated since the load.
    Periodic,
}

/// Moves the expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// The new deadline is made of these spans and the store's clock; it moves only forward.
    pub lifetime: Lifetime,
    /// Nothing to do where the record was touched after this moment: of parallel requests that find a touch due,
    /// one does it. `None`: in any case.
    pub unless_touched_after: Option<Timestamp>,
}

impl Renewal {
    pub(crate) fn applies(self, touched_at: Timestamp) -> bool {
        self.unless_touched_after.is_none_or(|at| touched_at <= at)
    }
}

/// The changes of one commit: applied in one atomic step, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// Fields set and removed, in the order of their names, each name once.
    pub fields: Vec<FieldChange>,
    /// The owner. A change carries a [`renewal`](Self::renewal), for a different owner restarts the clocks.
    pub owner: OwnerChange,
    /// A new generation that was asked for. A change of owner raises the generation by itself.
    pub rotation: Option<Rotation>,
    /// A new expiry.
    pub renewal: Option<Renewal>,
    /// A lifetime of this session's own, kept in the record.
    pub remember: Option<Duration>,
    /// The client has shown the token of the newest generation: notes the time, if the guard's generation is the
    /// record's and none is noted yet. Like a touch, it leaves the version as it is.
    pub confirm: bool,
}

impl Patch {
    /// Nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.is_touch() && self.renewal.is_none() && !self.confirm
    }

    /// No field, owner or generation changes, at most times do: such a commit leaves the version as it is.
    #[must_use]
    pub fn is_touch(&self) -> bool {
        self.fields.is_empty()
            && self.owner == OwnerChange::Unchanged
            && self.rotation.is_none()
            && self.remember.is_none()
    }

    /// Fields change, and nothing else: nearly every commit, for which a store may have a shorter way.
    #[must_use]
    pub fn is_of_fields_alone(&self) -> bool {
        !self.fields.is_empty()
            && !self.rotates()
            && self.renewal.is_none()
            && self.remember.is_none()
            && !self.confirm
    }

    /// Nothing that somebody asked for: a touch, or a rotation because it was time.
    pub(crate) fn is_upkeep(&self) -> bool {
        let periodic = self.rotation == Some(Rotation::Periodic);
        self.is_touch()
            || (periodic && self.fields.is_empty() && self.remember.is_none() && !self.is_barrier())
    }

    /// The generation rises, or may.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.is_barrier() || self.rotation.is_some()
    }

    /// The generation rises for somebody's wish, so that what loaded before can't write any more.
    #[must_use]
    pub fn is_barrier(&self) -> bool {
        self.owner != OwnerChange::Unchanged || self.rotation == Some(Rotation::Explicit)
    }
}
