//! What a script is told: numbers as text, spans in microseconds.

use std::time::Duration;

use session_core::{FieldChange, Guard, Lifetime, NewRecord, OwnerChange, Patch, Rotation};

/// 2^53 - 1: Lua's numbers are exact up to here, some 230 years from now.
const LAST: u64 = (1 << 53) - 1;

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).map_or(LAST, |micros| micros.min(LAST))
}

/// A span in full, for it has to come back equal.
pub(crate) fn exact(span: Duration) -> String {
    format!("{}.{:09}", span.as_secs(), span.subsec_nanos())
}

fn flag(is: bool) -> String {
    u8::from(is).to_string()
}

fn spans(lifetime: Option<Lifetime>) -> [String; 2] {
    lifetime.map_or_else(Default::default, |lifetime| {
        [
            micros(lifetime.idle).to_string(),
            micros(lifetime.absolute).to_string(),
        ]
    })
}

/// `ARGV` of a commit but for its fields.
pub(crate) struct Change(pub(crate) [String; 15]);

impl Change {
    pub(crate) fn new(
        member: &str,
        nonce: String,
        guard: Guard,
        patch: &Patch,
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
        let [idle, absolute] = spans(patch.renewal.map(|renewal| renewal.lifetime));
        let unless = patch
            .renewal
            .and_then(|renewal| renewal.unless_touched_after);
        Self([
            member.to_owned(),
            nonce,
            guard.generation.to_string(),
            guard
                .version
                .map_or_else(String::new, |version| version.to_string()),
            flag(patch.is_touch()),
            owner_change.to_owned(),
            owner.to_owned(),
            rotation.to_owned(),
            idle,
            absolute,
            unless.map_or_else(String::new, |at| at.as_micros().min(LAST).to_string()),
            patch.remember.map_or_else(String::new, exact),
            flag(patch.confirm),
            seen,
            least,
        ])
    }
}

/// `ARGV` of a creation: [`NewRecord`] and its fields.
pub(crate) fn creation(member: &str, nonce: String, new: &NewRecord, seen: String) -> Vec<String> {
    let [idle, absolute] = spans(Some(new.lifetime));
    let mut args = vec![
        member.to_owned(),
        nonce,
        flag(new.owner.is_some()),
        new.owner.clone().unwrap_or_default(),
        idle,
        absolute,
        seen,
    ];
    for field in &new.fields {
        args.push(format!("{}:{}", kind(field.keep), field.name));
        args.push(field.json.to_owned());
    }
    args
}

/// A field's change as three arguments.
pub(crate) fn field(change: &FieldChange) -> [&[u8]; 3] {
    let (kind, json) = match &change.json {
        Some(json) => (kind(change.keep), &**json),
        None => ("r", ""),
    };
    [kind.as_bytes(), change.name.as_bytes(), json.as_bytes()]
}

fn kind(keep: bool) -> &'static str {
    if keep { "k" } else { "f" }
}

pub(crate) fn bytes(args: &[String]) -> Vec<&[u8]> {
    args.iter().map(String::as_bytes).collect()
}
