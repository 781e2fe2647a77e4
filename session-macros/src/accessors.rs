//! The struct of the accessors and its methods.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Ident, LitStr, Visibility};

use crate::model::{Accessor, Does, Field, Kind, View};
use crate::names::{Names, constant, last, read_function};

/// The struct, which holds the session and the last value of each required field, and its
/// methods.
pub(crate) fn expand(view: &View<'_>, names: &Names) -> TokenStream {
    let p = &names.private;
    let required = view.fields.iter().filter(|field| field.is_required());
    let lasts = required.map(|field| {
        let ty = field.ty;
        (last(field), quote!(#p::Last<#ty>))
    });
    let session = (names.session.clone(), quote!(#p::View));
    let structure = structure(view, names, [session].into_iter().chain(lasts));
    let constants = view.stored().map(|field| constant_item(field, view, names));
    let reads = view
        .fields
        .iter()
        .filter_map(|field| read_item(field, names));
    let methods = methods(view, |field, does| body(field, does, names));
    let items = implementation(names, &quote!(#(#constants)* #(#reads)* #methods));
    quote!(#structure #items)
}

/// The struct with `parts`, which are names and types.
pub(crate) fn structure(
    view: &View<'_>,
    names: &Names,
    parts: impl Iterator<Item = (Ident, TokenStream)>,
) -> TokenStream {
    let Names {
        view_type,
        accessors,
        accessors_type,
        ..
    } = names;
    let (vis, generics) = (view.vis, view.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (mut parts, mut types): (Vec<_>, Vec<_>) = parts.unzip();
    if let Some(marker) = &names.marker {
        parts.push(marker.clone());
        types.push(quote!(::core::marker::PhantomData<fn() -> #view_type>));
    }
    let name = view.ident.unraw();
    let doc = format!(" The accessors of `{name}`, which `TypedSession<{name}>` dereferences to.");
    let redacted = format!("{accessors} {{ .. }}");
    quote! {
        #[doc = #doc]
        #vis struct #accessors #generics #where_clause {
            #(#parts: #types,)*
        }

        #[automatically_derived]
        impl #impl_generics ::core::clone::Clone for #accessors_type #where_clause {
            fn clone(&self) -> Self {
                Self {
                    #(#parts: ::core::clone::Clone::clone(&self.#parts),)*
                }
            }
        }

        #[automatically_derived]
        impl #impl_generics ::core::fmt::Debug for #accessors_type #where_clause {
            fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(__f, #redacted)
            }
        }
    }
}

/// All accessors, each with the body that `body` gives it.
pub(crate) fn methods(
    view: &View<'_>,
    body: impl Fn(&Field<'_>, Does) -> TokenStream,
) -> TokenStream {
    // Of two with one name, which is a mistake, the stub has one.
    let mut written = HashSet::new();
    let mut methods = TokenStream::new();
    for field in &view.fields {
        for accessor in field.accessors() {
            if written.insert(accessor.name.unraw()) {
                let body = body(field, accessor.does);
                methods.extend(method(field, &accessor, view.vis, &body));
            }
        }
    }
    methods
}

/// The `impl` of the accessors around `items`.
pub(crate) fn implementation(names: &Names, items: &TokenStream) -> TokenStream {
    let accessors_type = &names.accessors_type;
    let (impl_generics, _, where_clause) = names.generics.split_for_impl();
    quote! {
        impl #impl_generics #accessors_type #where_clause {
            #items
        }
    }
}

fn constant_item(field: &Field<'_>, view: &View<'_>, names: &Names) -> TokenStream {
    let (p, constant, ty) = (&names.private, constant(field), field.ty);
    let prefix = view
        .attrs
        .prefix
        .as_ref()
        .map_or_else(String::new, LitStr::value);
    let name = format!("{prefix}{}", field.stored_name().text);
    let aliases: Vec<_> = field
        .aliases()
        .map(|alias| format!("{prefix}{}", alias.text))
        .collect();
    let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
    let keep = field.attrs.has("keep").then(|| quote!(.keep()));
    let none_is_absent = (field.option().is_some() && field.attrs.default.is_none())
        .then(|| quote!(.none_is_absent()));
    quote! {
        const #constant: &'static #p::TypedField<#ty> =
            &#p::Field::new(#name) #aliases #keep #none_is_absent.typed::<#ty>();
    }
}

fn read_item(field: &Field<'_>, names: &Names) -> Option<TokenStream> {
    let p = &names.private;
    let (ty, read, constant, last) = (field.ty, read_function(field), constant(field), last(field));
    Some(match field.kind {
        Kind::Plain | Kind::Flash => {
            let default = names.default(field);
            quote! {
                fn #read(__reader: &#p::Reader<'_>) -> #ty {
                    #p::Reader::field::<#ty>(__reader, Self::#constant, || #default)
                }
            }
        }
        Kind::Required => quote! {
            fn #read(&self, __reader: &#p::Reader<'_>) -> #ty {
                #p::Reader::last::<#ty>(__reader, Self::#constant, &self.#last)
            }
        },
        Kind::RequiredOwner => quote! {
            fn #read(&self, __reader: &#p::Reader<'_>) -> #ty {
                #p::Reader::last_owner::<#ty>(__reader, &self.#last)
            }
        },
        Kind::Owner | Kind::Skipped => return None,
    })
}

fn method(
    field: &Field<'_>,
    Accessor { name, does }: &Accessor,
    vis: &Visibility,
    body: &TokenStream,
) -> TokenStream {
    let ty = field.ty;
    let docs = docs(field, *does);
    let deprecated = field.deprecated;
    let reads_only = *does == Does::Get && field.kind != Kind::Flash;
    let must_use = reads_only.then(|| quote!(#[must_use]));
    // These judge generated code, too: the first one only what others see.
    let lint = match name.to_string().as_str() {
        "len" if !matches!(vis, Visibility::Inherited) => {
            Some(quote!(#[allow(clippy::len_without_is_empty)]))
        }
        "iter" | "iter_mut" => Some(quote!(#[allow(clippy::iter_not_returning_iterator)])),
        _ => None,
    };
    let signature = match does {
        Does::Get | Does::Take => quote!(#name(&self) -> #ty),
        // Users read this name: it is one for them.
        Does::Set => quote!(#name(&self, value: #ty)),
        Does::Remove => quote!(#name(&self)),
    };
    quote! {
        #docs
        #deprecated
        #must_use
        #lint
        #vis fn #signature {
            #body
        }
    }
}

/// The field's own doc comment, behind a line that says what the accessor does.
fn docs(field: &Field<'_>, does: Does) -> TokenStream {
    let own = &field.docs;
    let name = field.ident.unraw();
    let line = match does {
        Does::Get if !own.is_empty() => return quote!(#(#own)*),
        Does::Get if field.kind == Kind::Flash => {
            format!(" The session's `{name}`, which reading removes.")
        }
        Does::Get => format!(" The session's `{name}`."),
        Does::Set => format!(" Sets `{name}`."),
        Does::Remove if field.kind == Kind::Owner => {
            format!(" Removes `{name}`, so that the session has no owner.")
        }
        Does::Remove => format!(" Removes `{name}`, which then reads as its default."),
        Does::Take => format!(" Takes `{name}` out of the session."),
    };
    let gap = (!own.is_empty()).then(|| quote!(#[doc = ""]));
    quote!(#[doc = #line] #gap #(#own)*)
}

fn body(field: &Field<'_>, does: Does, names: &Names) -> TokenStream {
    let Names {
        private: p,
        session,
        ..
    } = names;
    let (ty, constant, last) = (field.ty, constant(field), last(field));
    let read = read_function(field);
    match field.kind {
        Kind::Plain | Kind::Flash => match does {
            Does::Get if field.kind == Kind::Plain => {
                quote!(#p::View::reading(&self.#session, Self::#read))
            }
            Does::Get | Does::Take => {
                let default = names.default(field);
                quote!(#p::View::take::<#ty>(&self.#session, Self::#constant, || #default))
            }
            Does::Set => {
                quote!(#p::View::set::<#ty>(&self.#session, Self::#constant, &value))
            }
            Does::Remove => {
                quote!(#p::View::unset(&self.#session, &Self::#constant.field))
            }
        },
        Kind::Required if does == Does::Set => {
            quote!(#p::View::set_required::<#ty>(&self.#session, Self::#constant, value, &self.#last))
        }
        Kind::RequiredOwner if does == Does::Set => {
            quote!(#p::View::set_required_owner::<#ty>(&self.#session, value, &self.#last))
        }
        Kind::Required | Kind::RequiredOwner => {
            quote!(#p::View::reading(&self.#session, |__reader| self.#read(__reader)))
        }
        Kind::Owner => {
            let value = field.value_type();
            let get = quote!(#p::View::get_owner::<#value>(&self.#session));
            let set = quote!(#p::View::put_owner::<#value>);
            let none = quote!(#set(&self.#session, ::core::option::Option::None));
            match does {
                Does::Get => get,
                Does::Set => {
                    quote!(#set(&self.#session, ::core::option::Option::as_ref(&value)))
                }
                Does::Remove => none,
                Does::Take => quote!(#p::View::take_owner::<#value>(&self.#session, || #get)),
            }
        }
        // It has no accessors.
        Kind::Skipped => TokenStream::new(),
    }
}
