//! Names for the addresses of a stack: the host's to tell, since a post-processor can read no files.
//!
//! A gadget that asks states `imports = ["symbols"]` in its permissions. It asks when it is handed the event, not at the
//! end: a process that has ended has no names any more. Natively, in tests, a name is the address as hexadecimal
//! digits, and addresses below 4096 have none.

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world symbolizing { import gadgetry:gadget/symbols@0.1.0; }",
        world: "gadgetry:sdk/symbolizing",
        generate_all,
    });
}

/// The functions that `addresses` lie in, in their order; empty where one is not known. `pid`: the process whose
/// addresses they are; 0 for the kernel.
#[cfg(target_arch = "wasm32")]
pub fn resolve(pid: u32, addresses: &[u64]) -> Vec<String> {
    bindings::gadgetry::gadget::symbols::resolve(pid, addresses)
}

/// The functions that `addresses` lie in, in their order; empty where one is not known. `pid`: the process whose
/// addresses they are; 0 for the kernel.
#[cfg(not(target_arch = "wasm32"))]
pub fn resolve(pid: u32, addresses: &[u64]) -> Vec<String> {
    let _ = pid;
    let name = |address: &u64| if *address < 4096 { String::new() } else { format!("{address:x}") };
    addresses.iter().map(name).collect()
}
