//! The post-processor: a victim of the OOM killer to a row, pages as bytes.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Victim;
use gadget::{Common, Context, Event, Failure, Gadget, Rows, Text};

/// One process picked by the OOM killer.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten, show("uid"))]
    common: Common<'a>,
    /// Memory that is resident, in bytes: anonymous, files and shared.
    rss: u64,
    /// Memory of its own that is resident, in bytes.
    #[column(hidden)]
    anonymous: u64,
    /// Memory of files that is resident, in bytes.
    #[column(hidden)]
    file: u64,
    /// Shared memory that is resident, in bytes.
    #[column(hidden)]
    shared: u64,
    /// Page tables, in bytes.
    #[column(hidden)]
    page_tables: u64,
    /// Address space, in bytes.
    #[column(title = "TOTAL")]
    total_vm: u64,
    /// How much it is to be spared or preferred: -1000 (never picked) to 1000.
    #[column(title = "ADJ")]
    oom_score_adj: i16,
    /// Process that asked for the memory that was not there.
    cause_pid: u32,
    /// Name of its thread.
    #[column(width = 16)]
    cause_comm: Text<'a>,
    /// Whether the cause runs in the victim's mount namespace: most often the same container, and then its limit.
    #[column(hidden)]
    same_namespace: bool,
}

pub struct TraceOomkill {
    page_bytes: u64,
}

impl Gadget for TraceOomkill {
    type Params = ();
    type Event = Victim;
    type Row<'a> = Row<'a>;

    fn start(context: Context<()>) -> Result<Self, Failure> {
        Ok(Self { page_bytes: context.page_bytes })
    }

    fn event(&mut self, event: &Event<'_, Victim>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let victim = event.data;
        let bytes = |pages: u64| pages.saturating_mul(self.page_bytes);
        let [anonymous, file, shared] =
            [victim.anonymous_pages, victim.file_pages, victim.shared_pages].map(bytes);
        rows.push(&Row {
            common: event.common(),
            rss: anonymous.saturating_add(file).saturating_add(shared),
            anonymous,
            file,
            shared,
            page_tables: victim.page_tables,
            total_vm: bytes(victim.total_pages),
            oom_score_adj: victim.score_adj,
            cause_pid: victim.cause_pid,
            cause_comm: Text::until_nul(&victim.cause_comm),
            same_namespace: victim.cause_mntns == event.header.mntns,
        });
        Ok(())
    }
}

gadget::export!(stream TraceOomkill);

#[cfg(test)]
mod tests;
