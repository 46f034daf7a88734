//! A compiled component, looked over and linked once, so that opening it is cheap and a component that is no
//! gadget's is refused before a run depends on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{self, ComponentExportIndex, InstancePre, Linker};

use crate::check::RowChecker;
use crate::error::{CompileError, GuestError};
use crate::guest::Guest;
use crate::instance::{Instance, State};
use crate::limits::Limits;
use crate::runtime::Shared;
use crate::wire::{Call, IMPORTS, Name, VERSION};

/// Which of the three shapes a component has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Exports `stream`.
    Stream,
    /// Exports `snapshot`.
    Snapshot,
    /// Exports `tool`.
    Tool,
}

/// Where a component's compiled form came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was compiled now.
    Compiled,
    /// It was in the cache.
    Cache,
}

/// A component ready to be opened. Clones share everything.
#[derive(Clone)]
pub struct Component {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    pre: InstancePre<State>,
    exports: [Option<ComponentExportIndex>; Call::ALL.len()],
    imports: Vec<String>,
    shape: Shape,
    origin: Origin,
}

impl Component {
    pub(crate) fn new(
        shared: Arc<Shared>,
        linker: &Linker<State>,
        component: component::Component,
        origin: Origin,
    ) -> Result<Self, CompileError> {
        let imports = imports(&shared, &component)?;
        let interfaces = interfaces(&shared, &component)?;
        let shape = shape(&interfaces)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| CompileError::invalid(&error))?;
        let mut exports = [const { None }; Call::ALL.len()];
        for call in Call::ALL {
            if let Some((_, full)) = interfaces.iter().find(|(short, _)| short == call.interface()) {
                exports[call as usize] = Some(export(&component, &pre, full, call)?);
            }
        }
        Ok(Self { inner: Arc::new(Inner { shared, pre, exports, imports, shape, origin }) })
    }

    /// Short names of the interfaces it imports functions from: `log`. To be held against the gadget's permissions.
    pub fn imports(&self) -> &[String] {
        &self.inner.imports
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.inner.shape
    }

    /// Whether it exports `merge`.
    pub fn merges(&self) -> bool {
        self.inner.exports[Call::Merge as usize].is_some()
    }

    /// Where its compiled form came from.
    pub fn origin(&self) -> Origin {
        self.inner.origin
    }

    /// What it says of itself, as JSON. Runs its code: done at build, never to list tools.
    ///
    /// # Errors
    /// When it exports no `describe`, or fails in it.
    pub fn describe(&self) -> Result<Vec<u8>, GuestError> {
        let (described,): (Vec<u8>,) =
            Instance::open(self, "describe", &Limits::default())?.call(Call::Describe, ())?;
        Ok(described)
    }

    /// A fresh instance for one run of `gadget` (a name for the log), whose rows, or whose answer, `checker` checks.
    ///
    /// # Errors
    /// When it fails while it starts up, or too many are open.
    pub fn open(&self, gadget: &str, checker: Arc<RowChecker>, limits: Limits) -> Result<Guest, GuestError> {
        Ok(Guest::new(Instance::open(self, gadget, &limits)?, checker, limits))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    pub(crate) fn pre(&self) -> &InstancePre<State> {
        &self.inner.pre
    }

    pub(crate) fn exports_table(&self) -> &[Option<ComponentExportIndex>; Call::ALL.len()] {
        &self.inner.exports
    }
}

/// Short names of the imports that have functions; an error when there is none behind one.
fn imports(shared: &Shared, component: &component::Component) -> Result<Vec<String>, CompileError> {
    let mut known = BTreeSet::new();
    let mut unknown = Vec::new();
    for (name, _) in component.component_type().imports(&shared.engine) {
        match Name::parse(name) {
            Name::Ours(short) if IMPORTS.contains(&short) => {
                known.insert(short.to_owned());
            }
            Name::OtherVersion => return Err(other_version(name)),
            _ => unknown.push(name.to_owned()),
        }
    }
    if !unknown.is_empty() {
        return Err(CompileError::UnknownImports {
            imports: unknown,
            offered: "of gadgetry:gadget the interfaces log, symbols, http, config, store, clock and random",
        });
    }
    known.remove("types");
    Ok(known.into_iter().collect())
}

/// Short and full names of the exported interfaces that are the contract's.
fn interfaces(
    shared: &Shared,
    component: &component::Component,
) -> Result<Vec<(String, String)>, CompileError> {
    let mut interfaces = Vec::new();
    for (name, _) in component.component_type().exports(&shared.engine) {
        match Name::parse(name) {
            Name::Ours(short) => interfaces.push((short.to_owned(), name.to_owned())),
            Name::OtherVersion => return Err(other_version(name)),
            // Whatever else it exports is never called.
            Name::Foreign => {}
        }
    }
    Ok(interfaces)
}

fn other_version(name: &str) -> CompileError {
    CompileError::Version { found: name.to_owned(), spoken: VERSION }
}

fn shape(interfaces: &[(String, String)]) -> Result<Shape, CompileError> {
    let shapes = [("stream", Shape::Stream), ("snapshot", Shape::Snapshot), ("tool", Shape::Tool)];
    let found: Vec<_> = shapes.iter().filter(|(name, _)| interfaces.iter().any(|it| it.0 == *name)).collect();
    match found.as_slice() {
        [(_, shape)] => Ok(*shape),
        several => {
            let names: Vec<&str> = several.iter().map(|it| it.0).collect();
            let found = if names.is_empty() { "none of them".to_owned() } else { names.join(" and ") };
            let message =
                format!("exactly one of the interfaces stream, snapshot and tool is wanted, {found} found");
            Err(CompileError::Exports { message })
        }
    }
}

/// Where `call` is in the exported interface `full`.
fn export(
    component: &component::Component,
    pre: &InstancePre<State>,
    full: &str,
    call: Call,
) -> Result<ComponentExportIndex, CompileError> {
    let function = call.function();
    let wrong = |what: String| CompileError::Exports { message: format!("{full} {what}") };
    let item = component
        .get_export_index(None, full)
        .and_then(|interface| component.get_export(Some(&interface), function))
        .ok_or_else(|| wrong(format!("lacks the function `{function}`")))?;
    match item {
        (ComponentItem::ComponentFunc(func), index) => {
            call.check(&func, pre)
                .map_err(|error| wrong(format!("has `{function}` with another type ({error:#})")))?;
            Ok(index)
        }
        _ => Err(wrong(format!("has `{function}`, which is no function"))),
    }
}
