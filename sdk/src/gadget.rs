//! The traits a post-processor is made of: [`Gadget`] for the shapes that turn events to rows (stream and
//! snapshot), [`Reduce`] for gadgets whose rows are merged across nodes, [`Tool`] for a call in and an answer out.

use gadget_abi::Plain;

use crate::{Context, Event, Failure, Params, Row, Rows};

/// A post-processor of events: a stream's, or the records of a snapshot's iterators. [`export!`](crate::export) says
/// which.
///
/// One value lives for one run, on one node.
pub trait Gadget: Sized + 'static {
    /// What a caller may set; `()` for nothing.
    type Params: Params;
    /// The fixed part of an event, as declared in `event.rs`.
    type Event: Plain;
    /// What one row holds.
    type Row<'a>: Row;

    /// Called once, before anything else.
    fn start(context: Context<Self::Params>) -> Result<Self, Failure>;

    /// Called for each event, in the order of the batch.
    fn event(&mut self, event: &Event<'_, Self::Event>, rows: &mut Rows<Self>) -> Result<(), Failure>;

    /// Called about once a second while a stream runs; never for a snapshot.
    fn tick(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let _ = rows;
        Ok(())
    }

    /// Called once, after the last event.
    fn finish(&mut self, rows: &mut Rows<Self>) -> Result<(), Failure> {
        let _ = rows;
        Ok(())
    }
}

/// A gadget whose rows several nodes (or intervals) gave are merged to one set.
pub trait Reduce: Gadget {
    /// Merges `parts`, each the rows as `finish` gave them. [`rows`](crate::rows) reads them.
    fn merge(parts: &[Vec<u8>], rows: &mut Rows<Self>) -> Result<(), Failure>;
}

/// A tool: no events, a call in and an answer out. `#[gadget::tool]` on a function writes it.
pub trait Tool {
    /// Name of the tool.
    const NAME: &'static str;
    /// What it does and when to reach for it.
    const DESCRIPTION: &'static str;
    /// What it takes.
    type Params: Params;
    /// What it returns.
    type Answer: Row;

    /// Runs it.
    fn call(params: Self::Params) -> Result<Self::Answer, Failure>;
}
