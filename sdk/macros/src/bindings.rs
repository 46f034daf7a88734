//! `__bindings!`: has wit-bindgen expand one world of `gadget.wit`, in the gadget's own crate.
//!
//! Not once for all in the SDK: two worlds in one crate make macros of the same name, and what describes a world to
//! the componentizer must be in the component of that world alone. The text of the WIT file is passed on as a
//! literal, so that a gadget needs no copy of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::LitStr;

const WIT: &str = include_str!("../../wit/gadget.wit");

pub(crate) fn expand(world: &LitStr) -> TokenStream {
    quote! {
        ::gadget::wit_bindgen::generate!({
            inline: #WIT,
            world: #world,
            runtime_path: "::gadget::wit_bindgen::rt",
        });
    }
}
