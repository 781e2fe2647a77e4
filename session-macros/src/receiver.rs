//! Writes out `Self`, which in the generated code would be another type than in the user's struct.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{DeriveInput, Result};

/// The struct with its name in place of `Self`.
pub(crate) fn written_out(input: &DeriveInput) -> Result<DeriveInput> {
    let ident = &input.ident;
    let (_, parameters, _) = input.generics.split_for_impl();
    // With a turbofish, which is right in an expression and in a type.
    let turbofish = parameters.as_turbofish();
    let receiver = quote!(#ident #turbofish);
    syn::parse2(replace(input.to_token_stream(), &receiver, false))
}

/// Items within the view, in the expression of a default, have a `Self` of their own.
fn replace(tokens: TokenStream, receiver: &TokenStream, within: bool) -> TokenStream {
    const ITEMS: [&str; 4] = ["enum", "impl", "struct", "trait"];
    let (mut in_item, mut angles, mut after) = (false, 0, ' ');
    let replace_one = |token| match token {
        TokenTree::Ident(name) if within && ITEMS.iter().any(|item| name == item) => {
            in_item = true;
            TokenTree::Ident(name).into()
        }
        token if in_item => {
            // A brace between angles is a constant's, and that of an arrow is none.
            if let TokenTree::Punct(punct) = &token {
                match (after, punct.as_char()) {
                    (_, '<') => angles += 1,
                    (before, '>') if before != '-' => angles -= 1,
                    (_, ';') => in_item = false,
                    _ => {}
                }
                after = punct.as_char();
            } else {
                let is_brace = |group: &Group| group.delimiter() == Delimiter::Brace;
                let ends = matches!(&token, TokenTree::Group(group) if is_brace(group));
                in_item = !(ends && angles == 0);
                after = ' ';
            }
            token.into()
        }
        TokenTree::Ident(name) if name == "Self" => {
            // By the derive, so that nobody is told that the user's own struct is deprecated.
            let at_its_place = |mut token: TokenTree| {
                token.set_span(Span::call_site().located_at(name.span()));
                token
            };
            receiver.clone().into_iter().map(at_its_place).collect()
        }
        TokenTree::Group(group) => {
            let replaced = replace(group.stream(), receiver, true);
            let mut replaced = Group::new(group.delimiter(), replaced);
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        token => TokenStream::from(token),
    };
    tokens.into_iter().flat_map(replace_one).collect()
}
