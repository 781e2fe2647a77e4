//! What the derive knows of a view, taken from the user's struct and not yet checked.

use proc_macro2::Span;
use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Fields, FieldsNamed, GenericArgument, Generics, Ident,
    Lifetime, LitStr, Meta, PathArguments, Type, TypeReference, Visibility,
};

use crate::attr::{FieldAttrs, ViewAttrs};
use crate::diagnostics::Diagnostics;

/// A struct that derives `SessionData`.
pub(crate) struct View<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) vis: &'a Visibility,
    pub(crate) generics: &'a Generics,
    pub(crate) attrs: ViewAttrs,
    pub(crate) fields: Vec<Field<'a>>,
}

/// One field of the struct.
pub(crate) struct Field<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) attrs: FieldAttrs,
    /// The doc comment.
    pub(crate) docs: Vec<&'a Attribute>,
    pub(crate) deprecated: Option<&'a Attribute>,
    pub(crate) kind: Kind,
}

/// How a field is kept, which decides what is generated for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Flash,
    Required,
    Owner,
    RequiredOwner,
    Skipped,
}

/// One generated method.
pub(crate) struct Accessor {
    pub(crate) name: Ident,
    pub(crate) does: Does,
}

/// What a generated method does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Get,
    Set,
    Remove,
    Take,
}

/// A name under which a field is stored, without the prefix.
pub(crate) struct StoredName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl<'a> View<'a> {
    pub(crate) fn new(input: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Self {
        let attrs = ViewAttrs::read(&input.attrs, diagnostics);
        let fields = match named_fields(input) {
            Ok(fields) => {
                let fields = fields.named.iter();
                fields
                    .filter_map(|field| Field::new(field, diagnostics))
                    .collect()
            }
            Err((at, cure)) => {
                let message = "`SessionData` is for a struct with named fields";
                diagnostics.report(at, format_args!("{message}: {cure}"));
                Vec::new()
            }
        };
        Self {
            ident: &input.ident,
            vis: &input.vis,
            generics: &input.generics,
            attrs,
            fields,
        }
    }

    /// The fields that the record keeps by name, in the order of `FIELDS`.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.is_stored())
    }
}

impl<'a> Field<'a> {
    fn new(field: &'a syn::Field, diagnostics: &mut Diagnostics) -> Option<Self> {
        let attrs = FieldAttrs::read(&field.attrs, diagnostics);
        // Left out of the stub, too: its type is not one in every place where a type may stand.
        if let Some(message) = without_size(&field.ty) {
            diagnostics.push(Error::new_spanned(&field.ty, message));
            return None;
        }
        let mut borrows = references(&field.ty);
        borrows.retain(|reference| is_elided(reference));
        for reference in &borrows {
            let message = "a view can't borrow: own the data (`String` for `&str`)";
            diagnostics.push(Error::new_spanned(reference, message));
        }
        if !borrows.is_empty() {
            return None;
        }
        let ident = field.ident.as_ref()?;
        // The same: no accessor can have this name.
        if ident == "_" {
            let message = "`_` is no name that accessors could have: write one";
            diagnostics.push(Error::new_spanned(ident, message));
            return None;
        }
        Some(Self {
            ident,
            ty: &field.ty,
            kind: Kind::of(&attrs),
            attrs,
            docs: field.attrs.iter().filter(|attr| is_doc(attr)).collect(),
            deprecated: field
                .attrs
                .iter()
                .find(|attr| attr.path().is_ident("deprecated")),
        })
    }

    pub(crate) fn is_stored(&self) -> bool {
        matches!(self.kind, Kind::Plain | Kind::Flash | Kind::Required)
    }

    pub(crate) fn is_required(&self) -> bool {
        matches!(self.kind, Kind::Required | Kind::RequiredOwner)
    }

