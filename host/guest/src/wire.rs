//! The contract's functions as wasmtime sees them: where they are, and what they take and return. Written by hand
//! rather than generated from the worlds, because which interfaces a component exports follows from its shape.

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ComponentType, InstancePre, Lift};

/// The package all interfaces are in.
pub(crate) const PACKAGE: &str = "gadgetry:gadget";
/// The version spoken. Another patch version of it is the same contract.
pub(crate) const VERSION: &str = "0.1";
/// The interface for log lines, in full.
pub(crate) const LOG: &str = "gadgetry:gadget/log@0.1.0";
/// The interface for names of functions, in full.
pub(crate) const SYMBOLS: &str = "gadgetry:gadget/symbols@0.1.0";
/// The interface for requests, in full.
pub(crate) const HTTP: &str = "gadgetry:gadget/http@0.1.0";
/// The interface for settings, in full.
pub(crate) const CONFIG: &str = "gadgetry:gadget/config@0.1.0";
/// The interface for values that are kept, in full.
pub(crate) const STORE: &str = "gadgetry:gadget/store@0.1.0";
/// The interface for the time, in full.
pub(crate) const CLOCK: &str = "gadgetry:gadget/clock@0.1.0";
/// The interface for random bytes, in full.
pub(crate) const RANDOM: &str = "gadgetry:gadget/random@0.1.0";
/// Interfaces that a component may import, by their short names; `types` holds no functions.
pub(crate) const IMPORTS: &[&str] =
    &["log", "symbols", "http", "config", "store", "clock", "random", "types"];

/// What a gadget says went wrong.
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) field: Option<String>,
}

/// What a function with rows returns.
pub(crate) type Rows = (Result<Vec<u8>, Failure>,);
/// What `start` returns.
pub(crate) type Nothing = (Result<(), Failure>,);

/// A function of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Describe,
    StreamStart,
    Process,
    Tick,
    StreamFinish,
    SnapshotStart,
    Collect,
    SnapshotFinish,
    Tool,
    Merge,
}

impl Call {
    pub(crate) const ALL: [Self; 10] = [
        Self::Describe,
        Self::StreamStart,
        Self::Process,
        Self::Tick,
        Self::StreamFinish,
        Self::SnapshotStart,
        Self::Collect,
        Self::SnapshotFinish,
        Self::Tool,
        Self::Merge,
    ];

    /// Short name of its interface.
    pub(crate) const fn interface(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::StreamStart | Self::Process | Self::Tick | Self::StreamFinish => "stream",
            Self::SnapshotStart | Self::Collect | Self::SnapshotFinish => "snapshot",
            Self::Tool => "tool",
            Self::Merge => "reduce",
        }
    }

    /// Its name in the interface.
    pub(crate) const fn function(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::StreamStart | Self::SnapshotStart => "start",
            Self::Process => "process",
            Self::Tick => "tick",
            Self::StreamFinish | Self::SnapshotFinish => "finish",
            Self::Collect => "collect",
            Self::Tool => "call",
            Self::Merge => "merge",
        }
    }

    /// Both, for messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::StreamStart => "stream.start",
            Self::Process => "stream.process",
            Self::Tick => "stream.tick",
            Self::StreamFinish => "stream.finish",
            Self::SnapshotStart => "snapshot.start",
            Self::Collect => "snapshot.collect",
            Self::SnapshotFinish => "snapshot.finish",
            Self::Tool => "tool.call",
            Self::Merge => "reduce.merge",
        }
    }

    /// Whether `func`, of the component behind `pre`, takes and returns what the contract says.
    pub(crate) fn check<T>(self, func: &ComponentFunc, pre: &InstancePre<T>) -> wasmtime::Result<()> {
        let types = &pre.instance_type();
        match self {
            Self::Describe => func.typecheck::<(), (Vec<u8>,)>(types),
            Self::StreamStart | Self::SnapshotStart => func.typecheck::<(&[u8],), Nothing>(types),
            Self::Process | Self::Collect => func.typecheck::<(&[u8],), Rows>(types),
            Self::Tick | Self::StreamFinish | Self::SnapshotFinish => func.typecheck::<(), Rows>(types),
            Self::Tool => func.typecheck::<(&str, &[u8]), Rows>(types),
            Self::Merge => func.typecheck::<(&[&[u8]],), Rows>(types),
        }
    }
}

/// The name of an import or export, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name<'a> {
    /// An interface of the contract, in the version spoken: its short name.
    Ours(&'a str),
    /// An interface of the contract, in another version.
    OtherVersion,
    /// Anything else.
    Foreign,
}

impl<'a> Name<'a> {
    /// Takes `gadgetry:gadget/log@0.1.0` apart.
    pub(crate) fn parse(name: &'a str) -> Self {
        let Some(rest) = name.strip_prefix(PACKAGE).and_then(|it| it.strip_prefix('/')) else {
            return Self::Foreign;
        };
        let Some((interface, version)) = rest.split_once('@') else { return Self::OtherVersion };
        // A pre-release is a version of its own.
        let patch = version.strip_prefix(VERSION).and_then(|it| it.strip_prefix('.'));
        match patch {
            Some(patch) if patch.parse::<u32>().is_ok() => Self::Ours(interface),
            _ => Self::OtherVersion,
        }
    }
}
