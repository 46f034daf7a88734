//! Which interfaces a component imports and exports, read from its binary without compiling it.

use std::fmt;

use wasmparser::{Parser, Payload};

use crate::descriptor::Kind;

/// The package of our contract, without version.
const PACKAGE: &str = "gadgetry:gadget/";

/// Most imports and exports; ours have a handful.
const MAX_NAMES: usize = 256;

/// The names a component imports and exports at its outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// As the component has them: `gadgetry:gadget/log@0.1.0`.
    pub imports: Vec<String>,
    /// As the component has them: `gadgetry:gadget/stream@0.1.0`.
    pub exports: Vec<String>,
}

/// Why bytes are no component.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Not WebAssembly, or damaged.
    #[error("the component can't be read: {0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    /// A core module.
    #[error("the WASM layer is a core module; expected a component (build it with `gadgetry gadget build`)")]
    Module,
    /// More names than are read.
    #[error("the component has more than {MAX_NAMES} imports or exports")]
    TooMany,
    /// It does not offer what its kind must.
    #[error("the component exports {found}; a {kind} must export `{missing}`")]
    Missing {
        /// The kind.
        kind: &'static str,
        /// What is not there.
        missing: String,
        /// What is.
        found: String,
    },
}

impl Interfaces {
    /// Reads the outside of a component.
    pub fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        let mut interfaces = Self::default();
        // Nested modules and components have imports of their own, which are not the outside's.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: wasmparser::Encoding::Module, .. } if depth == 0 => {
                    return Err(ComponentError::Module);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        interfaces.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        interfaces.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
            if interfaces.imports.len().max(interfaces.exports.len()) > MAX_NAMES {
                return Err(ComponentError::TooMany);
            }
        }
        Ok(interfaces)
    }

    /// The interface's short name, if it is of our contract: `log` for `gadgetry:gadget/log@0.1.0`.
    pub fn ours(name: &str) -> Option<&str> {
        let name = name.strip_prefix(PACKAGE)?;
        Some(name.split_once('@').map_or(name, |(name, _version)| name))
    }

    /// Refuses a component that lacks the exports of its kind.
    pub fn must_offer(&self, kind: Kind, merge: bool) -> Result<(), ComponentError> {
        let shape = kind_name(kind);
        let wanted = ["describe", shape].into_iter().chain(merge.then_some("reduce"));
        for missing in wanted {
            if !self.exports.iter().any(|name| Self::ours(name) == Some(missing)) {
                return Err(ComponentError::Missing {
                    kind: shape,
                    missing: missing.to_owned(),
                    found: Listed(&self.exports).to_string(),
                });
            }
        }
        Ok(())
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Stream => "stream",
        Kind::Snapshot => "snapshot",
        Kind::Tool => "tool",
    }
}

struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("nothing") } else { f.write_str(&self.0.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_outside_counts() {
        let component = wat::parse_str(
            r#"(component
                (import "gadgetry:gadget/log@0.1.0" (instance $log (export "log" (func))))
                (core module (import "inner" "f" (func)))
                (component (import "nested" (func)))
                (export "gadgetry:gadget/stream@0.1.0" (instance $log)))"#,
        )
        .unwrap();
        let interfaces = Interfaces::of(&component).unwrap();
        assert_eq!(interfaces.imports, ["gadgetry:gadget/log@0.1.0"]);
        assert_eq!(interfaces.exports, ["gadgetry:gadget/stream@0.1.0"]);
        let error = interfaces.must_offer(Kind::Stream, false).unwrap_err().to_string();
        assert!(error.ends_with("a stream must export `describe`"), "{error}");
    }

    #[test]
    fn modules_and_garbage_are_refused() {
        assert!(matches!(Interfaces::of(&wat::parse_str("(module)").unwrap()), Err(ComponentError::Module)));
        assert!(Interfaces::of(b"\0asm garbage").is_err());
        assert!(Interfaces::of(b"").is_err());
        assert_eq!(Interfaces::ours("wasi:io/streams@0.2.0"), None);
        assert_eq!(Interfaces::ours("gadgetry:gadget/log@0.1.0"), Some("log"));
    }
}
