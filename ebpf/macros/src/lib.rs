//! The attribute of `gadget-ebpf`: `#[gadget::program("<section>")]`.
//!
//! One attribute serves every kind of program, as the section name already says the kind and the argument's type says
//! how its context is read. aya's own attributes are not re-exported, because they expand to paths into `aya_ebpf`,
//! on which a gadget does not depend.

use proc_macro::TokenStream;
use quote::quote;
use syn::{FnArg, Ident, ItemFn, LitStr, parse_macro_input, spanned::Spanned};

/// Makes a function an eBPF program, in the ELF section that tells the loader its kind and where it attaches:
/// `tracepoint/<category>/<name>`, `tp_btf/<name>`, `raw_tracepoint/<name>`, `iter/<target>`,
/// `uprobe/<function>,...`, `uretprobe/<function>,...`, `uprobe/go:<function>,...`,
/// `uprobe/go-return:<function>,...`, ...
///
/// The function takes one context, of a type that fits the section, and returns `()`, `Option<()>` (so that `?` ends
/// the program) or the number that this kind of program answers with.
///
/// ```ignore
/// #[gadget::program("tracepoint/syscalls/sys_exit_openat")]
/// fn openat(ctx: Tracepoint) -> Option<()> { ... }
/// ```
#[proc_macro_attribute]
pub fn program(section: TokenStream, item: TokenStream) -> TokenStream {
    let section = parse_macro_input!(section as LitStr);
    let function = parse_macro_input!(item as ItemFn);
    expand(&section, function).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn expand(section: &LitStr, function: ItemFn) -> syn::Result<proc_macro2::TokenStream> {
    let ItemFn { attrs, vis, sig, block } = function;
    let context = match sig.inputs.first() {
        Some(FnArg::Typed(argument)) if sig.inputs.len() == 1 => argument,
        _ => return Err(syn::Error::new(sig.span(), "a program takes one argument: its context")),
    };
    let (pattern, ty) = (&context.pat, &context.ty);
    let (name, output) = (&sig.ident, &sig.output);
    let body = Ident::new("body", name.span());
    Ok(quote! {
        #(#attrs)*
        #[allow(unsafe_code, reason = "the kernel calls the program by its symbol")]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = #section)]
        #vis extern "C" fn #name(context: *mut ::core::ffi::c_void) -> i32 {
            const _: () = ::gadget::program::check(<#ty as ::gadget::program::Context>::SECTIONS, #section);

            #[inline(always)]
            fn #body(#pattern: #ty) #output #block

            // SAFETY: the kernel passes the context of the section's kind, which the check above ties to the type.
            let context = unsafe { <#ty as ::gadget::program::Context>::from_raw(context) };
            ::gadget::program::Outcome::code(#body(context))
        }
    })
}
