//! The pipeline from the user's struct to the generated code.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::DeriveInput;

use crate::check::check;
use crate::diagnostics::Diagnostics;
use crate::model::{Field, View};
use crate::names::{Names, default_function};
use crate::receiver::written_out;
use crate::{accessors, fallback, session_data};

/// What the derive writes beside the user's struct.
pub(crate) fn derive(input: &DeriveInput) -> TokenStream {
    let input = match written_out(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut diagnostics = Diagnostics::default();
    let view = View::new(&input, &mut diagnostics);
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

/// The user's `default = expr` in a function of its own, so that what is wrong with it is told once. A closure: lints
/// judge what else a function always returns, or never reaches.
fn default(field: &Field<'_>, names: &Names) -> Option<TokenStream> {
    let (accessors_type, ty, name) = (&names.accessors_type, field.ty, default_function(field));
    let (impl_generics, _, where_clause) = names.generics.split_for_impl();
    let value = field.attrs.default.as_ref()?;
    let place = generated(quote!(impl #impl_generics #accessors_type #where_clause));
    let declaration = generated(quote!(const #name: fn() -> #ty));
    Some(quote!(#place { #declaration = || #value; }))
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
