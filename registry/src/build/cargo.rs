//! Running cargo: with an environment of our own, its lines passed on, and what it made taken from its messages
//! rather than guessed from names.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Build, Toolchain};

/// Variables of the caller's that would change what is compiled.
const NOT_INHERITED: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_TARGET_DIR",
    "MAKEFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUSTDOCFLAGS",
];

/// Why cargo gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CargoError {
    /// It could not be started or read.
    #[error("{program}: {source}")]
    Io {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It failed; the message is the compiler's own.
    #[error("{doing} failed:\n{message}")]
    Failed {
        /// What was to be done.
        doing: String,
        /// What cargo and the compiler said.
        message: String,
    },
    /// It succeeded without making what was wanted.
    #[error("cargo made no {what}; {hint}")]
    Nothing {
        /// What was wanted.
        what: &'static str,
        /// What may be missing.
        hint: &'static str,
    },
}

/// A call of cargo.
pub(super) struct Cargo<'a> {
    command: Command,
    doing: String,
    progress: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Cargo<'a> {
    pub(super) fn new(toolchain: &Toolchain, build: &'a Build<'_>) -> Self {
        let mut command = Command::new(&toolchain.cargo);
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("CARGO_PROFILE_") || name.starts_with("CARGO_PKG_"))
            {
                command.env_remove(&name);
            }
        }
        for name in NOT_INHERITED {
            command.env_remove(name);
        }
        command
            .current_dir(build.gadget)
            .env("RUSTC", &toolchain.rustc)
            // Both toolchains are used beyond what is stable: targets, build-std.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", build.target_dir)
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .env("CARGO_INCREMENTAL", "0")
            .env("SOURCE_DATE_EPOCH", "0")
            .stdin(Stdio::null());
        Self { command, doing: String::new(), progress: build.progress }
    }

    pub(super) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        if self.doing.is_empty() {
            self.doing = format!("cargo {}", args.first().unwrap_or(&""));
        }
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, env: &BTreeMap<String, String>) -> Self {
        self.command.envs(env);
        self
    }

    /// Puts a folder before all others in which programs are looked for.
    pub(super) fn path(mut self, folder: Option<&Path>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = folder.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(folders) {
            self.command.env("PATH", path);
        }
        self
    }

    /// Runs it to its end; returns its standard output.
    pub(super) fn run(mut self) -> Result<String, CargoError> {
        let program = PathBuf::from(self.command.get_program());
        let io = |source| CargoError::Io { program: program.clone(), source };
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(io)?;
        let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io(std::io::Error::other("no pipes")));
        };
        let progress = self.progress;
        let (output, lines) = std::thread::scope(|scope| {
            let lines = scope.spawn(move || {
                let mut lines = Vec::new();
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    progress(&line);
                    lines.push(line);
                }
                lines
            });
            let mut output = Vec::new();
            let read = stdout.read_to_end(&mut output);
            (read.map(|_| output), lines.join().unwrap_or_default())
        });
        let output = String::from_utf8_lossy(&output.map_err(io)?).into_owned();
        let status = child.wait().map_err(io)?;
        if status.success() {
            return Ok(output);
        }
        Err(CargoError::Failed { doing: self.doing, message: readable(&lines, &output) })
    }

    /// Runs a build; returns the files it made for `package`.
    pub(super) fn artifacts(self, package: &str) -> Result<Vec<PathBuf>, CargoError> {
        let output = self.args(["--message-format=json-render-diagnostics"]).run()?;
        Ok(output.lines().filter_map(|line| artifact(line, package)).flatten().collect())
    }
}

#[derive(serde::Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

fn artifact(line: &str, package: &str) -> Option<Vec<PathBuf>> {
    let message: Message = serde_json::from_str(line).ok()?;
    (message.reason == "compiler-artifact" && message.package_id == package).then_some(message.filenames)
}

/// What is worth reading of a failure: from the first error on, without the lines that only tell progress.
fn readable(lines: &[String], output: &str) -> String {
    let told = [
        "   Compiling ",
        "  Downloading ",
        " Downloading ",
        "  Downloaded ",
        "    Finished ",
        "    Updating ",
    ];
    let worth = |line: &&String| !told.iter().any(|start| line.starts_with(start));
    let from = lines.iter().position(|line| line.starts_with("error")).unwrap_or(0);
    let mut all: Vec<_> = lines[from..].iter().filter(worth).map(String::as_str).collect();
    // A failed test speaks on standard output.
    all.extend(output.lines().filter(|line| !line.starts_with('{')));
    let skip = all.len().saturating_sub(200);
    all[skip..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_from_its_first_error() {
        let lines = [
            "   Compiling a v1",
            "warning: x",
            "error[E0425]: no value",
            " --> src/lib.rs:1",
            "   Compiling b",
        ];
        let text = readable(&lines.map(str::to_owned), "");
        assert_eq!(text, "error[E0425]: no value\n --> src/lib.rs:1");
    }

    #[test]
    fn artifacts_are_those_of_the_package() {
        let line = r#"{"reason":"compiler-artifact","package_id":"a","filenames":["/x.wasm"],"fresh":true}"#;
        assert_eq!(artifact(line, "a").unwrap(), [PathBuf::from("/x.wasm")]);
        assert!(artifact(line, "b").is_none());
        assert!(artifact("test result: ok", "a").is_none());
    }
}
