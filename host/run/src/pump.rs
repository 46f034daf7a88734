//! From the kernel's ring to the sink: drains events into a batch, hands it to the guest, takes the rows.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use gadgetry_guest::{Guest, GuestError};
use gadgetry_kernel::{Reader, Table, Woken};

use crate::answer::Ended;
use crate::clock::boot_ns;
use crate::cpu::Meter;
use crate::fleet::Progress;
use crate::frame::Framer;
use crate::log::Line;
use crate::rows::Rows;
use crate::stop::Stop;

/// A batch is handed on at this size: large enough that a call costs nothing per event, small enough to stay in the
/// second-level cache on its way to the guest.
pub(crate) const BATCH: usize = 256 << 10;
/// How often the guest is ticked and progress told.
const TICK: Duration = Duration::from_secs(1);
/// How long a snapshot's batch waits at most for the budget's sake.
const SNAPSHOT: Duration = Duration::from_millis(500);

/// One run's way from events to rows.
pub(crate) struct Pump {
    pub(crate) framer: Framer,
    pub(crate) guest: Guest,
    /// The gadget's name.
    pub(crate) gadget: String,
    pub(crate) rows: Rows,
    /// What the node's budget of processor time lets it use.
    pub(crate) meter: Meter,
    /// What the kernel half adds up.
    pub(crate) tables: Vec<Table>,
    /// Whether the gadget merges: the rows of a tick are then what it looks like now, and those of the end the result.
    pub(crate) merge: bool,
    /// Events taken.
    pub(crate) seen: u64,
    /// Events taken and thrown away, as the sink wanted no more.
    pub(crate) unread: u64,
}

/// What ended a run before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PumpError {
    #[error("{0}")]
    Guest(#[from] GuestError),
    #[error("cannot wait for events: {0}")]
    Wait(#[from] std::io::Error),
}

impl Pump {
    /// Pumps until the time is over, the caller stops it, or the sink wants no more. `lost`: events lost so far.
    pub(crate) fn run(
        &mut self,
        reader: &mut Reader,
        duration: Option<Duration>,
        stop: &Stop,
        lost: impl Fn() -> u64,
    ) -> Result<Ended, PumpError> {
        let start = Instant::now();
        let end = duration.and_then(|it| start.checked_add(it));
        let mut tick = start + TICK;
        loop {
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Ok(Ended::Complete);
            }
            if let Some(wait) = self.meter.wait() {
                if reader.leave(end.map_or(wait, |end| wait.min(end - now)))? {
                    return Ok(Ended::Cancelled);
                }
                continue;
            }
            if now >= tick {
                tick = now + TICK;
                if self.tick()?.is_break() {
                    return Ok(Ended::MaxRows);
                }
                let (seen, lost, elapsed) = (self.seen, lost(), now - start);
                self.rows.progress(Progress { seen, rows: 0, lost, elapsed, of: duration });
            }
            let until = end.map_or(tick, |end| end.min(tick));
            match reader.wait(until - now)? {
                Woken::Stopped => return Ok(Ended::Cancelled),
                Woken::Events if self.batch(reader)?.is_break() => return Ok(Ended::MaxRows),
                _ if stop.stopped() => return Ok(Ended::Cancelled),
                _ => {}
            }
        }
    }

    /// What is still in the ring after the programs were detached. That is finite, so nobody waits for the budget's sake any
    /// more; what it costs is paid by the runs that go on.
    pub(crate) fn rest(&mut self, reader: &mut Reader, wanted: bool) -> Result<(), PumpError> {
        if !wanted {
            self.unread += reader.drain(|_| ControlFlow::Continue(())) as u64;
            return Ok(());
        }
        loop {
            let before = self.seen;
            if self.batch(reader)?.is_break() {
                return self.rest(reader, false);
            }
            if self.seen == before {
                self.seen += self.read_tables()?;
                let _ = self.rows.take(self.guest.finish()?);
                return Ok(());
            }
        }
    }

    fn tick(&mut self) -> Result<ControlFlow<()>, PumpError> {
        self.read_tables()?;
        let rows = self.guest.tick()?;
        let flow = if self.merge { self.rows.live(rows) } else { self.rows.take(rows) };
        self.tell_log();
        Ok(flow)
    }

    /// Hands on what the gadget logged.
    pub(crate) fn tell_log(&mut self) {
        for line in self.guest.pass_on_log() {
            let gadget = self.gadget.clone();
            self.rows.log(&Line { node: None, gadget, level: line.level, message: line.message });
        }
    }

    /// Hands what stands in the tables to the guest, as events; how many there were.
    fn read_tables(&mut self) -> Result<u64, PumpError> {
        let Self { framer, guest, rows, tables, .. } = self;
        let mut flush = |framer: &mut Framer| -> Result<(), PumpError> {
            let _ = rows.take(guest.process(framer.bytes())?);
            framer.clear();
            Ok(())
        };
        let mut count = 0;
        for table in tables {
            let now = boot_ns();
            count += table.read(|value| {
                framer.push_table(value, now);
                if framer.bytes().len() < BATCH { Ok(()) } else { flush(framer) }
            })?;
        }
        if !framer.bytes().is_empty() {
            flush(framer)?;
        }
        Ok(count as u64)
    }

    /// One batch.
    fn batch(&mut self, reader: &mut Reader) -> Result<ControlFlow<()>, PumpError> {
        let framer = &mut self.framer;
        let count = reader.drain(|event| {
            framer.push(event);
            if framer.bytes().len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.seen += count as u64;
        if count == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        let flow = self.rows.take(self.guest.process(self.framer.bytes())?);
        self.framer.clear();
        Ok(flow)
    }

    /// A snapshot's record.
    pub(crate) fn record(&mut self, record: &[u8]) -> Result<ControlFlow<()>, PumpError> {
        self.framer.push(record);
        self.seen += 1;
        if self.framer.bytes().len() < BATCH {
            return Ok(ControlFlow::Continue(()));
        }
        self.records()
    }

    /// The records gathered so far.
    pub(crate) fn records(&mut self) -> Result<ControlFlow<()>, PumpError> {
        let flow = self.rows.take(self.guest.collect(self.framer.bytes())?);
        self.framer.clear();
        if let Some(wait) = self.meter.wait() {
            // Records are not lost by waiting; but a snapshot must come to its end.
            std::thread::sleep(wait.min(SNAPSHOT));
        }
        Ok(flow)
    }
}
