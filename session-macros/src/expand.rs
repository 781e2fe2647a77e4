//! The pipeline from the user's struct to the generated code.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::DeriveInput;

use crate::check::check;
use crate::diagnostics::Diagnostics;
use crate::model::{Field, View};
use crate::names::{Names, default_function};
use crate::{accessors, fallback, session_data};

/// What the derive writes beside the user's struct.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let view = View::new(input, &mut diagnostics);
    check(&view, &mut diagnostics);
    match diagnostics.finish() {
        Ok(()) => expand(&view),
        Err(mistakes) => {
            let mistakes = mistakes.into_compile_error();
            let stub = generated(fallback::stub(&view));
            quote!(#mistakes #stub)
        }
    }
}

fn expand(view: &View<'_>) -> TokenStream {
    let names = Names::new(view).bound(view);
    let accessors = generated(accessors::expand(view, &names));
    let session_data = generated(session_data::expand(view, &names));
    let defaults = view.fields.iter().map(|field| default(field, &names));
    quote!(#accessors #session_data #(#defaults)*)
}

/// The user's `default = expr`, in a place where `Self` is the user's struct.
fn default(field: &Field<'_>, names: &Names) -> Option<TokenStream> {
    let (view_type, ty, name) = (&names.view_type, field.ty, default_function(field));
    let (impl_generics, _, where_clause) = names.generics.split_for_impl();
    let value = field.attrs.default.as_ref()?;
    let place = generated(quote!(impl #impl_generics #view_type #where_clause));
    let signature = generated(quote!(fn #name() -> #ty));
    let value = quote!(let value: #ty = #value; value);
    Some(quote!(#place { #signature { #value } }))
}

/// Marks the tokens, the user's types among them, as written by the derive, where they are:
/// errors stay at the user's token, and lints, which judge what the user wrote, stay silent.
fn generated(tokens: TokenStream) -> TokenStream {
    let mark = |span| Span::call_site().located_at(span);
    tokens
        .into_iter()
        .map(|mut token| match &mut token {
            TokenTree::Group(group) => {
                let mut marked = Group::new(group.delimiter(), generated(group.stream()));
                marked.set_span(mark(group.span()));
                TokenTree::Group(marked)
            }
            // It names a crate by where it comes from.
            TokenTree::Ident(ident) if ident == "$crate" => token,
            _ => {
                token.set_span(mark(token.span()));
                token
            }
        })
        .collect()
}
