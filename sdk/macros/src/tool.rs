//! `#[gadget::tool]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    FnArg, GenericArgument, ItemFn, PathArguments, Result, ReturnType, Type, ext::IdentExt, spanned::Spanned,
};

use crate::attributes;

pub(crate) fn attribute(attributes: TokenStream, function: ItemFn) -> Result<TokenStream> {
    if !attributes.is_empty() {
        return Err(syn::Error::new(attributes.span(), "takes no arguments: the name is the function's"));
    }
    let signature = &function.sig;
    let ident = &signature.ident;
    let name = ident.unraw().to_string();
    let doc = attributes::doc(&function.attrs);
    if doc.is_empty() {
        return Err(syn::Error::new(ident.span(), "a tool needs a doc comment: it is what callers read"));
    }
    let answer = answer(&signature.output)
        .ok_or_else(|| syn::Error::new(signature.span(), "a tool returns `Result<Answer, Failure>`"))?;
    let (params, call) = match signature.inputs.iter().collect::<Vec<_>>()[..] {
        [] => (quote! { () }, quote! { let () = params; #ident() }),
        [FnArg::Typed(argument)] => {
            let ty = &argument.ty;
            (quote! { #ty }, quote! { #ident(params) })
        }
        _ => {
            return Err(syn::Error::new(
                signature.inputs.span(),
                "a tool takes one struct of parameters, or nothing",
            ));
        }
    };
    let vis = &function.vis;
    Ok(quote! {
        #function

        // Types and functions have names of their own, so the tool's type can be called as its function is.
        #[doc(hidden)]
        #[allow(non_camel_case_types, reason = "named as its function")]
        #vis enum #ident {}

        #[automatically_derived]
        impl ::gadget::Tool for #ident {
            const NAME: &'static str = #name;
            const DESCRIPTION: &'static str = #doc;
            type Params = #params;
            type Answer = #answer;

            fn call(params: Self::Params) -> ::std::result::Result<Self::Answer, ::gadget::Failure> {
                #call
            }
        }
    })
}

/// The `T` of a return type `Result<T, ...>`.
fn answer(output: &ReturnType) -> Option<&Type> {
    let ReturnType::Type(_, ty) = output else { return None };
    let Type::Path(path) = &**ty else { return None };
    let last = path.path.segments.last()?;
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Result" => match arguments.args.first()? {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        },
        _ => None,
    }
}
