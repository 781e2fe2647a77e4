//! Writes out `Self`, which in the generated code would be another type than in the user's struct.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{DeriveInput, Result};

/// The struct with its name in place of `Self`.
pub(crate) fn written_out(input: &DeriveInput) -> Result<DeriveInput> {
    let ident = &input.ident;
    let (_, parameters, _) = input.generics.split_for_impl();
    // With a turbofish, which is right in an expression and in a type.
    let turbofish = parameters.as_turbofish();
    syn::parse2(replace(input.to_token_stream(), &quote!(#ident #turbofish)))
}

fn replace(tokens: TokenStream, receiver: &TokenStream) -> TokenStream {
    let replace_one = |token| match token {
        TokenTree::Ident(name) if name == "Self" => {
            // By the derive, so that nobody is told that the user's own struct is deprecated.
            let at_its_place = |mut token: TokenTree| {
                token.set_span(Span::call_site().located_at(name.span()));
                token
            };
            receiver.clone().into_iter().map(at_its_place).collect()
        }
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), replace(group.stream(), receiver));
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        token => TokenStream::from(token),
    };
    tokens.into_iter().flat_map(replace_one).collect()
}
