//! Finding a Rust that can make both halves.
//!
//! The kernel half needs `core` for `bpfel-unknown-none`, and `bpf-linker`; the post-processor needs `std` for
//! `wasm32-unknown-unknown`, and a linker for it. Debian packages the first prebuilt and both as sources; rustup has
//! the second prebuilt and both as sources (`rust-src`), from which cargo builds what is missing. Either will do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of the kernel half.
pub(super) const BPF: &str = "bpfel-unknown-none";
/// The target of the post-processor.
pub(super) const WASM: &str = "wasm32-unknown-unknown";

/// Oldest Rust that compiles the SDK.
const OLDEST: (u32, u32) = (1, 95);

/// A Rust that can make both halves.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// `cargo`.
    pub cargo: PathBuf,
    /// `rustc`.
    pub rustc: PathBuf,
    /// What `rustc -vV` says.
    pub version: String,
    /// Where its libraries are.
    pub sysroot: PathBuf,
    /// Whether `core` for the kernel half must be built from source.
    pub build_core: bool,
    /// Whether `std` for the post-processor must be built from source.
    pub build_std: bool,
    /// The linker for WASM, if the toolchain brings none.
    pub wasm_linker: Option<PathBuf>,
    /// `bpf-linker`.
    pub bpf_linker: PathBuf,
    /// What `bpf-linker --version` says.
    pub bpf_linker_version: String,
}

/// No Rust that can make both halves.
#[derive(Debug, thiserror::Error)]
#[error("{}\n{}", found.join("\n"), INSTALL)]
pub struct ToolchainError {
    /// What was looked at, and what it lacks.
    pub found: Vec<String>,
}

const INSTALL: &str = "Building a gadget needs Rust 1.95 or later with its sources, and bpf-linker. Install one of:
  with rustup:        rustup toolchain install nightly --component rust-src --target wasm32-unknown-unknown
                      cargo install bpf-linker
  on Debian/Ubuntu:   apt-get install rustc-web cargo-web libstd-rust-web-dev-bpf rust-web-src llvm-22-dev libpolly-22-dev lld-22
                      LLVM_PREFIX=/usr/lib/llvm-22 cargo install bpf-linker --no-default-features --features llvm-22";

impl Toolchain {
    /// Looks for one: Debian's, rustup's nightly, then whatever `rustc` is.
    pub fn find() -> Result<Self, ToolchainError> {
        let mut lacking = Vec::new();
        let linker = bpf_linker();
        if linker.is_none() {
            lacking.push("bpf-linker: not found in PATH or in cargo's bin folder".to_owned());
        }
        for (rustc, cargo) in candidates() {
            match Self::examine(&rustc, &cargo) {
                Ok(mut toolchain) => {
                    if let Some((path, version)) = linker {
                        toolchain.bpf_linker = path;
                        toolchain.bpf_linker_version = version;
                        return Ok(toolchain);
                    }
                    lacking.push(format!("{}: fine", rustc.display()));
                    break;
                }
                Err(reason) => lacking.push(format!("{}: {reason}", rustc.display())),
            }
        }
        Err(ToolchainError { found: lacking })
    }

    fn examine(rustc: &Path, cargo: &Path) -> Result<Self, String> {
        let version = output(rustc, &["-vV"]).ok_or("it does not run")?;
        let release = version.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("unknown");
        if parse_version(release).is_none_or(|found| found < OLDEST) {
            return Err(format!("it is Rust {release}; at least {}.{} is needed", OLDEST.0, OLDEST.1));
        }
        if output(cargo, &["--version"]).is_none() {
            return Err(format!("{} does not run", cargo.display()));
        }
        let sysroot =
            PathBuf::from(output(rustc, &["--print", "sysroot"]).ok_or("it names no sysroot")?.trim());
        let rustlib = sysroot.join("lib/rustlib");
        let sources = rustlib.join("src/rust/library/std/src/lib.rs").is_file();
        let build_core = !has_library(&rustlib.join(BPF).join("lib"), "libcore-");
        let build_std = !has_library(&rustlib.join(WASM).join("lib"), "libstd-");
        let missing = match (sources, build_core, build_std) {
            (false, true, true) => "it has neither sources (rust-src) nor libraries for bpf and wasm32",
            (false, true, false) => "it has neither sources (rust-src) nor a library for bpf",
            (false, false, true) => "it has neither sources (rust-src) nor a library for wasm32",
            _ => "",
        };
        if !missing.is_empty() {
            return Err(missing.to_owned());
        }
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let wasm_linker = if rustlib.join(host).join("bin/rust-lld").is_file() {
            None
        } else {
            Some(wasm_linker().ok_or("it has no linker for wasm32; install lld-22")?)
        };
        Ok(Self {
            cargo: cargo.to_owned(),
            rustc: rustc.to_owned(),
            version,
            sysroot,
            build_core,
            build_std,
            wasm_linker,
            bpf_linker: PathBuf::new(),
            bpf_linker_version: String::new(),
        })
    }
}

fn candidates() -> Vec<(PathBuf, PathBuf)> {
    let mut all = vec![(PathBuf::from("/usr/bin/rustc"), PathBuf::from("/usr/bin/cargo"))];
    let which = |tool| output(Path::new("rustup"), &["which", "--toolchain", "nightly", tool]);
    if let (Some(rustc), Some(cargo)) = (which("rustc"), which("cargo")) {
        all.push((rustc.trim().into(), cargo.trim().into()));
    }
    all.push(("rustc".into(), "cargo".into()));
    all
}

/// Standard output of a command that succeeds.
fn output(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).env_remove("RUSTUP_TOOLCHAIN").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn parse_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn has_library(folder: &Path, prefix: &str) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with(prefix) && name.ends_with(".rlib"))
    })
}

fn bpf_linker() -> Option<(PathBuf, String)> {
    let home = |name: &str, below: &str| std::env::var_os(name).map(|home| PathBuf::from(home).join(below));
    let cargo_bins = [home("CARGO_HOME", "bin"), home("HOME", ".cargo/bin")];
    let mut folders = in_path().chain(cargo_bins.into_iter().flatten());
    folders.find_map(|folder| {
        let path = folder.join("bpf-linker");
        let version = path.is_file().then(|| output(&path, &["--version"]))??;
        Some((path, version))
    })
}

/// `wasm-ld` from PATH, or the newest of Debian's LLVMs.
fn wasm_linker() -> Option<PathBuf> {
    let versions = (15..40).rev().map(|n| PathBuf::from(format!("/usr/lib/llvm-{n}/bin")));
    in_path().chain(versions).map(|folder| folder.join("wasm-ld")).find(|path| path.is_file())
}

fn in_path() -> impl Iterator<Item = PathBuf> {
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_build_and_a_bare_one_is_told_what_to_install() {
        Toolchain::find().unwrap();
        let error = ToolchainError { found: vec!["/usr/bin/rustc: it does not run".into()] }.to_string();
        assert!(error.contains("rustup toolchain install nightly") && error.contains("apt-get install"));
        let error = Toolchain::examine(Path::new("/nonexistent"), Path::new("/nonexistent")).unwrap_err();
        assert_eq!(error, "it does not run");
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("1.96.0-nightly"), Some((1, 96)));
        assert!(parse_version("1.100.0").unwrap() > OLDEST);
        assert!(parse_version("1.9.0").unwrap() < OLDEST);
        assert_eq!(parse_version("unknown"), None);
    }
}
