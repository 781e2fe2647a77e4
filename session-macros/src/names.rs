//! The paths, types and bounds that all generated pieces share.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    GenericParam, Generics, Ident, LifetimeParam, Path, TypeParam, WherePredicate, parse_quote,
};

use crate::model::{Field, Kind, View};

/// How generated code calls things.
pub(crate) struct Names {
    /// The crate that the user depends on.
    pub(crate) krate: Path,
    /// Its module of runtime helpers.
    pub(crate) private: TokenStream,
    /// The user's struct.
    pub(crate) view_type: TokenStream,
    /// The struct of the accessors, as a name, as a type and as the start of a path.
    pub(crate) accessors: Ident,
    pub(crate) accessors_type: TokenStream,
    pub(crate) accessors_path: TokenStream,
    /// Its field for the untyped session, and the one that uses the parameters.
    pub(crate) session: Ident,
    pub(crate) marker: Option<Ident>,
    /// The user's parameters with what the generated impls ask of them.
    pub(crate) generics: Generics,
}

impl Names {
    pub(crate) fn new(view: &View<'_>) -> Self {
        let krate = view
            .attrs
            .krate
            .clone()
            .unwrap_or_else(|| parse_quote!(::session_axum));
        let accessors = format_ident!("{}Accessors", view.ident);
        let ident = view.ident;
        let (_, parameters, _) = view.generics.split_for_impl();
        let turbofish = parameters.as_turbofish();
        let mut generics = view.generics.clone();
        for parameter in &view.generics.params {
            // `SessionData` is `'static`, so all that a view holds has to be.
            let outlives: WherePredicate = match parameter {
                GenericParam::Lifetime(LifetimeParam { lifetime, .. }) => {
                    parse_quote!(#lifetime: 'static)
                }
                GenericParam::Type(TypeParam { ident, .. }) => parse_quote!(#ident: 'static),
                GenericParam::Const(_) => continue,
            };
            generics.make_where_clause().predicates.push(outlives);
        }
        Self {
            private: quote!(#krate::__private),
            view_type: quote!(#ident #parameters),
            accessors_type: quote!(#accessors #parameters),
            accessors_path: quote!(#accessors #turbofish),
            session: format_ident!("__session"),
            marker: (!view.generics.params.is_empty()).then(|| format_ident!("__marker")),
            krate,
            accessors,
            generics,
        }
    }

    /// Asks of each generic field what its kind needs, as only the user's choice of the
    /// parameters can tell whether it is so.
    pub(crate) fn bound(mut self, view: &View<'_>) -> Self {
        let p = &self.private;
        for field in view.fields.iter().filter(|field| is_generic(field, view)) {
            let ty = field.ty;
            let predicate: WherePredicate = match field.kind {
                Kind::Skipped => parse_quote!(#ty: ::core::default::Default),
                Kind::Plain | Kind::Flash if field.attrs.default.is_some() => {
                    parse_quote!(#ty: #p::Serialize + #p::DeserializeOwned)
                }
                Kind::Plain | Kind::Flash => parse_quote! {
                    #ty: #p::Serialize + #p::DeserializeOwned + ::core::default::Default
                },
                Kind::Required => parse_quote! {
                    #ty: #p::Serialize + #p::DeserializeOwned
                        + ::core::clone::Clone + ::core::marker::Send
                },
                Kind::Owner => {
                    let owner = field.value_type();
                    parse_quote!(#owner: ::core::fmt::Display + ::core::str::FromStr)
                }
                Kind::RequiredOwner => parse_quote! {
                    #ty: ::core::fmt::Display + ::core::str::FromStr
                        + ::core::clone::Clone + ::core::marker::Send
                },
            };
            self.generics.make_where_clause().predicates.push(predicate);
        }
        self
    }

    /// The path of [`constant`].
    pub(crate) fn constant(&self, field: &Field<'_>) -> TokenStream {
        let (accessors, constant) = (&self.accessors_path, constant(field));
        quote!(#accessors::#constant)
    }

    /// The value of an absent field.
    pub(crate) fn default(&self, field: &Field<'_>) -> TokenStream {
        let (accessors, ty) = (&self.accessors_path, field.ty);
        if field.attrs.default.is_some() {
            let function = default_function(field);
            return quote!((#accessors::#function)());
        }
        // All of it at the type, so that a type without a default is told once.
        quote_spanned!(ty.span()=> <#ty as ::core::default::Default>::default())
    }
}

/// The function around `default = expr`, so that the expression is written only once.
pub(crate) fn default_function(field: &Field<'_>) -> Ident {
    format_ident!("__default_{}", field.ident)
}

/// The function that reads the field, which has its default or its last value in it: once for all that read, so that
/// what is wrong with the field's type is told once.
pub(crate) fn read_function(field: &Field<'_>) -> Ident {
    format_ident!("__read_{}", field.ident)
}

/// The constant that names the field to the runtime.
pub(crate) fn constant(field: &Field<'_>) -> Ident {
    format_ident!("__field_{}", field.ident)
}

/// Where the accessors remember the last value of a required field.
pub(crate) fn last(field: &Field<'_>) -> Ident {
    format_ident!("__last_{}", field.ident)
}

fn is_generic(field: &Field<'_>, view: &View<'_>) -> bool {
    fn mentions(tokens: TokenStream, parameter: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *parameter,
            TokenTree::Group(group) => mentions(group.stream(), parameter),
            _ => false,
        })
    }
    let types = view.generics.type_params().map(|ty| &ty.ident);
    let consts = view.generics.const_params().map(|length| &length.ident);
    types
        .chain(consts)
        .any(|parameter| mentions(field.ty.to_token_stream(), parameter))
}
