//! A gadget's object, made ready for this kernel when the gadget is registered: checked, kernel fields resolved,
//! relocations applied, attach targets found. What is left for a call is to write its parameters and to load.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gadget_abi::batch::ALIGN;
use gadget_abi::{Header, names};
use gadget_registry::descriptor::Hook;
use gadget_registry::elf::{ElfError, KernelObject, Map, Program, ProgramKind};

use crate::btf::stand_in::Anchor;
use crate::btf::{Btf, BtfError, KernelTypes, field, kind};
use crate::co_re;
use crate::program::EVENTS;
use crate::refusal::nearest;
use crate::table::{MAX_TABLE, MAX_VALUE};
use crate::{unused, uprobe};

/// Why an object can't be used on this kernel.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It is no eBPF object, or a damaged one.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The loader can't take it, or its relocations do not fit this kernel.
    #[error("the eBPF object can't be loaded: {reason}")]
    Object {
        /// Why.
        reason: String,
    },
    /// A hook names a program that the object lacks.
    #[error("hook `{hook}` names program `{program}`, which the eBPF object lacks; it has: {known}")]
    NoProgram {
        /// The hook.
        hook: String,
        /// The program.
        program: String,
        /// Those there are.
        known: String,
    },
    /// A hook without programs.
    #[error("hook `{hook}` names no program")]
    EmptyHook {
        /// The hook.
        hook: String,
    },
    /// A kind of program that is not attached by this version.
    #[error("program `{program}` is of kind {kind}, which is not supported yet")]
    Unsupported {
        /// The program.
        program: String,
        /// Its kind.
        kind: ProgramKind,
    },
    /// A section's name that does not tell where to attach.
    #[error(
        "program `{program}` lies in section `{section}`, which does not say what to attach to: {wanted}"
    )]
    NoTarget {
        /// The program.
        program: String,
        /// Its section.
        section: String,
        /// The form it should have.
        wanted: &'static str,
    },
    /// A map that the contract asks for is missing or of another shape.
    #[error("the eBPF object's map `{name}` {found}; expected {wanted}")]
    Map {
        /// The map.
        name: String,
        /// What is expected.
        wanted: String,
        /// What was found.
        found: String,
    },
    /// A global for a kernel field that has not the four bytes of an offset.
    #[error("global `{name}` of the eBPF object has {size} bytes; an offset or size takes 4")]
    FieldSize {
        /// The global.
        name: String,
        /// Its size.
        size: usize,
    },
    /// The kernel lacks a field that the gadget needs.
    #[error("the gadget does not fit this kernel: {0}")]
    Field(#[from] field::FieldError),
    /// The kernel's type information can't be read.
    #[error(transparent)]
    Btf(#[from] BtfError),
}

/// Names of kernel enums by number, by the enum's name.
pub type Enums = BTreeMap<String, BTreeMap<u32, String>>;

/// A gadget's object, ready for this kernel.
pub struct Prepared {
    pub(crate) enums: Enums,
    pub(crate) object: KernelObject,
    pub(crate) bytes: Vec<u8>,
    pub(crate) hooks: Vec<PreparedHook>,
}

/// One hook, with what its programs attach to.
pub(crate) struct PreparedHook {
    pub(crate) name: String,
    pub(crate) when: Option<String>,
    /// The value that the parameter must have; without it, it must be true.
    pub(crate) is: Option<String>,
    pub(crate) optional: bool,
    pub(crate) alternatives: Vec<Alternative>,
}

/// A program that may serve a hook.
#[derive(Clone)]
pub(crate) struct Alternative {
    pub(crate) program: String,
    pub(crate) kind: ProgramKind,
    pub(crate) target: String,
    /// For kinds that attach to a kernel type: the type, or what is missing.
    pub(crate) anchor: Option<Result<Anchor, Missing>>,
    /// For those that attach to functions of programs: which.
    pub(crate) functions: Option<uprobe::Target>,
}

/// A type that the kernel lacks.
#[derive(Clone)]
pub(crate) struct Missing {
    pub(crate) what: &'static str,
    pub(crate) nearest: Option<String>,
}

impl Prepared {
    /// The object as it was read.
    pub fn object(&self) -> &KernelObject {
        &self.object
    }

    /// The names, by number, of the kernel enums that the object asks for.
    pub fn enums(&self) -> &Enums {
        &self.enums
    }

    pub(crate) fn new(
        bytes: &[u8],
        hooks: &[Hook],
        release: &str,
        kernel: &KernelTypes,
    ) -> Result<Self, PrepareError> {
        let object = KernelObject::parse(bytes)?;
        let hooks = hooks.iter().map(|hook| prepare_hook(&object, hook, kernel)).collect::<Result<_, _>>()?;
        let mut prepared = Self { bytes: bytes.to_vec(), object, hooks, enums: BTreeMap::new() };
        prepared.check_maps()?;
        prepared.resolve_fields(kernel, release)?;
        prepared.resolve_relocations()?;
        unused::shrink(&mut prepared.bytes);
        Ok(prepared)
    }

    fn check_maps(&self) -> Result<(), PrepareError> {
        let mut used = self.hooks.iter().flat_map(|hook| &hook.alternatives);
        let streams = used.any(|it| it.kind != ProgramKind::Iter);
        // Types of maps by their numbers in the kernel, with sizes of keys and values.
        let ring: fn(&Map) -> bool = |map| map.map_type == 27;
        let lost: fn(&Map) -> bool = |map| (map.map_type, map.key_size, map.value_size) == (6, 4, 8);
        let scope: fn(&Map) -> bool = |map| (map.map_type, map.key_size, map.value_size) == (1, 4, 1);
        let wanted = [
            (names::EVENTS, streams, "a ring buffer (type 27)", ring),
            (names::LOST, streams, "a per-CPU array (type 6) of one u64", lost),
            (names::SCOPE, false, "a hash (type 1) of u32 to u8", scope),
        ];
        for (name, required, wanted, fits) in wanted {
            let found = match self.object.map(name) {
                Some(map) if !fits(map) => {
                    let (kind, key, value) = (map.map_type, map.key_size, map.value_size);
                    format!("is of type {kind}, with keys of {key} and values of {value} bytes")
                }
                None if required => "is missing".to_owned(),
                _ => continue,
            };
            return Err(PrepareError::Map { name: name.to_owned(), wanted: wanted.to_owned(), found });
        }
        self.object.maps.iter().filter(|map| map.name.starts_with(names::TABLE)).try_for_each(check_table)
    }

    /// Writes offsets and sizes into the globals that ask for them.
    fn resolve_fields(&mut self, kernel: &KernelTypes, release: &str) -> Result<(), PrepareError> {
        let (object, bytes) = (&self.object, &mut self.bytes);
        for (name, global) in &object.rodata {
            let value = if let Some(path) = name.strip_prefix(names::KERNEL_FIELD) {
                field::offset(kernel.btf()?, path, release)?
            } else if let Some(path) = name.strip_prefix(names::KERNEL_FIELD_OPTIONAL) {
                match field::offset(kernel.btf()?, path, release) {
                    Err(error) if error.is_absent() => names::ABSENT,
                    found => found?,
                }
            } else if let Some(name) = name.strip_prefix(names::KERNEL_SIZE) {
                field::size(kernel.btf()?, name, release)?
            } else if let Some(name) = name.strip_prefix(names::KERNEL_ENUM) {
                let found = enumerators(kernel.btf()?, name);
                let exists = u32::from(!found.is_empty());
                self.enums.insert(name.to_owned(), found);
                exists
            } else {
                continue;
            };
            if global.size != 4 {
                return Err(PrepareError::FieldSize { name: name.clone(), size: global.size });
            }
            object.patch_rodata(bytes, name, &value.to_le_bytes())?;
        }
        Ok(())
    }

    fn resolve_relocations(&mut self) -> Result<(), PrepareError> {
        // The loader's own parser trusts what it reads in places; an object that makes it stumble ends here.
        let bytes = AssertUnwindSafe(&mut self.bytes);
        let kernel = || aya::Btf::from_sys_fs().map_err(|error| error.to_string());
        let resolved = catch_unwind(move || co_re::resolve({ bytes }.0, kernel));
        let resolved = resolved.unwrap_or_else(|_| Err("its type information is malformed".into()));
        resolved.map_err(|reason| PrepareError::Object { reason })
    }
}

/// A table's values are records of whole words, and few enough to be read once a second.
fn check_table(map: &Map) -> Result<(), PrepareError> {
    let (value, entries) = (map.value_size as usize, map.max_entries as usize);
    let smallest = size_of::<Header>();
    // Hash and LRU hash, by their numbers in the kernel.
    let fits = matches!(map.map_type, 1 | 9)
        && map.key_size > 0
        && (smallest..=MAX_VALUE).contains(&value)
        && value.is_multiple_of(ALIGN)
        && value.saturating_mul(entries) <= MAX_TABLE;
    if fits {
        return Ok(());
    }
    Err(PrepareError::Map {
        name: map.name.clone(),
        wanted: format!(
            "a hash (type 1 or 9) with values of {smallest} to {MAX_VALUE} bytes, a multiple of {ALIGN}, and no more \
             than {MAX_TABLE} bytes of them"
        ),
        found: format!("is of type {}, with {entries} values of {value} bytes", map.map_type),
    })
}

/// The names of a kernel enum by number; none when the kernel has no such enum.
fn enumerators(btf: &Btf, name: &str) -> BTreeMap<u32, String> {
    let found = btf.named(kind::ENUM, name).flat_map(|(_, found)| found.enumerators().collect::<Vec<_>>());
    found.map(|(name, number)| (number, String::from_utf8_lossy(btf.name(name)).into_owned())).collect()
}

fn prepare_hook(
    object: &KernelObject,
    hook: &Hook,
    kernel: &KernelTypes,
) -> Result<PreparedHook, PrepareError> {
    let alternative = |name: &String| {
        let program = object.program(name).ok_or_else(|| PrepareError::NoProgram {
            hook: hook.name.clone(),
            program: name.clone(),
            known: object.programs.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        let target = target(program)?.to_owned();
        let anchor = anchor(program.kind, &target, kernel)?;
        let functions = uprobe::Target::parse(&program.section);
        Ok(Alternative { program: name.clone(), kind: program.kind, target, anchor, functions })
    };
    let alternatives = hook.prefer.iter().map(alternative).collect::<Result<Vec<_>, PrepareError>>()?;
    if alternatives.is_empty() {
        return Err(PrepareError::EmptyHook { hook: hook.name.clone() });
    }
    let (name, when, is) = (hook.name.clone(), hook.when.clone(), hook.is.clone());
    Ok(PreparedHook { name, when, is, optional: hook.optional, alternatives })
}

/// What a program attaches to, if it is of a kind that this version attaches.
fn target(program: &Program) -> Result<&str, PrepareError> {
    let (wanted, slash): (&str, bool) = match program.kind {
        ProgramKind::Tracepoint => ("`tracepoint/<category>/<name>`", true),
        ProgramKind::RawTracepoint => ("`raw_tracepoint/<name>`", false),
        ProgramKind::TpBtf => ("`tp_btf/<name>`", false),
        ProgramKind::Iter => ("`iter/<target>`", false),
        ProgramKind::Kprobe => ("`kprobe/<function>`", false),
        ProgramKind::Fentry => ("`fentry/<function>`", false),
        ProgramKind::Fexit => ("`fexit/<function>`", false),
        ProgramKind::Lsm => ("`lsm/<hook>`", false),
        ProgramKind::Uprobe => {
            let wanted = "`uprobe/<function>,...` or `uretprobe/<function>,...`, of Go `uprobe/go:<function>,...` or \
                          `uprobe/go-return:<function>,...`";
            let known = uprobe::Target::parse(&program.section).is_some();
            return program.target.as_deref().filter(|_| known).ok_or_else(|| no_target(program, wanted));
        }
        ProgramKind::PerfEvent => ("`perf_event/<software event>`, such as cpu-clock", false),
        kind => return Err(PrepareError::Unsupported { program: program.name.clone(), kind }),
    };
    let target = program.target.as_deref().ok_or_else(|| no_target(program, wanted))?;
    // A target becomes part of a path in tracefs, or a C string.
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.-:".contains(&it))
    };
    let fits = match target.split_once('/') {
        Some((category, name)) => {
            slash && [category, name].into_iter().all(|it| word(it) && !it.starts_with('.'))
        }
        None => !slash && word(target),
    };
    let event = |name: &str| EVENTS.iter().any(|(known, _)| *known == name);
    let known = program.kind != ProgramKind::PerfEvent || event(target);
    if fits && known { Ok(target) } else { Err(no_target(program, wanted)) }
}

fn no_target(program: &Program, wanted: &'static str) -> PrepareError {
    PrepareError::NoTarget { program: program.name.clone(), section: program.section.clone(), wanted }
}

fn anchor(
    program: ProgramKind,
    target: &str,
    kernel: &KernelTypes,
) -> Result<Option<Result<Anchor, Missing>>, BtfError> {
    let (prefix, kind, what) = match program {
        ProgramKind::TpBtf => ("btf_trace_", kind::TYPEDEF, "tracepoint"),
        ProgramKind::Iter => ("bpf_iter_", kind::FUNC, "iterator over"),
        ProgramKind::Fentry | ProgramKind::Fexit => ("", kind::FUNC, "function"),
        ProgramKind::Lsm => ("bpf_lsm_", kind::FUNC, "security hook"),
        _ => return Ok(None),
    };
    let btf = kernel.btf()?;
    let name = format!("{prefix}{target}");
    let found = btf.named(kind, &name).next().map(|(id, _)| id);
    Ok(Some(found.map(|id| Anchor { id, name, kind }).ok_or_else(|| {
        let names = btf.of_kind(kind).filter_map(|(_, found)| std::str::from_utf8(btf.name(found.name)).ok());
        Missing { what, nearest: nearest(target, names.filter_map(|name| name.strip_prefix(prefix))) }
    })))
}
