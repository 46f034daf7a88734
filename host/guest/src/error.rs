//! What can go wrong, told so that the reader knows what the gadget did.

use std::path::PathBuf;
use std::time::Duration;

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::check::RowError;
use crate::limits::OverMemory;

/// Why a [`crate::Runtime`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// wasmtime refused the settings, or the pool's address space could not be reserved.
    #[error(
        "the WASM engine could not be set up: {message}; it reserves {reserved_gib} GiB of address space \
             (not memory): check `ulimit -v` and vm.overcommit_memory"
    )]
    Engine {
        /// What wasmtime says.
        message: String,
        /// Address space that the pool takes.
        reserved_gib: u64,
    },
    /// The folder for compiled components could not be made or read.
    #[error("the folder for compiled components, {}: {error}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The folder for compiled components is open to others, who could have this process run their machine code.
    #[error("the folder for compiled components, {}, {found}: it must be a folder of this process's own user that \
             nobody else can enter (mode 0700); make it so, or name another", path.display())]
    CacheNotPrivate {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        found: String,
    },
    /// The thread that keeps time could not be started.
    #[error("the thread that ends calls at their deadline could not be started: {0}")]
    Ticker(std::io::Error),
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Too large to be compiled here.
    #[error("the component has {found} bytes; at most {most} are accepted")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The cap.
        most: usize,
    },
    /// Not a component that this runtime compiles.
    #[error("not a usable WebAssembly component: {message}")]
    Invalid {
        /// What wasmtime says.
        message: String,
    },
    /// It imports what no host function stands behind.
    #[error("the component imports {}, which this host does not offer; it offers {offered}: build the gadget \
             without WASI, for wasm32-unknown-unknown", imports.join(", "))]
    UnknownImports {
        /// Full names of the imports.
        imports: Vec<String>,
        /// What there is.
        offered: &'static str,
    },
    /// It was built against another version of the contract.
    #[error(
        "the component uses {found}; this host speaks version {spoken}.x: build the gadget with the SDK of \
             that version"
    )]
    Version {
        /// Full name of an import or export.
        found: String,
        /// Major and minor version of the contract.
        spoken: &'static str,
    },
    /// Its exports are not those of a gadget.
    #[error("the component's exports are not a gadget's: {message}")]
    Exports {
        /// What was wanted and what was found.
        message: String,
    },
}

impl CompileError {
    pub(crate) fn invalid(error: &wasmtime::Error) -> Self {
        Self::Invalid { message: one_line(error) }
    }
}

/// How a call into a guest failed. After [`Self::Failed`], [`Self::Missing`] and [`Self::TooLarge`] it can be called
/// again; after all others its run is over.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The gadget says so itself.
    #[error("the gadget reports: {message}")]
    Failed {
        /// Its message.
        message: String,
        /// The parameter at fault, when it is the caller's to mend.
        field: Option<String>,
    },
    /// It ran for too long.
    #[error("the gadget's post-processor did not return from `{call}` within {deadline:?}")]
    Timeout {
        /// The function called.
        call: &'static str,
        /// The deadline.
        deadline: Duration,
    },
    /// It took too much memory.
    #[error("the gadget's post-processor wanted {} of memory in `{call}`; it may have {}", size(.wanted), size(.cap))]
    Memory {
        /// The function called.
        call: &'static str,
        /// Bytes wanted in all.
        wanted: usize,
        /// Bytes allowed.
        cap: usize,
    },
    /// It crashed.
    #[error("the gadget's post-processor crashed in `{call}`: {trap}{}{}", frames_text(.frames), said_text(.said))]
    Trap {
        /// The function called.
        call: &'static str,
        /// What happened.
        trap: String,
        /// Functions on its stack, the innermost first, as far as their names are known.
        frames: Vec<String>,
        /// The last line it logged as an error during the call: a panic's message, most likely.
        said: Option<String>,
    },
    /// It broke the rules by which values are passed.
    #[error("the gadget's post-processor broke the component model's rules in `{call}`: {message}")]
    Broken {
        /// The function called.
        call: &'static str,
        /// What wasmtime says.
        message: String,
    },
    /// A row (or the answer) is not as its schema says.
    #[error("the gadget's post-processor returned, from `{call}`, {error}")]
    Row {
        /// The function called.
        call: &'static str,
        /// What is wrong with it.
        error: RowError,
    },
    /// The answer of a tool is too large.
    #[error("the gadget answered with {found} bytes; at most {most} are accepted")]
    TooLarge {
        /// Its size.
        found: usize,
        /// The cap.
        most: usize,
    },
    /// It does not export the function.
    #[error("the component does not export `{call}`")]
    Missing {
        /// The function wanted.
        call: &'static str,
    },
    /// It failed before and cannot be called again.
    #[error("the gadget's post-processor failed before, so `{call}` was not called")]
    Ended {
        /// The function wanted.
        call: &'static str,
    },
    /// All slots of the pool are taken.
    #[error("all {slots} places for post-processors are taken: let a run end first")]
    Busy {
        /// How many there are.
        slots: u32,
    },
}

impl GuestError {
    /// What `error`, from a call of `call`, says of the guest.
    pub(crate) fn from_wasmtime(
        error: &wasmtime::Error,
        call: &'static str,
        deadline: Duration,
        slots: u32,
        said: Option<String>,
    ) -> Self {
        if let Some(OverMemory { wanted, cap }) = error.downcast_ref() {
            return Self::Memory { call, wanted: *wanted, cap: *cap };
        }
        if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
            return Self::Busy { slots };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => Self::Timeout { call, deadline },
            Some(trap) => {
                let trap = trap.to_string();
                let trap = trap.trim_start_matches("wasm trap: ").to_owned();
                Self::Trap { call, trap, frames: frames(error), said }
            }
            None => Self::Broken { call, message: one_line(error) },
        }
    }
}

/// Names of the functions on the stack, the innermost first.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    const MOST: usize = 5;
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let named = backtrace.frames().iter().filter_map(|frame| frame.func_name());
    named.take(MOST).map(|name| line(name, 80)).collect()
}

fn frames_text(frames: &[String]) -> String {
    if frames.is_empty() { String::new() } else { format!(", in {}", frames.join(" < ")) }
}

fn said_text(said: &Option<String>) -> String {
    said.as_deref().map(|it| format!("; it logged: {it}")).unwrap_or_default()
}

fn size(bytes: &usize) -> String {
    const MIB: usize = 1 << 20;
    if bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{} KiB", bytes.div_ceil(1024))
    }
}

/// An error and its causes, without their line breaks and backtraces.
fn one_line(error: &wasmtime::Error) -> String {
    let causes = error.chain().map(ToString::to_string);
    // A backtrace comes as a cause of several lines.
    let text: Vec<String> = causes.filter(|cause| !cause.contains("wasm backtrace:")).collect();
    line(&text.join(": "), 400)
}

/// `text` fit for a line of a message or log: no control characters, not too long.
pub(crate) fn line(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest) + 4);
    for c in text.chars() {
        if out.len() >= longest {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Characters that change how the text around them is shown.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
