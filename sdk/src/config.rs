//! Configuration and secrets: values that the operator binds to the gadget, each by a name that its permissions state.
//!
//! ```toml
//! [permissions]
//! imports = ["config"]
//!
//! [[permissions.config]]
//! name = "API_KEY"
//! description = "Key of the service."
//! secret = true       # kept out of log lines, failures, rows and answers
//! required = false    # true: the gadget is not registered without
//! ```
//!
//! The gadget sees none of the process's environment: only what was bound, under the names above. Natively, in tests,
//! values are those of [`testing::config`](crate::testing::config).

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world configured { import gadgetry:gadget/config@0.1.0; }",
        world: "gadgetry:sdk/configured",
        generate_all,
    });
}

/// What the operator bound to `name`; none if nothing. A name that the gadget's permissions do not state ends the run.
#[cfg(target_arch = "wasm32")]
pub fn get(name: &str) -> Option<String> {
    bindings::gadgetry::gadget::config::get(name)
}

/// Has the host keep `value`, too, out of what the gadget logs, fails with and answers: for what was got in exchange
/// for a secret, such as a token. Values under 8 bytes are not concealed, as they would be found everywhere.
#[cfg(target_arch = "wasm32")]
pub fn conceal(value: &str) {
    bindings::gadgetry::gadget::config::conceal(value);
}

/// What the operator bound to `name`; none if nothing. A name that the gadget's permissions do not state ends the run.
#[cfg(not(target_arch = "wasm32"))]
pub fn get(name: &str) -> Option<String> {
    crate::testing::bound(name)
}

/// Has the host keep `value`, too, out of what the gadget logs, fails with and answers: for what was got in exchange
/// for a secret, such as a token. Values under 8 bytes are not concealed, as they would be found everywhere.
#[cfg(not(target_arch = "wasm32"))]
pub fn conceal(value: &str) {
    let _ = value;
}
