//! Derives of `gadget-sdk`: what follows from a gadget's `Params`, `Row` and tools is written by them.
//!
//! The code they make names the SDK by `::gadget`, the name a gadget's manifest gives it.

mod attributes;
mod bindings;
mod choice;
mod params;
mod row;
mod tool;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, LitStr, parse_macro_input};

/// A row: how it is written, its schema, its columns.
///
/// Doc comments become descriptions. On a field:
/// - `#[column(width = 40, right, hidden, title = "PATH", skip)]`: how its column looks; `skip`: it is none.
/// - `#[row(flatten)]`: its fields stand in this row; `#[row(flatten, show("ppid", "uid"))]` also shows columns that
///   it hides.
///
/// A row type may stand as a field in another; its columns are then dotted.
#[proc_macro_derive(Row, attributes(row, column))]
pub fn row(input: TokenStream) -> TokenStream {
    finish(row::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Parameters: their schema, and how arguments are read.
///
/// Doc comments become descriptions. A parameter that is not given has its type's default, or `None`. On a field:
/// `#[param(default = 10)]`, `#[param(required)]`, `#[param(min = 1, max = 100)]`; `#[param(nullable)]` for an `Option`
/// that callers may also give as null.
///
/// Such a struct may stand as a parameter in another, also in a `Vec`: failures then name the place, as in `items.3.name`.
#[proc_macro_derive(Params, attributes(param))]
pub fn params(input: TokenStream) -> TokenStream {
    finish(params::derive(&parse_macro_input!(input as DeriveInput)))
}

/// One of some words: an enum without data, in rows and parameters a string in `snake_case`.
#[proc_macro_derive(Choice)]
pub fn choice(input: TokenStream) -> TokenStream {
    finish(choice::derive(&parse_macro_input!(input as DeriveInput)))
}

/// A tool: a function from parameters (or none) to `Result<Answer, Failure>`; its doc comment is the description.
#[proc_macro_attribute]
pub fn tool(attributes: TokenStream, input: TokenStream) -> TokenStream {
    finish(tool::attribute(attributes.into(), parse_macro_input!(input as ItemFn)))
}

/// The bindings of a world. Used by `gadget::export!`.
#[doc(hidden)]
#[proc_macro]
pub fn __bindings(input: TokenStream) -> TokenStream {
    bindings::expand(&parse_macro_input!(input as LitStr)).into()
}

fn finish(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}
