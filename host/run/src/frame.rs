//! Makes batches for the guest: frames each event, and defines each container before the first event that names it.
//!
//! This is the hot path: one look-up and one copy per event, no allocation once the buffer has grown, no lock.

use std::collections::HashMap;

use gadget_abi::batch::{ALIGN, HEAD, Head, Kind, padded};
use gadget_abi::event::Header;
use gadgetry_enrich::{Lookup, Origin, Selector};

/// The batch being made, and the containers that the guest already knows.
pub(crate) struct Framer {
    batch: Vec<u8>,
    lookup: Lookup,
    /// Index in the batch by a container description's serial number.
    defined: HashMap<u32, u32>,
    /// Serial and index of the last event's container: events come in runs from one container.
    last: (u32, u32),
    malformed: u64,
    /// Whose events alone are handed on, whatever the kernel half sends: those of a container that one of these means.
    only: Option<Vec<Selector>>,
    withheld: u64,
}

/// Index of a container whose events are kept back.
const WITHHELD: u32 = u32::MAX;

impl Framer {
    pub(crate) fn new(lookup: Lookup, capacity: usize) -> Self {
        Self {
            batch: Vec::with_capacity(capacity),
            lookup,
            defined: HashMap::new(),
            last: (0, 0),
            malformed: 0,
            only: None,
            withheld: 0,
        }
    }

    /// The same, for a caller who may see no others' events.
    pub(crate) fn only(self, selectors: Vec<Selector>) -> Self {
        Self { only: Some(selectors), ..self }
    }

    /// Events kept back from a caller who may not see them.
    pub(crate) const fn withheld(&self) -> u64 {
        self.withheld
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.batch
    }

    pub(crate) fn clear(&mut self) {
        self.batch.clear();
    }

    /// Events shorter than their header: an object that does not keep the contract. They are counted, not passed on.
    pub(crate) const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Adds one event.
    pub(crate) fn push(&mut self, event: &[u8]) {
        let Some(origin) = origin(event) else {
            self.malformed += 1;
            return;
        };
        let container = self.container(origin);
        if container == WITHHELD {
            self.withheld += 1;
            return;
        }
        frame(&mut self.batch, Kind::Event, container, event);
    }

    /// Adds what stands in a table. Its header is of the first event that was counted there, by whose time the container
    /// is found; the time it is given is now, as the counters are.
    pub(crate) fn push_table(&mut self, value: &[u8], now: u64) {
        const AT: usize = core::mem::offset_of!(Header, timestamp);
        let before = self.batch.len();
        self.push(value);
        let end = self.batch.len();
        if end == before {
            return;
        }
        // The event's frame is the last; a container's may come before it.
        let event = end - padded(value.len());
        if let Some(time) = self.batch.get_mut(event + AT..event + AT + 8) {
            time.copy_from_slice(&now.to_le_bytes());
        }
    }

    /// Index of the container the event happened in; 0 for none.
    fn container(&mut self, origin: Origin) -> u32 {
        let Some(container) = self.lookup.find(origin) else {
            return if self.only.is_some() { WITHHELD } else { 0 };
        };
        if container.serial == self.last.0 {
            return self.last.1;
        }
        let next = u32::try_from(self.defined.len() + 1).unwrap_or(u32::MAX);
        let index = *self.defined.entry(container.serial).or_insert_with(|| {
            if self.only.as_ref().is_some_and(|only| !only.iter().any(|it| it.matches(container))) {
                return WITHHELD;
            }
            frame(&mut self.batch, Kind::Container, next, container.json().as_bytes());
            next
        });
        self.last = (container.serial, index);
        index
    }
}

fn frame(batch: &mut Vec<u8>, kind: Kind, container: u32, payload: &[u8]) {
    const ZERO: [u8; ALIGN] = [0; ALIGN];
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let padded = padded(payload.len());
    batch.reserve(HEAD + padded);
    batch.extend_from_slice(&Head { len, kind: kind as u16, container }.to_bytes());
    batch.extend_from_slice(payload);
    batch.extend_from_slice(&ZERO[..padded - payload.len()]);
}

/// The fields of an event's header by which its container is found.
fn origin(event: &[u8]) -> Option<Origin> {
    let header: &[u8; size_of::<Header>()] = event.first_chunk()?;
    let u64_at = |at: usize| header[at..].first_chunk().map(|it| u64::from_le_bytes(*it));
    let u32_at = |at: usize| header[at..].first_chunk().map(|it| u32::from_le_bytes(*it));
    Some(Origin {
        mntns: u32_at(core::mem::offset_of!(Header, mntns))?,
        pid: u32_at(core::mem::offset_of!(Header, pid))?,
        ppid: u32_at(core::mem::offset_of!(Header, ppid))?,
        cgroup: u64_at(core::mem::offset_of!(Header, cgroup))?,
        timestamp: u64_at(core::mem::offset_of!(Header, timestamp))?,
    })
}
