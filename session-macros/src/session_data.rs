//! `impl SessionData`, by which the runtime reads and writes the whole view.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use crate::model::{Field, Kind, View};
use crate::names::{Names, last, read_function};

pub(crate) fn expand(view: &View<'_>, names: &Names) -> TokenStream {
    let Names {
        krate,
        private: p,
        view_type,
        accessors_type,
        accessors,
        session,
        ..
    } = names;
    let (impl_generics, _, where_clause) = names.generics.split_for_impl();
    let constants = view.stored().map(|field| names.constant(field));
    let stricts = view.fields.iter().filter_map(|field| strict(field, names));
    let required = view.fields.iter().filter(|field| field.is_required());
    let (lasts, loads): (Vec<_>, Vec<_>) = required
        .map(|field| (last(field), load(field, names)))
        .unzip();
    let marker = names.marker.iter();
    let fields: Vec<_> = view.fields.iter().map(|field| field.ident).collect();
    let states = view.fields.iter().map(|field| state(field, names));
    let reads = view.fields.iter().map(|field| read(field, names));
    let writes = view.fields.iter().filter_map(|field| write(field, names));
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::SessionData for #view_type #where_clause {
            type Accessors = #accessors_type;

            const FIELDS: &'static [#p::Field] = &[#(#constants.field),*];

            fn accessors(
                __session: #p::View,
            ) -> ::core::result::Result<Self::Accessors, #p::FieldError> {
                #(#stricts;)*
                ::core::result::Result::Ok(#accessors {
                    #(#lasts: #loads,)*
                    #session: __session,
                    #(#marker: ::core::marker::PhantomData,)*
                })
            }

            fn state(__accessors: &Self::Accessors) -> Self {
                #p::View::reading(&__accessors.#session, |__reader| Self {
                    #(#fields: #states,)*
                })
            }

            fn read(
                __reader: &#p::Reader<'_>,
            ) -> ::core::result::Result<Self, #p::FieldError> {
                ::core::result::Result::Ok(Self { #(#fields: #reads,)* })
            }

            fn write(&self, __writer: &mut #p::Writer) {
                #(#writes;)*
            }
        }
    }
}

/// Refuses the extraction if a strict field does not decode.
fn strict(field: &Field<'_>, names: &Names) -> Option<TokenStream> {
    let (p, ty, constant) = (&names.private, field.ty, names.constant(field));
    field
        .attrs
        .has("strict")
        .then(|| quote!(#p::View::strict::<#ty>(&__session, #constant)?))
}

/// Loads a required field, without which there are no accessors.
fn load(field: &Field<'_>, names: &Names) -> TokenStream {
    let (p, ty) = (&names.private, field.ty);
    if field.kind == Kind::RequiredOwner {
        let name = field.ident.unraw().to_string();
        return quote!(#p::View::required_owner::<#ty>(&__session, #name)?);
    }
    let constant = names.constant(field);
    quote!(#p::View::required::<#ty>(&__session, #constant)?)
}

/// The field's value as the request sees it.
fn state(field: &Field<'_>, names: &Names) -> TokenStream {
    let (p, accessors, read) = (&names.private, &names.accessors_path, read_function(field));
    match field.kind {
        Kind::Skipped => names.default(field),
        Kind::Plain | Kind::Flash => quote!(#accessors::#read(__reader)),
        Kind::Required | Kind::RequiredOwner => quote!(#accessors::#read(__accessors, __reader)),
        Kind::Owner => {
            let value = field.value_type();
            quote!(#p::Reader::owner::<#value>(__reader))
        }
    }
}

/// The field's value in a record.
fn read(field: &Field<'_>, names: &Names) -> TokenStream {
    let (p, ty, constant) = (&names.private, field.ty, names.constant(field));
    match field.kind {
        Kind::Skipped => names.default(field),
        Kind::Plain | Kind::Flash => {
            if field.attrs.has("strict") {
                let default = names.default(field);
                quote!(#p::Reader::strict::<#ty>(__reader, #constant, || #default)?)
            } else {
                let (accessors, read) = (&names.accessors_path, read_function(field));
                quote!(#accessors::#read(__reader))
            }
        }
        Kind::Required => quote!(#p::Reader::required::<#ty>(__reader, #constant)?),
        Kind::Owner => {
            let value = field.value_type();
            quote!(#p::Reader::owner::<#value>(__reader))
        }
        Kind::RequiredOwner => {
            let name = field.ident.unraw().to_string();
            quote!(#p::Reader::required_owner::<#ty>(__reader, #name)?)
        }
    }
}

/// Writes the field's value into a record.
fn write(field: &Field<'_>, names: &Names) -> Option<TokenStream> {
    let (p, ty, ident) = (&names.private, field.ty, field.ident);
    Some(match field.kind {
        Kind::Skipped => return None,
        Kind::Plain | Kind::Flash | Kind::Required => {
            let constant = names.constant(field);
            quote!(#p::Writer::field::<#ty>(__writer, #constant, &self.#ident))
        }
        Kind::Owner => {
            let value = field.value_type();
            let owner = quote!(::core::option::Option::as_ref(&self.#ident));
            quote!(#p::Writer::owner::<#value>(__writer, #owner))
        }
        Kind::RequiredOwner => {
            let owner = quote!(::core::option::Option::Some(&self.#ident));
            quote!(#p::Writer::owner::<#ty>(__writer, #owner))
        }
    })
}
