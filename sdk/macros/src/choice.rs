//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Result, spanned::Spanned};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new(input.span(), "Choice can only be derived for an enum"));
    };
    let mut variants = Vec::new();
    let mut names = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new(variant.span(), "a choice is a word: it can hold no data"));
        }
        variants.push(&variant.ident);
        names.push(snake_case(&variant.ident.to_string()));
    }

    let ident = &input.ident;
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    let width = u16::try_from(longest).unwrap_or(u16::MAX);
    Ok(quote! {
        impl #ident {
            /// The word for it.
            pub const fn as_str(&self) -> &'static str {
                match self { #(Self::#variants => #names),* }
            }
        }

        #[automatically_derived]
        impl ::gadget::Value for #ident {
            const WIDTH: u16 = #width;

            #[inline]
            fn write(&self, out: &mut ::std::vec::Vec<u8>) {
                ::gadget::Value::write(self.as_str(), out);
            }

            fn schema() -> ::gadget::Schema {
                ::gadget::Schema::words(&[#(#names),*])
            }
        }

        #[automatically_derived]
        impl ::gadget::Param for #ident {
            fn read(value: ::gadget::serde_json::Value) -> ::std::result::Result<Self, ::gadget::Failure> {
                let mut all = [#(Self::#variants),*].into_iter();
                let index = ::gadget::params::word(&value, &[#(#names),*])?;
                all.nth(index).ok_or_else(|| ::gadget::Failure::new("no such choice"))
            }
        }
    })
}

/// `UpperLayer` to `upper_layer`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
