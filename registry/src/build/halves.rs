//! Compiling the two halves of a gadget.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::cargo::{Cargo, CargoError};
use super::toolchain::{BPF, Toolchain, WASM};
use super::{ARCHITECTURES, Build, BuildError, Package, cache, strip};

/// Flags of the kernel half. The linker makes BTF from what `debuginfo` leaves.
const BPF_FLAGS: &[&str] = &["-Clinker=bpf-linker", "-Clink-arg=--btf"];
/// Flags of the post-processor: both features are in every engine of the last years, and copying is what it does.
const WASM_FLAGS: &[&str] = &["-Ctarget-feature=+simd128,+bulk-memory"];

/// Cargo goes by the times of files, and knows a package by its place in the workspace: of two gadgets that share a
/// name and a target folder, it would take what was compiled last for both. Contents can't be mistaken.
const FRESHNESS: &str = "-Zchecksum-freshness";

/// Settings that a workspace's profile might have otherwise.
const PROFILE: &[(&str, &str)] = &[
    ("CODEGEN_UNITS", "1"),
    ("DEBUG_ASSERTIONS", "false"),
    ("INCREMENTAL", "false"),
    ("OPT_LEVEL", "3"),
    ("OVERFLOW_CHECKS", "false"),
    ("PANIC", "abort"),
];
const BPF_PROFILE: &[(&str, &str)] = &[("DEBUG", "2"), ("LTO", "false"), ("STRIP", "none")];
const WASM_PROFILE: &[(&str, &str)] = &[("DEBUG", "0"), ("LTO", "fat"), ("STRIP", "symbols")];

/// What compiling gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Halves {
    /// The eBPF object of each of [`ARCHITECTURES`]; none for a tool.
    pub(super) objects: Vec<Vec<u8>>,
    pub(super) component: Vec<u8>,
    /// What the component's `describe` returned.
    pub(super) described: Vec<u8>,
}

impl Halves {
    /// The halves, compiled now or before; and whether it was before.
    pub(super) fn get(
        build: &Build<'_>,
        toolchain: &Toolchain,
        package: &Package,
    ) -> Result<(Self, bool), BuildError> {
        let settings = format!("{BPF_FLAGS:?} {WASM_FLAGS:?} {PROFILE:?} {BPF_PROFILE:?} {WASM_PROFILE:?}");
        let key = cache::key(toolchain, package, &settings)?;
        if let Some(halves) = cache::load(build.target_dir, &key, package.kernel) {
            (build.progress)(&format!("     Unchanged {}", package.name));
            return Ok((halves, true));
        }
        let halves = Self::compile(build, toolchain, package)?;
        // Who edits while the compiler runs would find the one under the hash of the other.
        if cache::key(toolchain, package, &settings)? == key {
            cache::save(build.target_dir, &key, &halves)?;
        }
        Ok((halves, false))
    }

    fn compile(build: &Build<'_>, toolchain: &Toolchain, package: &Package) -> Result<Self, BuildError> {
        fs::create_dir_all(build.target_dir).map_err(BuildError::io(build.target_dir))?;
        // Kernel halves of all gadgets are written to files of one name: from compiling to reading we are alone.
        let lock = build.target_dir.join(".gadget-build.lock");
        let alone = fs::File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(BuildError::io(lock))?;
        let mut objects = Vec::new();
        if package.kernel {
            for (name, architecture) in ARCHITECTURES {
                (build.progress)(&format!("        Kernel {} ({name})", package.name));
                objects.push(strip::strip(&compile_kernel(build, toolchain, package, architecture)?)?);
            }
        }
        (build.progress)(&format!("Post-processor {}", package.name));
        let module = compile_module(build, toolchain, package)?;
        drop(alone);
        let component = wit_component::ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).encode())
            .map_err(|e| BuildError::Encode { reason: format!("{e:#}") })?;
        let described = build.describe.describe(&component).map_err(BuildError::Describe)?;
        Ok(Self { objects, component, described })
    }
}

fn compile_kernel(
    build: &Build<'_>,
    toolchain: &Toolchain,
    package: &Package,
    architecture: &str,
) -> Result<Vec<u8>, BuildError> {
    let target = format!("bpf_target_arch=\"{architecture}\"");
    // BTF names source files in full. The post-processor has no such thing, and goes without: a flag that names the
    // gadget's place would have the standard library compiled anew for each gadget.
    let place = format!("--remap-path-prefix={}=/gadget", package.workspace_root.display());
    let flags = BPF_FLAGS.iter().copied().chain(["--cfg", &target, &place]);
    let mut cargo = Cargo::new(toolchain, build)
        .args(["build", FRESHNESS, "--release", "--bin", "kernel", "--features", "kernel", "--target", BPF])
        .args(["--package", &package.id])
        .env(&environment(build, toolchain, flags, BPF_PROFILE))
        .path(toolchain.bpf_linker.parent());
    if toolchain.build_core {
        cargo = cargo.args(["-Zbuild-std=core"]);
    }
    let made = cargo.artifacts(&package.id)?;
    let object = made.iter().find(|path| path.file_name().is_some_and(|name| name == "kernel"));
    read(
        object
            .ok_or(CargoError::Nothing { what: "eBPF object", hint: "is there a [[bin]] named kernel?" })?,
    )
}

fn compile_module(
    build: &Build<'_>,
    toolchain: &Toolchain,
    package: &Package,
) -> Result<Vec<u8>, BuildError> {
    let mut env = environment(build, toolchain, WASM_FLAGS.iter().copied(), WASM_PROFILE);
    if let Some(linker) = &toolchain.wasm_linker {
        env.insert("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".into(), linker.display().to_string());
    }
    let mut cargo = Cargo::new(toolchain, build)
        .args(["rustc", FRESHNESS, "--release", "--lib", "--crate-type", "cdylib", "--target", WASM])
        .args(["--package", &package.id])
        .env(&env);
    if toolchain.build_std {
        cargo = cargo.args(["-Zbuild-std=std,panic_abort"]);
    }
    let made = cargo.artifacts(&package.id)?;
    let module = made.iter().find(|path| path.extension().is_some_and(|it| it == "wasm"));
    read(module.ok_or(CargoError::Nothing { what: "WASM module", hint: "is there a src/lib.rs?" })?)
}

/// The variables that decide what the compiler makes, the same wherever the sources lie.
fn environment<'a>(
    build: &Build<'_>,
    toolchain: &Toolchain,
    flags: impl Iterator<Item = &'a str>,
    profile: &[(&str, &str)],
) -> BTreeMap<String, String> {
    let mut flags: Vec<_> = flags.map(str::to_owned).collect();
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let sources = toolchain.sysroot.join("lib/rustlib/src/rust");
    let places = [
        // Later ones win, so the more special come last.
        (cargo_home, "/cargo"),
        (sources.canonicalize().ok(), "/rust"),
        (Some(sources), "/rust"),
        (build.sdk.checkout(), "/sdk"),
        (Some(build.target_dir.to_owned()), "/target"),
    ];
    for (from, to) in places {
        if let Some(from) = from {
            flags.push(format!("--remap-path-prefix={}={to}", from.display()));
        }
    }
    let mut env = BTreeMap::from([("CARGO_ENCODED_RUSTFLAGS".to_owned(), flags.join("\x1f"))]);
    for (name, value) in PROFILE.iter().chain(profile) {
        env.insert(format!("CARGO_PROFILE_RELEASE_{name}"), (*value).to_owned());
    }
    env
}

fn read(path: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(path).map_err(BuildError::io(path))
}
