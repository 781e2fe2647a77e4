//! What is written when the derive fails, so that one mistake gives one error: without it,
//! everything that uses the view would be an error too.

use proc_macro2::TokenStream;
use quote::quote;

use crate::accessors::{implementation, methods, structure};
use crate::model::View;
use crate::names::Names;

/// The same types and signatures, without a body.
pub(crate) fn stub(view: &View<'_>) -> TokenStream {
    let names = Names::new(view);
    let Names {
        krate,
        private: p,
        view_type,
        accessors_type,
        ..
    } = &names;
    let (impl_generics, _, where_clause) = names.generics.split_for_impl();
    let structure = structure(view, &names, std::iter::empty());
    let methods = implementation(
        &names,
        &methods(view, |_, _| quote!(::core::unreachable!())),
    );
    quote! {
        #structure

        #methods

        #[automatically_derived]
        impl #impl_generics #krate::SessionData for #view_type #where_clause {
            type Accessors = #accessors_type;

            const FIELDS: &'static [#p::Field] = &[];

            fn accessors(
                _: #p::View,
            ) -> ::core::result::Result<Self::Accessors, #p::FieldError> {
                ::core::unreachable!()
            }

            fn state(_: &Self::Accessors) -> Self {
                ::core::unreachable!()
            }

            fn read(_: &#p::Reader<'_>) -> ::core::result::Result<Self, #p::FieldError> {
                ::core::unreachable!()
            }

            fn write(&self, _: &mut #p::Writer) {}
        }
    }
}
