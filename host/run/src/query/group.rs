//! `group_by`: ten thousand rows come back as twenty. Rows with the same values of the named fields are one group;
//! its result row holds these values and the aggregates.
//!
//! Memory is bounded: beyond [`MAX_GROUPS`] groups, or [`MAX_BYTES`] of their keys, rows that would need a new group
//! are counted and nothing else; the summary tells how many.

use std::collections::HashMap;

use super::aggregate::{Aggregate, State};
use super::extract::Plan;
use super::fields::{RowFields, Type};

/// Groups kept.
pub(crate) const MAX_GROUPS: usize = 4096;
/// Bytes of keys kept.
const MAX_BYTES: usize = 16 << 20;
/// Fields that groups may be made by.
pub(crate) const MAX_FIELDS: usize = 8;
/// Aggregates that may be computed.
pub(crate) const MAX_AGGREGATES: usize = 8;

/// Between values in a group's key. It is a control character, which no JSON text holds unescaped.
const SEPARATOR: u8 = 0x1f;

/// By what groups are made, and what is computed of them.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    plan: Plan,
    /// JSON text of each field's name; the fields are the plan's first slots.
    keys: Vec<Vec<u8>>,
    /// With JSON text of the name, and the slot of the field.
    aggregates: Vec<(Aggregate, Vec<u8>, Option<usize>)>,
    /// The fields of the result rows.
    pub(crate) fields: RowFields,
}

impl Grouping {
    /// Groups by `by`, and computes `aggregates`; `count` when none is named.
    pub(crate) fn compile(
        by: &[String],
        aggregates: &[String],
        fields: &RowFields,
    ) -> Result<Self, (&'static str, String)> {
        let mut plan = Plan::default();
        let mut keys = Vec::with_capacity(by.len());
        let mut columns: Vec<(String, Type)> = Vec::new();
        for name in by {
            let field = fields.find(name.trim()).map_err(|error| ("group_by", error))?;
            if plan.slot(&field.path) < keys.len() {
                return Err(("group_by", format!("`{name}` is named twice")));
            }
            keys.push(quoted(&field.name));
            columns.push((field.name, field.kind));
        }
        let default = ["count".to_owned()];
        let aggregates = if aggregates.is_empty() { &default[..] } else { aggregates };
        let mut computed = Vec::with_capacity(aggregates.len());
        for text in aggregates {
            let aggregate = Aggregate::parse(text, fields).map_err(|error| ("aggregate", error))?;
            if columns.iter().any(|(name, _)| *name == aggregate.name) {
                return Err(("aggregate", format!("there would be two columns `{}`", aggregate.name)));
            }
            let slot = aggregate.field.as_ref().map(|(_, path)| plan.slot(path));
            columns.push((aggregate.name.clone(), aggregate.kind.clone()));
            computed.push((aggregate.clone(), quoted(&aggregate.name), slot));
        }
        Ok(Self { plan, keys, aggregates: computed, fields: RowFields::flat(columns) })
    }

    /// The name of the first aggregate, by which groups are ordered when nothing else is said.
    pub(crate) fn first(&self) -> &str {
        self.aggregates.first().map_or("count", |(aggregate, ..)| &aggregate.name)
    }
}

fn quoted(name: &str) -> Vec<u8> {
    serde_json::Value::from(name).to_string().into_bytes()
}

struct Group {
    count: u64,
    states: Vec<State>,
}

/// The groups of one run.
#[derive(Default)]
pub(crate) struct Groups {
    groups: HashMap<Box<[u8]>, Group>,
    key: Vec<u8>,
    bytes: usize,
    /// Rows that belong to no group, for there was no room for theirs.
    pub(crate) other: u64,
}

