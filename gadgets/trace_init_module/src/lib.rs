//! The post-processor: a call that loads or removes a module to a row, its numbers by name.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Module;
use gadget::{
    Choice, Common, Context, Event, Failure, Gadget, Rows, Text,
    linux::{Bits, Errno, delete_module_flags, errno, finit_module_flags},
};

/// What a caller may set.
#[derive(gadget::Params)]
pub struct Params {
    /// Only calls that failed.
    pub failed: bool,
}

/// One call.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("uid"))]
    common: Common<'a>,
    /// The system call.
    #[column(width = 13)]
    call: Call,
    /// The error, when it failed.
    #[column(width = 10)]
    error: Option<Errno>,
    /// The module's name: as given to delete_module, or made of the file's name as the kernel does.
    #[column(width = 20)]
    module: Option<String>,
    /// Absolute path of the file that finit_module was given.
    #[column(width = 40)]
    file: Option<Text<'a>>,
    /// Size of the image that init_module was given, in bytes.
    #[column(hidden)]
    size: Option<u64>,
    /// The module's parameters, as given.
    #[column(width = 24)]
    params: Option<Text<'a>>,
    /// Flags, as given.
    #[column(hidden)]
    flags: Option<Bits>,
    /// Bits of the flags that have no name.
    #[column(hidden)]
    flags_unknown: Option<u64>,
    /// What to know of this row: `cut` (an argument was too long), `unreadable` (one could not be read).
    #[column(hidden)]
    notes: Option<Bits>,
}

/// The call.
#[derive(Clone, Copy, Choice, PartialEq, Eq)]
pub enum Call {
    /// Loads an image in memory.
    InitModule,
    /// Loads a file.
    FinitModule,
    /// Removes.
    DeleteModule,
}

const NOTES: [(u64, &str); 2] = [(event::CUT as u64, "cut"), (event::UNREADABLE as u64, "unreadable")];

/// `/lib/modules/6.1/kernel/net/nf-log.ko.zst` to `nf_log`.
fn module_of(file: Text<'_>) -> Option<String> {
    let name = file.0.rsplit(|&byte| byte == b'/').next()?;
    let end = name.windows(3).position(|part| part == b".ko").filter(|&end| end > 0)?;
    Some(String::from_utf8_lossy(&name[..end]).replace('-', "_"))
}

pub struct TraceInitModule;

impl Gadget for TraceInitModule {
    type Params = Params;
    type Event = Module;
    type Row<'a> = Row<'a>;

    fn start(_: Context<Params>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Module>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let module = event.data;
        let mut parts = event.parts();
        let name = parts.text(module.name_len)?;
        let params = parts.text(module.params_len)?;
        let (call, flags) = match module.call {
            event::CALL_FINIT => (Call::FinitModule, finit_module_flags(u64::from(module.flags))),
            event::CALL_DELETE => (Call::DeleteModule, delete_module_flags(u64::from(module.flags))),
            _ => (Call::InitModule, finit_module_flags(0)),
        };
        let file = (call == Call::FinitModule).then_some(name).and_then(Text::non_empty);
        rows.push(&Row {
            common: event.common(),
            call,
            error: errno(module.ret),
            module: match call {
                Call::DeleteModule => name.non_empty().map(|name| name.to_string()),
                _ => file.and_then(module_of),
            },
            file,
            size: (call == Call::InitModule).then_some(module.size),
            params: params.non_empty(),
            flags: flags.non_empty(),
            flags_unknown: flags.unknown(),
            notes: Bits::named(&NOTES, u64::from(module.notes)).non_empty(),
        });
        Ok(())
    }
}

gadget::export!(stream TraceInitModule);

#[cfg(test)]
mod tests;
