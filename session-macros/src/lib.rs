//! The derive of typed sessions.
//!
//! Use it through `session-axum`, which re-exports [`macro@SessionData`] beside the trait of the same
//! name: what the derive writes names `::session_axum`, not this crate.
//!
//! The way of the user's struct, one file for each step: `receiver` writes out `Self`, `attr` reads the attributes, `model` puts
//! them together with the struct, `check` finds what contradicts itself, and `expand` is the whole
//! pipeline: with the paths and bounds of `names` it lets `accessors` write the methods and
//! `session_data` the implementation of the trait. Mistakes gather in `diagnostics`; if there are
//! any, `fallback` writes a stub, so that the code that uses the view adds no errors of its own.

mod accessors;
mod attr;
mod check;
mod diagnostics;
mod expand;
mod fallback;
mod model;
mod names;
mod receiver;
mod session_data;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct with named fields a view of the session.
///
/// ```text
/// #[derive(SessionData)]
/// #[session(prefix = "shop.")]
/// struct Shop {
///     /// How often the visitor came back.
///     visits: u64,
///     #[session(keep, default = "en".to_owned())]
///     lang: String,
///     #[session(flash)]
///     notice: Option<String>,
///     #[session(owner)]
///     user_id: Option<u64>,
/// }
/// ```
///
/// A handler takes `TypedSession<Shop>` and calls the accessors:
///
/// | accessor | for | does |
/// |---|---|---|
/// | `visits() -> u64` | every field | reads the field as this request sees it |
/// | `set_visits(u64)` | every field | sets it, to be saved when the request ends |
/// | `remove_visits()` | every field but `required` ones | removes it, so that it reads as its default |
/// | `take_notice() -> Option<String>` | `Option` fields but `required` ones | reads and removes it |
///
/// The types of the fields are `Serialize`, `DeserializeOwned` and, but for `required` ones and
/// those with a `default`, `Default`; those of `required` fields are also `Clone` and `Send`.
/// Serde's attributes on the view's own fields do nothing here; those within their types count.
/// A field's doc comment becomes the doc of its accessors. The accessors, and the struct
/// `ShopAccessors` that has them, are as visible as the view. An `Option` is recognised by its name.
///
/// # On the struct
///
/// | attribute | meaning |
/// |---|---|
/// | `#[session(prefix = "shop.")]` | prefix of all stored names and aliases |
/// | `#[session(crate = "path")]` | where the runtime lives, if it is not `::session_axum` |
///
/// **`prefix`** keeps the views of two crates apart that share a session. It is part of every
/// stored name, and so of renamed fields and aliases.
///
/// **`crate`** is for a crate that is renamed or re-exports `session_axum`: `crate = "framework::session"`.
///
/// # On a field
///
/// | attribute | meaning | not with |
/// |---|---|---|
/// | `rename = "lang"` | the stored name | `owner` |
/// | `alias = "old"` | another name to read from; may be repeated | `owner` |
/// | `default = expr` | the value when absent | `required`, `flash`, `owner` |
/// | `required` | without this field there is no view | `default`, `strict`, `flash`, an `Option` |
/// | `strict` | a value that does not decode is an error | `required`, `owner` |
/// | `owner` | the session's owner; one in a view | `rename`, `alias`, `default`, `strict`, `keep`, `flash` |
/// | `keep` | survives a change of owner | `owner` |
/// | `accessor = "name"` | the name of the accessors | |
/// | `flash` | shown once; for an `Option` | `default`, `required`, `owner` |
/// | `skip` | not stored, no accessors | all others |
///
/// **`rename`** stores the field under another name, so that a Rust name can change while
/// sessions live. Stored names have 1 to 128 bytes, the prefix included, and no control
/// characters; each belongs to one field. A raw identifier such as `r#type` is stored as `type`.
///
/// **`alias`** is read when the field's own name is absent. A write goes to the own name and
/// removes the alias.
///
/// **`default`** is any expression of the field's type; `Self` in it is the view. Without it
/// an absent field reads as `Default::default()`.
///
/// **`required`** is for what a view makes no sense without. Where the field is absent or does not
/// decode, `TypedSession<T>` is rejected with 401, and `Option<TypedSession<T>>` is `None`. There
/// is no `remove_..`, and after a `clear` or `destroy` the getter keeps the last value that
/// this handle has read or set by its setter. It does so, too, once the owner changes in the same request, and a `set_state(state())` then writes that value for the next owner.
///
/// **`strict`** answers a value that does not decode with 500, instead of reading it as the default.
///
/// **`owner`** is who the session belongs to, kept once, in the record's own place for it, as the
/// text that `Display` writes and `FromStr` reads. The field is an `Option<V>`, or is `required`
/// as well. Setting it rotates the session.
///
/// **`keep`** lets the field stay when the session passes from one owner to another, or to none. The mark is stored with
/// the value, so a release that adds or drops it counts from the field's next change.
///
/// **`accessor`** renames the accessors, `name()`, `set_name(..)` and so on, but not what is stored.
/// It is the cure for a field whose accessors coincide with those of another field, or are
/// among the methods that `TypedSession` has itself (`state`, `set_state`, `clear`, `update`,
/// `try_update`, `session`) or that other traits would put in front of them (`clone`, `clone_from`,
/// `to_owned`, `clone_into`, `into`, `try_into`, `borrow`, `borrow_mut`, `as_ref`, `as_mut`, `deref`, `type_id`, `fmt`).
///
/// **`flash`** is a message for the next page: both `notice()` and `take_notice()` consume it.
/// `state` and `update` see it without consuming it. A route of axum's `get` answers `HEAD` by the same handler,
/// and so a `HEAD` consumes it, too.
///
/// **`skip`** leaves the field out of the session. In `state()` it is `Default::default()`.
#[proc_macro_derive(SessionData, attributes(session))]
pub fn session_data(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input).into()
}
