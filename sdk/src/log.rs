//! Lines for the operator's log. The host limits their rate, and counts those over the limit.
//!
//! A gadget that logs states `imports = ["log"]` in its permissions; one that never does gets no such import.
//! Natively, in tests, lines go to stderr.

use std::fmt::Display;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// For whoever debugs the gadget.
pub fn debug(message: impl Display) {
    line(Level::Debug, &message.to_string());
}

/// Worth knowing.
pub fn info(message: impl Display) {
    line(Level::Info, &message.to_string());
}

/// Something is not as it should be, and the run goes on.
pub fn warn(message: impl Display) {
    line(Level::Warn, &message.to_string());
}

/// Something failed.
pub fn error(message: impl Display) {
    line(Level::Error, &message.to_string());
}

/// The import, in a world of its own; a component that never calls it loses it when it is made.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, reason = "generated code")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package gadgetry:sdk; world logging { import gadgetry:gadget/log@0.1.0; }",
        world: "gadgetry:sdk/logging",
        generate_all,
    });
}

#[cfg(target_arch = "wasm32")]
fn line(level: Level, message: &str) {
    use bindings::gadgetry::gadget::log;
    let level = match level {
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    };
    log::log(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
fn line(level: Level, message: &str) {
    eprintln!("{level:?}: {message}");
}
