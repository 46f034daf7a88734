//! From a batch to events: frames walked, containers remembered, fixed parts viewed in place.

use std::collections::BTreeMap;

use gadget_abi::{
    Header, Plain,
    batch::{Frames, Kind},
};

use crate::{
    Clock, Common, Failure, Text,
    common::{Container, Kept},
    plain,
};

/// Most containers that a run remembers; a host that defines more without end would fill the guest's memory.
const CONTAINERS_MAX: usize = 65_536;

/// One event: the header that all have, the gadget's fixed part, and the tail.
#[derive(Debug)]
pub struct Event<'a, E> {
    /// Who caused it, and when.
    pub header: &'a Header,
    /// The fixed part.
    pub data: &'a E,
    /// What the kernel half wrote behind the fixed part.
    pub tail: &'a [u8],
    /// The container it happened in, if any.
    pub container: Option<Container<'a>>,
    clock: &'a Clock,
}

impl<'a, E> Event<'a, E> {
    /// The fields that every row begins with.
    #[inline]
    pub fn common(&self) -> Common<'a> {
        Common {
            timestamp: self.clock.at(self.header.timestamp),
            header: self.header,
            container: self.container,
        }
    }

    /// The fields that every row begins with, for a row that is made later.
    pub fn keep(&self) -> Kept {
        Kept::of(&self.common())
    }

    /// The clock of the run, for further times that the event carries.
    pub const fn clock(&self) -> &'a Clock {
        self.clock
    }

    /// The tail, to be cut into its parts in order.
    pub const fn parts(&self) -> Tail<'a> {
        Tail(self.tail)
    }
}

/// A tail being cut into parts whose lengths the fixed part holds.
#[derive(Clone, Copy, Debug)]
pub struct Tail<'a>(&'a [u8]);

impl<'a> Tail<'a> {
    /// The next `len` bytes; a failure when the tail is shorter.
    #[inline]
    pub fn text(&mut self, len: u32) -> Result<Text<'a>, Failure> {
        let Some((part, rest)) = self.0.split_at_checked(len as usize) else {
            return Err(self.short(len));
        };
        self.0 = rest;
        Ok(Text(part))
    }

    #[cold]
    fn short(self, len: u32) -> Failure {
        Failure::new(format!(
            "an event's tail has {} bytes left where {len} are named; build both halves of the gadget anew",
            self.0.len()
        ))
    }
}

/// Containers by index, as the frames of a run defined them.
#[derive(Debug, Default)]
pub(crate) struct Containers(BTreeMap<u32, Box<[u8]>>);

impl Containers {
    fn define(&mut self, index: u32, json: &[u8]) -> Result<(), Failure> {
        if self.0.len() >= CONTAINERS_MAX && !self.0.contains_key(&index) {
            return Err(Failure::new(format!("more than {CONTAINERS_MAX} containers in one run")));
        }
        self.0.insert(index, json.into());
        Ok(())
    }

    #[inline]
    fn get(&self, index: u32) -> Option<Container<'_>> {
        if index == 0 { None } else { self.0.get(&index).map(|json| Container(json)) }
    }
}

/// Calls `each` for every event of `batch`, in order. Frames of kinds that this version does not know are skipped.
pub(crate) fn events<E: Plain>(
    batch: &[u8],
    clock: &Clock,
    containers: &mut Containers,
    mut each: impl FnMut(&Event<'_, E>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut frames = Frames::new(batch);
    for (head, payload) in frames.by_ref() {
        match Kind::from_raw(head.kind) {
            Some(Kind::Event) => {
                let event = plain::split::<Header>(payload).and_then(|(header, rest)| {
                    let (data, tail) = plain::split::<E>(rest)?;
                    Some(Event { header, data, tail, container: containers.get(head.container), clock })
                });
                each(&event.ok_or_else(|| too_short::<E>(payload.len()))?)?;
            }
            Some(Kind::Container) => containers.define(head.container, payload)?,
            None => {}
        }
    }
    if frames.malformed() {
        return Err(Failure::new(format!(
            "a batch of {} bytes ends inside a frame; host and gadget disagree about the framing",
            batch.len()
        )));
    }
    Ok(())
}

#[cold]
fn too_short<E>(len: usize) -> Failure {
    Failure::new(format!(
        "an event has {len} bytes, its header and fixed part {}; build both halves of the gadget anew",
        size_of::<Header>() + size_of::<E>()
    ))
}
