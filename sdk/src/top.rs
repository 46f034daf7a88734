//! The largest of something: what gadgets do with the tables that their kernel half adds up.
//!
//! The kernel's counters only grow, and the host hands on all of them about once a second. [`Top`] keeps the last ones,
//! says what each key did since the last look ([`Top::interval`], for [`tick`](crate::Gadget::tick)) and over the run
//! ([`Top::run`], for [`finish`](crate::Gadget::finish)), the largest first; so that a row limit cuts the smallest.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, btree_map::Entry as Slot},
};

use serde_json::{Map, Value as Json};

use crate::{Common, Context, Event, Failure, Gadget, Rows, common::Kept};

/// `N` counters for each key `K`, and a `T` that says what the key is.
#[derive(Debug)]
pub struct Top<K, T, const N: usize> {
    entries: BTreeMap<K, Entry<T, N>>,
    every: u32,
    ticks: u32,
    started: u64,
    looked: u64,
    now: u64,
}

#[derive(Debug)]
struct Entry<T, const N: usize> {
    what: T,
    kept: Kept,
    total: [u64; N],
    before: [u64; N],
}

/// One key of a [`Top`].
#[derive(Clone, Copy, Debug)]
pub struct Ranked<'a, T, const N: usize> {
    /// The fields that every row begins with.
    pub common: Common<'a>,
    /// What the key is.
    pub what: &'a T,
    /// What its counters grew by.
    pub counts: [u64; N],
    /// In how many nanoseconds they did.
    pub nanos: u64,
}

impl<T, const N: usize> Ranked<'_, T, N> {
    /// Counter `n` a second.
    pub fn per_second(&self, n: usize) -> u64 {
        let rate = u128::from(self.counts[n]) * 1_000_000_000 / u128::from(self.nanos.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

impl<K: Ord, T, const N: usize> Top<K, T, N> {
    /// Nothing yet; an interval is `every` seconds.
    pub fn new<P>(context: &Context<P>, every: u32) -> Self {
        let started = context.started;
        Self {
            entries: BTreeMap::new(),
            every: every.max(1),
            ticks: 0,
            started,
            looked: started,
            now: started,
        }
    }

    /// Takes the counters of `key` as they are now. `what` is asked when the key is new; what it was, to be changed.
    pub fn count<E>(
        &mut self,
        key: K,
        event: &Event<'_, E>,
        total: [u64; N],
        what: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<&mut T, Failure> {
        self.now = self.now.max(event.header.timestamp);
        let entry = match self.entries.entry(key) {
            Slot::Occupied(entry) => entry.into_mut(),
            Slot::Vacant(entry) => {
                entry.insert(Entry { what: what()?, kept: event.keep(), total, before: [0; N] })
            }
        };
        entry.total = total;
        entry.kept.touch(event);
        Ok(&mut entry.what)
    }

    /// Corrects the counters of a key that was counted before; another is passed over.
    pub fn correct(&mut self, key: &K, total: [u64; N]) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.total = total;
        }
    }

    /// What grew in the interval that ends now, by `weight`; nothing when none ends now. To be called at each tick.
    pub fn interval(&mut self, weight: impl Fn(&[u64; N]) -> u64) -> Vec<Ranked<'_, T, N>> {
        self.ticks += 1;
        if self.ticks < self.every {
            return Vec::new();
        }
        self.ticks = 0;
        let nanos = self.now.saturating_sub(self.looked);
        self.looked = self.now;
        let grown = self.entries.values_mut().filter_map(|entry| {
            let counts = std::array::from_fn(|n| entry.total[n].saturating_sub(entry.before[n]));
            entry.before = entry.total;
            (counts != [0; N]).then(|| entry.ranked(counts, nanos))
        });
        sorted(grown.collect(), weight)
    }

    /// Bounds the memory of a long run: when there are more than `most` keys, the smallest, by `weight`, are added to
    /// fewer, until half as many are left. `into` says to which key one is added, and what that is; `None` for one that
    /// has to stay. What is added so is in the result of the run, and in no interval again.
    pub fn fold(
        &mut self,
        most: usize,
        weight: impl Fn(&[u64; N]) -> u64,
        into: impl Fn(&T) -> Option<(K, T)>,
    ) where
        K: Clone,
    {
        if self.entries.len() <= most {
            return;
        }
        let may = self.entries.iter().filter(|(_, entry)| into(&entry.what).is_some());
        let mut smallest: Vec<_> = may.map(|(key, entry)| (weight(&entry.total), key.clone())).collect();
        smallest.sort_unstable();
        smallest.truncate(self.entries.len() - most / 2);
        for (_, key) in smallest {
            let Some(entry) = self.entries.remove(&key) else { continue };
            let Some((key, what)) = into(&entry.what) else { continue };
            match self.entries.entry(key) {
                Slot::Occupied(mut sum) => {
                    let sum = sum.get_mut();
                    for n in 0..N {
                        sum.total[n] = sum.total[n].saturating_add(entry.total[n]);
                        sum.before[n] = sum.before[n].saturating_add(entry.before[n]);
                    }
                }
                Slot::Vacant(place) => {
                    place.insert(Entry { what, ..entry });
                }
            }
        }
    }

    /// What was counted in all, by `weight`.
    pub fn run(&self, weight: impl Fn(&[u64; N]) -> u64) -> Vec<Ranked<'_, T, N>> {
        let nanos = self.now.saturating_sub(self.started);
        let counted = self.entries.values().filter(|entry| entry.total != [0; N]);
        sorted(counted.map(|entry| entry.ranked(entry.total, nanos)).collect(), weight)
    }
}

impl<T, const N: usize> Entry<T, N> {
    fn ranked(&self, counts: [u64; N], nanos: u64) -> Ranked<'_, T, N> {
        Ranked { common: self.kept.common(), what: &self.what, counts, nanos }
    }
}

fn sorted<T, const N: usize>(
    mut all: Vec<Ranked<'_, T, N>>,
    weight: impl Fn(&[u64; N]) -> u64,
) -> Vec<Ranked<'_, T, N>> {
    all.sort_by_key(|it| Reverse(weight(&it.counts)));
    all
}

/// Merges rows that are each of one node alone: all of them, by `weight`, the largest first.
pub fn merge<G: Gadget>(
    parts: &[Vec<u8>],
    rows: &mut Rows<G>,
    weight: impl Fn(&Map<String, Json>) -> u64,
) -> Result<(), Failure> {
    let lines =
        parts.iter().flat_map(|part| part.split(|byte| *byte == b'\n')).filter(|line| !line.is_empty());
    let mut all = Vec::new();
    for line in lines {
        let row = serde_json::from_slice(line)
            .map_err(|error| Failure::new(format!("a row to merge can't be read: {error}")))?;
        all.push((weight(&row), line));
    }
    all.sort_by_key(|(weight, _)| Reverse(*weight));
    all.iter().for_each(|(_, line)| rows.copy(line));
    Ok(())
}

/// The number in field `name` of a row; 0 when it has none.
pub fn number(row: &Map<String, Json>, name: &str) -> u64 {
    row.get(name).and_then(Json::as_u64).unwrap_or(0)
}
