//! Reads `#[session(..)]`, keeping the user's tokens for the errors.
//!
//! A mistake costs only its own item: reading goes on behind the next comma.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Expr, Ident, LitStr, Meta, Path, Result, Token, token};

use crate::diagnostics::Diagnostics;

const ON_STRUCT: &[&str] = &["prefix", "crate"];
const ON_FIELD: &[&str] = &[
    "rename", "alias", "default", "required", "strict", "owner", "keep", "accessor", "flash",
    "skip",
];

/// What `#[session(..)]` says of the struct.
#[derive(Default)]
pub(crate) struct ViewAttrs {
    pub(crate) prefix: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// What `#[session(..)]` says of one field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// Every name that was given, in the user's order.
    pub(crate) given: Vec<Ident>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) default: Option<Expr>,
    /// The name of the getter, at the span of its string.
    pub(crate) accessor: Option<Ident>,
}

impl ViewAttrs {
    pub(crate) fn read(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut read = Self::default();
        let mut given = Vec::new();
        for_each_item(attrs, diagnostics, |input| {
            let name = name(input, ON_STRUCT, ON_FIELD, "a field")?;
            if name == "prefix" {
                read.prefix = Some(string(&name, "prefix = \"shop.\"", input)?);
            } else {
                let path = string(&name, "crate = \"session_axum\"", input)?;
                let parsed = path.parse_with(Path::parse_mod_style).map_err(|_| {
                    Error::new(
                        path.span(),
                        "`crate` takes a path, as in `crate = \"app::session\"`",
                    )
                })?;
                read.krate = Some(parsed);
            }
            once(&name, &mut given)
        });
        read
    }
}

impl FieldAttrs {
    pub(crate) fn read(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut read = Self::default();
        let mut given = Vec::new();
        for_each_item(attrs, diagnostics, |input| {
            let name = name(input, ON_FIELD, ON_STRUCT, "the struct")?;
            match name.to_string().as_str() {
                "rename" => read.rename = Some(string(&name, "rename = \"lang\"", input)?),
                "alias" => read.aliases.push(string(&name, "alias = \"old\"", input)?),
                "default" => {
                    equals(&name, "default = 1", input)?;
                    read.default = Some(input.parse()?);
                }
                "accessor" => read.accessor = Some(accessor(&name, input)?),
                _ => flag(&name, input)?,
            }
            once(&name, &mut given)
        });
        read.given = given;
        read
    }

    /// Where `name` was given.
    pub(crate) fn span_of(&self, name: &str) -> Option<Span> {
        self.given
            .iter()
            .find(|given| *given == name)
            .map(Ident::span)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.span_of(name).is_some()
    }
}

/// Gives `read` the items of all `#[session(..)]` one after the other.
fn for_each_item(
    attrs: &[Attribute],
    diagnostics: &mut Diagnostics,
    mut read: impl FnMut(ParseStream<'_>) -> Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("session")) {
        let Meta::List(list) = &attr.meta else {
            diagnostics.report(
                attr.path().segments[0].ident.span(),
                "this attribute needs a list: `#[session(..)]`",
            );
            continue;
        };
        let items = |input: ParseStream<'_>| {
            while !input.is_empty() {
                if let Err(error) = read(input).and_then(|()| end_of_item(input)) {
                    diagnostics.push(error);
                    skip_item(input)?;
                }
                input.parse::<Option<Token![,]>>()?;
            }
            Ok(())
        };
        if let Err(error) = list.parse_args_with(items) {
            diagnostics.push(error);
        }
    }
}

fn end_of_item(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    Err(input.error("expected `,` between two attributes"))
}

fn skip_item(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

/// The next item's name, which has to be one of `known`.
fn name(input: ParseStream<'_>, known: &[&str], elsewhere: &[&str], place: &str) -> Result<Ident> {
    let listed = || format!("`{}`", known.join("`, `"));
    let name = input
        .call(Ident::parse_any)
        .map_err(|error| Error::new(error.span(), format!("expected one of {}", listed())))?;
    if known.iter().any(|known| name == known) {
        return Ok(name);
    }
    let message = if elsewhere.iter().any(|other| name == other) {
        format!(
            "`{name}` belongs on {place}: expected here is one of {}",
            listed()
        )
    } else {
        format!("unknown attribute `{name}`: expected one of {}", listed())
    };
    Err(Error::new(name.span(), message))
}

/// Notes `name`, and refuses it the second time. A field may have several aliases.
fn once(name: &Ident, given: &mut Vec<Ident>) -> Result<()> {
    if name != "alias" && given.contains(name) {
        return Err(Error::new(
            name.span(),
            format!("`{name}` is given twice: remove one of them"),
        ));
    }
    given.push(name.clone());
    Ok(())
}

fn flag(name: &Ident, input: ParseStream<'_>) -> Result<()> {
    if input.peek(Token![=]) || input.peek(token::Paren) {
        let message = format!("`{name}` takes no value: write only `{name}`");
        return Err(Error::new(name.span(), message));
    }
    Ok(())
}

/// The `=` behind a name that needs a value.
fn equals(name: &Ident, example: &str, input: ParseStream<'_>) -> Result<()> {
    if input.peek(Token![=]) {
        return input.parse::<Token![=]>().map(drop);
    }
    let message = format!("`{name}` needs a value, as in `{example}`");
    Err(Error::new(name.span(), message))
}

fn string(name: &Ident, example: &str, input: ParseStream<'_>) -> Result<LitStr> {
    equals(name, example, input)?;
    let expected = |at| Error::new(at, format!("`{name}` takes a string, as in `{example}`"));
    let string: LitStr = input
        .parse()
        .map_err(|error: Error| expected(error.span()))?;
    if string.suffix().is_empty() {
        Ok(string)
    } else {
        Err(expected(string.span()))
    }
}

fn accessor(name: &Ident, input: ParseStream<'_>) -> Result<Ident> {
    let string = string(name, "accessor = \"nickname\"", input)?;
    string.parse().map_err(|_| {
        let message = format!(
            "`{}` can't name a method: write an identifier (`r#type` for a keyword)",
            string.value().escape_debug(),
        );
        Error::new(string.span(), message)
    })
}