impl Groups {
    /// Takes a row in. `slots` is scratch space.
    pub(crate) fn add<'a>(&mut self, grouping: &Grouping, row: &'a [u8], slots: &mut Vec<&'a [u8]>) {
        grouping.plan.read(row, slots);
        self.key.clear();
        for value in &slots[..grouping.keys.len()] {
            self.key.extend_from_slice(value);
            self.key.push(SEPARATOR);
        }
        let room = self.groups.len() < MAX_GROUPS && self.bytes + self.key.len() <= MAX_BYTES;
        let group = match self.groups.get_mut(self.key.as_slice()) {
            Some(group) => group,
            None if !room => {
                self.other += 1;
                return;
            }
            None => {
                self.bytes += self.key.len();
                let states = grouping.aggregates.iter().map(|(it, ..)| State::new(it.function)).collect();
                let key = self.key.clone().into_boxed_slice();
                self.groups.entry(key).or_insert(Group { count: 0, states })
            }
        };
        group.count += 1;
        for (state, (_, _, slot)) in group.states.iter_mut().zip(&grouping.aggregates) {
            if let Some(slot) = slot {
                state.add(slots[*slot]);
            }
        }
    }

    /// The result rows, each ended by a newline; in no order.
    pub(crate) fn rows(&self, grouping: &Grouping) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, group) in &self.groups {
            let start = out.len();
            for (name, value) in grouping.keys.iter().zip(key.split(|it| *it == SEPARATOR)) {
                if !value.is_empty() {
                    field(&mut out, start, name, value);
                }
            }
            let mut text = Vec::new();
            for (state, (_, name, _)) in group.states.iter().zip(&grouping.aggregates) {
                text.clear();
                state.result(group.count).write(&mut text);
                if !text.is_empty() {
                    field(&mut out, start, name, &text);
                }
            }
            out.extend_from_slice(if out.len() == start { b"{}\n" } else { b"}\n" });
        }
        out
    }
}

fn field(out: &mut Vec<u8>, start: usize, name: &[u8], value: &[u8]) {
    out.push(if out.len() == start { b'{' } else { b',' });
    out.extend_from_slice(name);
    out.push(b':');
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn fields() -> RowFields {
        RowFields::of_schema(&json!({"additionalProperties": false, "properties": {
            "n": {"type": "integer"}, "comm": {"type": "string"}, "count": {"type": "integer"},
            "container": {"type": "object", "properties": {"name": {"type": "string"}}}}}))
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn rows_of_a_group_become_one() {
        let by = words(&["comm", "container.name"]);
        let grouping = Grouping::compile(&by, &words(&["count", "sum(n)", "max(n)"]), &fields()).unwrap();
        let mut groups = Groups::default();
        let rows = [
            r#"{"comm":"a","n":1,"container":{"name":"web"}}"#,
            r#"{"comm":"a","n":2,"container":{"name":"web"}}"#,
            r#"{"comm":"a","n":5}"#,
            r#"{"comm":"b\"","n":7}"#,
            r"{}",
        ];
        for row in rows {
            groups.add(&grouping, row.as_bytes(), &mut Vec::new());
        }
        let out = groups.rows(&grouping);
        let mut found: Vec<Value> =
            out.split_inclusive(|it| *it == b'\n').map(|it| serde_json::from_slice(it).unwrap()).collect();
        found.sort_by_key(Value::to_string);
        assert_eq!(
            found,
            [
                json!({"comm": "a", "container.name": "web", "count": 2, "sum(n)": 3, "max(n)": 2}),
                json!({"comm": "a", "count": 1, "sum(n)": 5, "max(n)": 5}),
                json!({"comm": "b\"", "count": 1, "sum(n)": 7, "max(n)": 7}),
                json!({"count": 1}),
            ]
        );
    }

    #[test]
    fn memory_is_bounded_and_the_rest_counted() {
        let grouping = Grouping::compile(&words(&["n"]), &[], &fields()).unwrap();
        let mut groups = Groups::default();
        let rows: Vec<String> = (0..MAX_GROUPS + 100).map(|it| format!("{{\"n\":{it}}}")).collect();
        for row in rows.iter().chain(&rows[..10]) {
            groups.add(&grouping, row.as_bytes(), &mut Vec::new());
        }
        assert_eq!(groups.other, 100);
        assert_eq!(groups.groups.len(), MAX_GROUPS);
        assert_eq!(groups.groups.values().map(|it| it.count).sum::<u64>(), MAX_GROUPS as u64 + 10);
    }

    #[test]
    fn mistakes_name_the_argument() {
        let cases: [(&[&str], &[&str], &str, &str); 5] = [
            (&["com"], &[], "group_by", "did you mean `comm`"),
            (&["comm", "comm"], &[], "group_by", "twice"),
            (&["comm"], &["sum(m)"], "aggregate", "no field `m`"),
            (&["count"], &[], "aggregate", "two columns `count`"),
            (&["comm"], &["max(n)", "max( n )"], "aggregate", "two columns"),
        ];
        for (by, aggregates, argument, part) in cases {
            let (found, error) = Grouping::compile(&words(by), &words(aggregates), &fields()).unwrap_err();
            assert_eq!(found, argument, "{error}");
            assert!(error.contains(part), "{error}");
        }
    }
}
