//! What a script is told: numbers as text, spans in microseconds.

use std::{borrow::Cow, time::Duration};

use session_core::{FieldChange, Guard, Lifetime, NewRecord, OwnerChange, Patch, Rotation};

/// 2^53 - 1: Lua's numbers are exact up to here, some 230 years from now.
pub(crate) const LAST: u64 = (1 << 53) - 1;

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).map_or(LAST, |micros| micros.min(LAST))
}

/// A span in full, for it has to come back equal.
pub(crate) fn exact(span: Duration) -> String {
    format!("{}.{:09}", span.as_secs(), span.subsec_nanos())
}

fn flag(is: bool) -> &'static str {
    if is { "1" } else { "0" }
}

fn spans(lifetime: Option<Lifetime>) -> [String; 2] {
    lifetime.map_or_else(Default::default, |lifetime| {
        [
            micros(lifetime.idle).to_string(),
            micros(lifetime.absolute).to_string(),
        ]
    })
}

/// `ARGV` of a script.
pub(crate) struct Args<'a>(Vec<Cow<'a, str>>);

impl<'a> Args<'a> {
    pub(crate) fn of_commit(
        member: &'a str,
        nonce: String,
        guard: Guard,
        patch: &'a Patch,
        [seen, least]: [String; 2],
    ) -> Self {
        let (owner_change, owner) = match &patch.owner {
            OwnerChange::Unchanged => ("", ""),
            OwnerChange::Set(owner) => ("set", owner.as_str()),
            OwnerChange::Cleared => ("clear", ""),
        };
        let rotation = match patch.rotation {
            None => "",
            Some(Rotation::Explicit) => "explicit",
            Some(Rotation::Periodic) => "periodic",
        };
        let renewal = patch.renewal;
        let [idle, absolute] = spans(renewal.map(|renewal| renewal.lifetime));
        let unless = renewal.and_then(|renewal| renewal.unless_touched_after);
        let version = guard.version.map(|version| version.to_string());
        let mut args = vec![
            member.into(),
            nonce.into(),
            guard.generation.to_string().into(),
            version.unwrap_or_default().into(),
            flag(patch.is_touch()).into(),
            sets(patch).count().to_string().into(),
            owner_change.into(),
            owner.into(),
            rotation.into(),
            idle.into(),
            absolute.into(),
            unless
                .map_or_else(String::new, |at| at.as_micros().min(LAST).to_string())
                .into(),
            patch.remember.map_or_else(String::new, exact).into(),
            flag(patch.confirm).into(),
            seen.into(),
            least.into(),
        ];
        push_fields(&mut args, patch);
        Self(args)
    }

    /// Fields alone.
    pub(crate) fn of_short_commit(guard: Guard, patch: &'a Patch) -> Self {
        let version = guard.version.map(|version| version.to_string());
        let mut args = vec![
            guard.generation.to_string().into(),
            version.unwrap_or_default().into(),
            sets(patch).count().to_string().into(),
        ];
        push_fields(&mut args, patch);
        Self(args)
    }

    /// [`NewRecord`] and its fields.
    pub(crate) fn of_creation(
        member: &'a str,
        nonce: String,
        new: &'a NewRecord,
        seen: String,
    ) -> Self {
        let [idle, absolute] = spans(Some(new.lifetime));
        let mut args = vec![
            member.into(),
            nonce.into(),
            flag(new.owner.is_some()).into(),
            new.owner.as_deref().unwrap_or_default().into(),
            idle.into(),
            absolute.into(),
            seen.into(),
        ];
        push_new(&mut args, new);
        Self(args)
    }

    /// Fields alone.
    pub(crate) fn of_short_creation(new: &'a NewRecord) -> Self {
        let lives = new.lifetime.idle.min(new.lifetime.absolute);
        let mut args = vec![micros(lives).to_string().into()];
        push_new(&mut args, new);
        Self(args)
    }

    pub(crate) fn bytes(&self) -> Vec<&[u8]> {
        self.0.iter().map(|arg| arg.as_bytes()).collect()
    }
}

fn sets(patch: &Patch) -> impl Iterator<Item = &FieldChange> {
    patch.fields.iter().filter(|field| field.json.is_some())
}

/// Name and value of each field that is set, then the names of those that go.
fn push_fields<'a>(args: &mut Vec<Cow<'a, str>>, patch: &'a Patch) {
    for field in sets(patch) {
        args.push(stored_name(&field.name, field.keep).into());
        args.push(field.json.as_deref().unwrap_or_default().into());
    }
    for field in &patch.fields {
        // Whatever the field was, it is there only once.
        for keep in [false, true] {
            if field.json.is_none() || field.keep != keep {
                args.push(stored_name(&field.name, keep).into());
            }
        }
    }
}

fn push_new<'a>(args: &mut Vec<Cow<'a, str>>, new: &'a NewRecord) {
    for field in &new.fields {
        args.push(stored_name(field.name, field.keep).into());
        args.push(field.json.into());
    }
}

/// What the hash calls a field.
fn stored_name(name: &str, keep: bool) -> String {
    let kind = if keep { "k:" } else { "f:" };
    [kind, name].concat()
}
