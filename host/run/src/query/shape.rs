//! A [`Query`] at work on one run's rows.

use std::sync::Arc;

use memchr::memchr;

use super::Query;
use super::group::Groups;
use super::order::Sorted;
use super::top::{Counters, Top};

/// Applies a query to rows as they come, and at the end.
pub struct Shaper {
    query: Arc<Query>,
    /// For the summary, when someone wants it.
    counters: Option<Counters>,
    groups: Groups,
    sorted: Sorted,
    out: Vec<u8>,
    /// Rows that passed the filter, and rows that did not.
    pub(crate) matched: u64,
    pub(crate) filtered: u64,
}

impl Shaper {
    /// `most`: rows wanted, which is all that is kept of sorted ones.
    pub fn new(query: Arc<Query>, counters: Option<Counters>, most: usize) -> Self {
        Self {
            query,
            counters,
            groups: Groups::default(),
            sorted: Sorted::new(most),
            out: Vec::new(),
            matched: 0,
            filtered: 0,
        }
    }

    /// One of the same query that has seen nothing, and counts nothing for a summary.
    pub(crate) fn afresh(&self) -> Self {
        Self::new(self.query.clone(), None, self.sorted.most())
    }

    /// What is to be handed on now of `count` rows in `lines`, and how many rows that is.
    pub fn pass<'a>(&'a mut self, lines: &'a [u8], count: u64) -> (&'a [u8], u64) {
        let Query { filter, grouping, order, projection } = &*self.query;
        let at_end = grouping.is_some() || order.is_some();
        if filter.is_none() && projection.is_none() && !at_end && self.counters.is_none() {
            self.matched += count;
            return (lines, count);
        }
        self.out.clear();
        let before = self.matched;
        let mut slots = Vec::new();
        for row in rows(lines) {
            if let Some(filter) = filter
                && !filter.passes(row, &mut slots)
            {
                self.filtered += 1;
                continue;
            }
            self.matched += 1;
            if let Some(counters) = &mut self.counters {
                counters.add(row, &mut slots);
            }
            match (grouping, order, projection) {
                (Some(grouping), ..) => self.groups.add(grouping, row, &mut slots),
                (None, Some(order), _) => self.sorted.add(order, row, &mut slots),
                (None, None, Some(projection)) => projection.write(row, &mut slots, &mut self.out),
                (None, None, None) if filter.is_some() => {
                    self.out.extend_from_slice(row);
                    self.out.push(b'\n');
                }
                // Every row is handed on as it is.
                (None, None, None) => {}
            }
        }
        if at_end {
            return (&[], 0);
        }
        let lines = if filter.is_none() && projection.is_none() { lines } else { self.out.as_slice() };
        (lines, self.matched - before)
    }

    /// The rows that waited for the end: their lines, how many, and how many more there were.
    pub fn finish(&mut self) -> (Vec<u8>, u64, u64) {
        let query = self.query.clone();
        let Query { grouping, order: Some(order), projection, .. } = &*query else {
            return (Vec::new(), 0, 0);
        };
        let mut slots = Vec::new();
        if let Some(grouping) = grouping {
            let groups = std::mem::take(&mut self.groups);
            let lines = groups.rows(grouping);
            self.groups.other = groups.other;
            let mut slots = Vec::new();
            rows(&lines).for_each(|row| self.sorted.add(order, row, &mut slots));
        }
        let sorted = std::mem::replace(&mut self.sorted, Sorted::new(0));
        let (lines, count, dropped) = sorted.finish(order);
        let Some(projection) = projection else { return (lines, count, dropped) };
        let mut out = Vec::with_capacity(lines.len());
        rows(&lines).for_each(|row| projection.write(row, &mut slots, &mut out));
        (out, count, dropped)
    }

    /// Whether rows wait for the end.
    pub(crate) fn waits(&self) -> bool {
        self.query.at_end()
    }

    /// Rows that belong to no group, as there were too many groups.
    pub(crate) const fn ungrouped(&self) -> u64 {
        self.groups.other
    }

    /// The most frequent values of the rows that passed.
    pub(crate) fn top(&self) -> Top {
        self.counters.as_ref().map(Counters::top).unwrap_or_default()
    }
}

/// The rows of `lines`, without their newlines.
fn rows(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let row = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(row)
    })
}