    /// `V`, if the type is written as `Option<V>`.
    pub(crate) fn option(&self) -> Option<&'a Type> {
        let Type::Path(path) = ungrouped(self.ty) else {
            return None;
        };
        let last = path.path.segments.last()?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else {
            return None;
        };
        match arguments.args.first()? {
            GenericArgument::Type(value) if last.ident == "Option" && arguments.args.len() == 1 => {
                Some(value)
            }
            _ => None,
        }
    }

    /// The `'static` of a reference, wherever in the type it is.
    pub(crate) fn borrows_for_ever(&self) -> Option<&'a Lifetime> {
        let lifetimes = references(self.ty).into_iter();
        lifetimes
            .filter_map(|reference| reference.lifetime.as_ref())
            .find(|lifetime| lifetime.ident == "static")
    }

    /// `V` of an `Option<V>`, else the type itself.
    pub(crate) fn value_type(&self) -> &'a Type {
        self.option().unwrap_or(self.ty)
    }

    /// The getter's name.
    pub(crate) fn getter(&self) -> &Ident {
        self.attrs.accessor.as_ref().unwrap_or(self.ident)
    }

    /// The generated methods.
    pub(crate) fn accessors(&self) -> Vec<Accessor> {
        let take = self.option().map(|_| Does::Take);
        let does = match self.kind {
            Kind::Skipped => vec![],
            Kind::Required | Kind::RequiredOwner => vec![Does::Get, Does::Set],
            Kind::Plain | Kind::Owner => [Does::Get, Does::Set, Does::Remove]
                .into_iter()
                .chain(take)
                .collect(),
            Kind::Flash => vec![Does::Get, Does::Set, Does::Remove, Does::Take],
        };
        let getter = self.getter();
        does.into_iter()
            .map(|does| {
                let name = match does {
                    Does::Get => getter.clone(),
                    Does::Set => format_ident!("set_{}", getter),
                    Does::Remove => format_ident!("remove_{}", getter),
                    Does::Take => format_ident!("take_{}", getter),
                };
                Accessor { name, does }
            })
            .collect()
    }

    /// The name under which the field is written.
    pub(crate) fn stored_name(&self) -> StoredName {
        match &self.attrs.rename {
            Some(rename) => StoredName::from(rename),
            None => StoredName {
                text: self.ident.unraw().to_string(),
                span: self.ident.span(),
            },
        }
    }

    /// The names from which it is also read.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = StoredName> {
        self.attrs.aliases.iter().map(StoredName::from)
    }
}

impl Kind {
    fn of(attrs: &FieldAttrs) -> Self {
        if attrs.has("skip") {
            Self::Skipped
        } else if attrs.has("owner") {
            if attrs.has("required") {
                Self::RequiredOwner
            } else {
                Self::Owner
            }
        } else if attrs.has("required") {
            Self::Required
        } else if attrs.has("flash") {
            Self::Flash
        } else {
            Self::Plain
        }
    }
}

impl From<&LitStr> for StoredName {
    fn from(literal: &LitStr) -> Self {
        Self {
            text: literal.value(),
            span: literal.span(),
        }
    }
}

/// Whether it is a doc comment, or `#[doc = ..]`.
fn is_doc(attr: &Attribute) -> bool {
    matches!(&attr.meta, Meta::NameValue(doc) if doc.path.is_ident("doc"))
}

/// Without the invisible or visible parentheses, which a macro may have put there.
fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}

fn named_fields(input: &DeriveInput) -> Result<&FieldsNamed, (Span, &'static str)> {
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(data) => {
            return Err((
                data.enum_token.span,
                "make this enum the type of a field of one",
            ));
        }
        Data::Union(data) => return Err((data.union_token.span, "write `struct`")),
    };
    match fields {
        Fields::Named(fields) => Ok(fields),
        Fields::Unnamed(fields) => Err((fields.span(), "name each field, as in `{ count: u64 }`")),
        Fields::Unit => Err((input.ident.span(), "write `{}` behind the name")),
    }
}

/// Why no field can have this type.
fn without_size(ty: &Type) -> Option<&'static str> {
    match ungrouped(ty) {
        Type::TraitObject(_) | Type::ImplTrait(_) => {
            Some("a trait has no size, and can't be loaded: write a type that implements it")
        }
        Type::Slice(_) => {
            Some("a slice has no size, and can't be loaded: own the data (`Vec<..>` for `[..]`)")
        }
        Type::Path(path) if path.path.is_ident("str") => {
            Some("`str` has no size, and can't be loaded: own the data (`String` for `str`)")
        }
        _ => None,
    }
}

/// The references in a type, but for those within one of them or in a function's signature.
fn references(ty: &Type) -> Vec<&TypeReference> {
    match ty {
        Type::Reference(reference) => vec![reference],
        Type::Array(array) => references(&array.elem),
        Type::Group(group) => references(&group.elem),
        Type::Paren(paren) => references(&paren.elem),
        Type::Ptr(pointer) => references(&pointer.elem),
        Type::Slice(slice) => references(&slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(references).collect(),
        Type::Path(path) => {
            let segments = path.path.segments.iter();
            let arguments = segments.flat_map(|segment| match &segment.arguments {
                PathArguments::AngleBracketed(arguments) => arguments.args.iter().collect(),
                _ => Vec::new(),
            });
            let types = arguments.filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            types.flat_map(references).collect()
        }
        _ => Vec::new(),
    }
}

fn is_elided(reference: &TypeReference) -> bool {
    let lifetime = reference.lifetime.as_ref();
    lifetime.is_none_or(|lifetime| lifetime.ident == "_")
}
