//! An honest post-processor for a kernel half that is refused.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg(not(target_arch = "bpf"))]

pub mod event;

use event::Seen;
use gadget::{Common, Context, Event, Failure, Gadget, Rows};

/// One event.
#[derive(gadget::Row)]
pub struct Row<'a> {
    #[row(flatten)]
    common: Common<'a>,
}

struct Refused;

impl Gadget for Refused {
    type Params = ();
    type Event = Seen;
    type Row<'a> = Row<'a>;

    fn start(_: Context<()>) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn event(&mut self, event: &Event<'_, Seen>, rows: &mut Rows<Self>) -> Result<(), Failure> {
        rows.push(&Row { common: event.common() });
        Ok(())
    }
}

gadget::export!(stream Refused);
