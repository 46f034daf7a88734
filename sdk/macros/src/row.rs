//! `#[derive(Row)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, LitByteStr, Result};

use crate::attributes::{self, RowField};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut writes = Vec::new();
    let mut fields = Vec::new();
    for (ident, name, field) in attributes::fields(input, "Row")? {
        let ty = &field.ty;
        let RowField { flatten, show, title, width, right, hidden, skip } = RowField::read(&field.attrs)?;
        if flatten {
            writes.push(quote! { ::gadget::Row::write_fields(&self.#ident, out); });
            fields.push(quote! { into.flatten::<#ty>(&[#(#show),*]); });
            continue;
        }
        let key = LitByteStr::new(format!(",\"{name}\":").as_bytes(), ident.span());
        let doc = attributes::doc(&field.attrs);
        let (title, width) = (option(title.as_ref()), option(width.as_ref()));
        writes.push(quote! {
            if !::gadget::Value::is_absent(&self.#ident) {
                out.extend_from_slice(#key);
                ::gadget::Value::write(&self.#ident, out);
            }
        });
        fields.push(quote! {
            into.field::<#ty>(#name, #doc, ::gadget::row::Look {
                title: #title,
                width: #width,
                right: #right,
                hidden: #hidden,
                skip: #skip,
            });
        });
    }

    let ident = &input.ident;
    let (impl_generics, ty_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::gadget::Row for #ident #ty_generics #where_clause {
            #[inline]
            fn write_fields(&self, out: &mut ::std::vec::Vec<u8>) {
                #(#writes)*
            }

            #[cold]
            fn fields(into: &mut ::gadget::row::Fields) {
                #(#fields)*
            }
        }

        #[automatically_derived]
        impl #impl_generics ::gadget::Value for #ident #ty_generics #where_clause {
            #[inline]
            fn write(&self, out: &mut ::std::vec::Vec<u8>) {
                ::gadget::row::write(self, out);
            }

            fn schema() -> ::gadget::Schema {
                ::gadget::row::Fields::of::<Self>().schema()
            }

            fn columns() -> ::std::vec::Vec<::gadget::Column> {
                ::gadget::row::Fields::of::<Self>().into_columns()
            }
        }
    })
}

fn option<T: quote::ToTokens>(value: Option<&T>) -> TokenStream {
    match value {
        Some(value) => quote! { ::std::option::Option::Some(#value) },
        None => quote! { ::std::option::Option::None },
    }
}
