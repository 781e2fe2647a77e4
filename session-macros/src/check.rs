//! What a view must keep to beyond its grammar.
//!
//! Each mistake is reported once, at the token that has to change.

use std::collections::{HashMap, HashSet};

use proc_macro2::Span;
use syn::ext::IdentExt;

use crate::diagnostics::Diagnostics;
use crate::model::{Field, Kind, StoredName, View};

/// The bound on a stored name that every store relies on.
const MAX_NAME_BYTES: usize = 128;

/// Pairs of attributes of one field that contradict each other.
const EXCLUSIVE: &[(&str, &str, &str)] = &[
    ("required", "default", "a required field has no default"),
    (
        "required",
        "strict",
        "a required field has its own answer to a value that does not decode",
    ),
    (
        "required",
        "flash",
        "a flash field is gone once it was shown",
    ),
    (
        "flash",
        "default",
        "a flash field is `None` once it was shown",
    ),
    ("owner", "rename", OWNER_HAS_ITS_PLACE),
    ("owner", "alias", OWNER_HAS_ITS_PLACE),
    (
        "owner",
        "default",
        "a session without an owner reads as `None`",
    ),
    (
        "owner",
        "strict",
        "an owner that does not parse reads as `None`",
    ),
    ("owner", "keep", "the owner is what changes"),
    ("owner", "flash", "the owner stays until it is set"),
];
const OWNER_HAS_ITS_PLACE: &str = "the owner is kept once, in the record's own place for it";

/// The methods that `TypedSession` has itself or that every type may have:
/// they would be called in place of an accessor of the same name.
const REFUSED: &[&str] = &[
    "state",
    "set_state",
    "clear",
    "update",
    "try_update",
    "session",
    "clone",
    "clone_from",
    "to_owned",
    "clone_into",
    "into",
    "try_into",
    "borrow",
    "borrow_mut",
    "as_ref",
    "as_mut",
    "deref",
    "type_id",
    "fmt",
];

/// Reports every mistake of `view`.
pub(crate) fn check(view: &View<'_>, diagnostics: &mut Diagnostics) {
    no_borrows(view, diagnostics);
    for field in &view.fields {
        if attributes_agree(field, diagnostics) {
            type_fits(field, diagnostics);
        }
    }
    one_owner(view, diagnostics);
    stored_names(view, diagnostics);
    accessor_names(view, diagnostics);
}

fn no_borrows(view: &View<'_>, diagnostics: &mut Diagnostics) {
    const CURE: &str = "own the data (`String` for `&str`)";
    for parameter in view.generics.lifetimes() {
        let lifetime = &parameter.lifetime;
        let message = format_args!(
            "a view outlives the request, so it can't borrow: remove `{lifetime}` and {CURE}"
        );
        diagnostics.report(lifetime.span(), message);
    }
    for field in view
        .fields
        .iter()
        .filter(|field| field.kind != Kind::Skipped)
    {
        if let Some(lifetime) = field.borrows_for_ever() {
            let message = format_args!("a value that was loaded is not `'static`: {CURE}");
            diagnostics.report(lifetime.span(), message);
        }
    }
}

fn attributes_agree(field: &Field<'_>, diagnostics: &mut Diagnostics) -> bool {
    let attrs = &field.attrs;
    if let Some(skip) = attrs.span_of("skip") {
        let other = attrs.given.iter().find(|name| *name != "skip");
        if let Some(other) = other {
            let message = format_args!(
                "a skipped field is not stored and has no accessors: remove `skip` or `{other}`"
            );
            diagnostics.report(skip, message);
        }
        return other.is_none();
    }
    let mut told = HashSet::new();
    for (one, two, why) in EXCLUSIVE {
        if let (true, Some(at)) = (attrs.has(one), attrs.span_of(two))
            && told.insert(two)
        {
            diagnostics.report(at, format_args!("{why}: remove `{one}` or `{two}`"));
        }
    }
    told.is_empty()
}

fn type_fits(field: &Field<'_>, diagnostics: &mut Diagnostics) {
    let is_option = field.option().is_some();
    let (name, message) = match field.kind {
        Kind::Flash if !is_option => (
            "flash",
            "a flash field is `None` once it was shown: make its type an `Option<..>`",
        ),
        Kind::Owner if !is_option => (
            "owner",
            "a session may have no owner: make the type an `Option<..>`, or add `required` to \
             refuse sessions without one",
        ),
        Kind::Required | Kind::RequiredOwner if is_option => (
            "required",
            "a required field always has a value: write its type without `Option`, or remove \
             `required`",
        ),
        _ => return,
    };
    if let Some(at) = field.attrs.span_of(name) {
        diagnostics.report(at, message);
    }
}

fn one_owner(view: &View<'_>, diagnostics: &mut Diagnostics) {
    let mut owners = view.fields.iter().filter_map(|field| {
        let at = field.attrs.span_of("owner")?;
        Some((field.ident, at))
    });
    let Some((first, _)) = owners.next() else {
        return;
    };
    for (_, at) in owners {
        let message = format_args!("a session has one owner, here the field `{first}`");
        diagnostics.report(at, format_args!("{message}: remove one `owner`"));
    }
}

fn stored_names(view: &View<'_>, diagnostics: &mut Diagnostics) {
    let prefix = view.attrs.prefix.as_ref().map(StoredName::from);
    // A prefix that is wrong by itself is reported once, not again for each field.
    let prefix_len = match prefix {
        Some(prefix) if is_name(&prefix, 0, diagnostics) => prefix.text.len(),
        _ => 0,
    };
    let mut taken = HashMap::new();
    for field in view.stored() {
        for name in [field.stored_name()].into_iter().chain(field.aliases()) {
            if !is_name(&name, prefix_len, diagnostics) {
                continue;
            }
            if let Some(other) = taken.insert(name.text.clone(), field.ident) {
                let message = format_args!(
                    "the field `{other}` is already stored as {:?}: choose another name",
                    name.text,
                );
                diagnostics.report(name.span, message);
            }
        }
    }
}

fn is_name(name: &StoredName, prefix_len: usize, diagnostics: &mut Diagnostics) -> bool {
    let len = prefix_len + name.text.len();
    let mut refuse = |message: &str| {
        diagnostics.report(name.span, message);
        false
    };
    if name.text.is_empty() {
        refuse("this name is empty: write one, or remove the attribute")
    } else if name.text.chars().any(char::is_control) {
        refuse("a stored name has no control characters: remove them")
    } else if len > MAX_NAME_BYTES {
        refuse(&format!(
            "a stored name has at most {MAX_NAME_BYTES} bytes, its prefix included, and this one \
             has {len}: shorten it"
        ))
    } else {
        true
    }
}

fn accessor_names(view: &View<'_>, diagnostics: &mut Diagnostics) {
    const CURE: &str = "choose other names with `#[session(accessor = \"..\")]`";
    let mut taken = HashMap::new();
    for field in &view.fields {
        let at: Span = field.getter().span();
        let mut refused = None;
        for accessor in field.accessors() {
            let name = accessor.name.unraw().to_string();
            if REFUSED.contains(&name.as_str()) {
                refused.get_or_insert(format!(
                    "the accessor `{name}` would be hidden by the method of that name: {CURE}"
                ));
            } else if let Some(other) = taken.insert(name.clone(), field.ident) {
                refused.get_or_insert(format!(
                    "`{name}` is an accessor of the field `{other}` already: {CURE}"
                ));
            }
        }
        if let Some(message) = refused {
            diagnostics.report(at, message);
        }
    }
}
