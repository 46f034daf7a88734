//! `#[derive(Params)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    DeriveInput, Expr, ExprLit, GenericArgument, Lit, LitByteStr, PathArguments, Result, Type,
    spanned::Spanned,
};

use crate::attributes::{self, Param};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut names = Vec::new();
    let mut reads = Vec::new();
    let mut schemas = Vec::new();
    let mut writes = Vec::new();
    for (ident, name, field) in attributes::fields(input, "Params")? {
        let Param { default, required, nullable, min, max } = Param::read(&field.attrs)?;
        let inner = option_of(&field.ty);
        if nullable && inner.is_none() {
            return Err(syn::Error::new(
                field.span(),
                "only what is optional can be null: make it an `Option`",
            ));
        }
        let ty = inner.unwrap_or(&field.ty);
        let doc = attributes::doc(&field.attrs);

        let bound = |value: &Option<Expr>| match value {
            Some(value) => quote! { ::std::option::Option::Some(::gadget::serde_json::Value::from(#value)) },
            None => quote! { ::std::option::Option::None },
        };
        let (lower, upper) = (bound(&min), bound(&max));
        let check =
            (min.is_some() || max.is_some()).then(|| quote! { arguments.range(#name, #lower, #upper)?; });
        let none = quote! { ::std::option::Option::None };
        let (value, default) = if required {
            (quote! { arguments.required::<#ty>(#name)? }, none)
        } else if nullable {
            (quote! { arguments.nullable::<#ty>(#name)? }, none)
        } else if inner.is_some() {
            (quote! { arguments.take::<#ty>(#name)? }, none)
        } else {
            let default = match default {
                Some(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
                    quote! { <#ty as ::std::convert::From<_>>::from(#text) }
                }
                Some(value) => quote! { #value },
                None => quote! { <#ty as ::std::default::Default>::default() },
            };
            let value = quote! { arguments.take::<#ty>(#name)?.unwrap_or_else(|| #default) };
            (value, quote! { ::std::option::Option::Some(#default) })
        };
        reads.push(quote! { #ident: { #check #value } });

        schemas.push(quote! {
            schema.param::<#ty>(#name, ::gadget::params::Says {
                description: #doc,
                required: #required,
                nullable: #nullable,
                default: #default,
                min: #lower,
                max: #upper,
            });
        });
        let key = LitByteStr::new(format!(",\"{name}\":").as_bytes(), ident.span());
        writes.push(quote! {
            if !::gadget::Value::is_absent(&self.#ident) {
                out.extend_from_slice(#key);
                ::gadget::Value::write(&self.#ident, out);
            }
        });
        names.push(name);
    }

    let ident = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::gadget::Params for #ident {
            fn parse(
                arguments: ::gadget::serde_json::Map<::std::string::String, ::gadget::serde_json::Value>,
            ) -> ::std::result::Result<Self, ::gadget::Failure> {
                let mut arguments = ::gadget::params::Arguments::new(arguments);
                let this = Self { #(#reads),* };
                arguments.finish(&[#(#names),*])?;
                ::std::result::Result::Ok(this)
            }

            fn schema() -> ::gadget::Schema {
                let mut schema = ::gadget::params::ParamSchema::default();
                #(#schemas)*
                schema.finish()
            }
        }

        // Parameters can stand within parameters, and be told of in a row.
        #[automatically_derived]
        impl ::gadget::Value for #ident {
            fn write(&self, out: &mut ::std::vec::Vec<u8>) {
                ::gadget::row::object(out, |out| { #(#writes)* });
            }

            fn schema() -> ::gadget::Schema {
                <Self as ::gadget::Params>::schema()
            }
        }

        #[automatically_derived]
        impl ::gadget::Param for #ident {
            fn read(value: ::gadget::serde_json::Value) -> ::std::result::Result<Self, ::gadget::Failure> {
                ::gadget::Params::parse(::gadget::params::object(value)?)
            }
        }
    })
}

/// The `T` of an `Option<T>`.
fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" => match arguments.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
