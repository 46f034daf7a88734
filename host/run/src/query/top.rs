//! The most frequent values of a gadget's key fields: what a caller learns from a summary even when most rows did not
//! fit. Key fields are those shown as columns that hold a text or a boolean; a field whose values hardly repeat says
//! nothing and is left out.

use std::collections::HashMap;

use gadget_registry::descriptor::Column;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cell::Cell;
use super::extract::Plan;
use super::fields::{RowFields, Type};

/// Values told of each field.
const TOLD: usize = 5;
/// Fields looked at.
const MAX_FIELDS: usize = 8;
/// Values counted of one field; rows with others are counted together.
const MAX_VALUES: usize = 512;
/// Longer values are no names of anything.
const MAX_VALUE: usize = 160;

/// The most frequent values by field, in the columns' order: `{"comm": {"bash": 12, "cat": 3}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Top(Vec<(String, Vec<(String, u64)>)>);

impl Top {
    /// Whether no field has values that repeat.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields, each with its values and their counts, the most frequent first.
    pub fn fields(&self) -> &[(String, Vec<(String, u64)>)] {
        &self.0
    }
}

impl Serialize for Top {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let field = |values: &[(String, u64)]| -> serde_json::Map<String, serde_json::Value> {
            values.iter().map(|(value, count)| (value.clone(), (*count).into())).collect()
        };
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, field(values))))
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        let values = |values: serde_json::Value| -> Vec<(String, u64)> {
            let serde_json::Value::Object(values) = values else { return Vec::new() };
            values.into_iter().filter_map(|(value, count)| Some((value, count.as_u64()?))).collect()
        };
        Ok(Self(fields.into_iter().map(|(name, counted)| (name, values(counted))).collect()))
    }
}

/// How often each value came, by its JSON text.
type Counts = HashMap<Box<[u8]>, u64>;

/// Counts values while a run lasts.
#[derive(Debug)]
pub struct Counters {
    plan: Plan,
    fields: Vec<(String, Counts)>,
    rows: u64,
}

impl Counters {
    /// For the columns that are shown when nobody chooses.
    pub(crate) fn new(columns: &[Column], fields: &RowFields) -> Self {
        let mut plan = Plan::default();
        let mut counted = Vec::new();
        for column in columns.iter().filter(|it| !it.hidden) {
            let Ok(field) = fields.find(&column.field) else { continue };
            if matches!(field.kind, Type::Text | Type::Bool) && counted.len() < MAX_FIELDS {
                plan.slot(&field.path);
                counted.push((field.name, Counts::new()));
            }
        }
        Self { plan, fields: counted, rows: 0 }
    }

    /// Takes a row in. `slots` is scratch space.
    pub(crate) fn add<'a>(&mut self, row: &'a [u8], slots: &mut Vec<&'a [u8]>) {
        self.plan.read(row, slots);
        self.rows += 1;
        for ((_, counts), value) in self.fields.iter_mut().zip(slots) {
            if value.is_empty() || value.len() > MAX_VALUE {
                continue;
            }
            let room = counts.len() < MAX_VALUES;
            match counts.get_mut(*value) {
                Some(count) => *count += 1,
                None if room => {
                    counts.insert((*value).into(), 1);
                }
                None => {}
            }
        }
    }

    /// The most frequent values.
    pub(crate) fn top(&self) -> Top {
        let mut top = Vec::new();
        for (name, counts) in &self.fields {
            let mut values: Vec<(&[u8], u64)> = counts
                .iter()
                .filter(|(_, count)| **count > 1)
                .map(|(value, count)| (&**value, *count))
                .collect();
            values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
            values.truncate(TOLD);
            let told: u64 = values.iter().map(|(_, count)| count).sum();
            // A tenth of the rows at least, or these values are not what the rows are about.
            if told > 0 && told.saturating_mul(10) >= self.rows {
                let text = |value: &[u8]| match Cell::read(value) {
                    Cell::Text(text) => text.into_owned(),
                    _ => String::from_utf8_lossy(value).into_owned(),
                };
                top.push((name.clone(), values.into_iter().map(|(it, count)| (text(it), count)).collect()));
            }
        }
        Top(top)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(field: &str, hidden: bool) -> Column {
        Column { field: field.into(), title: field.into(), width: 8, right: false, hidden }
    }

    #[test]
    fn values_that_repeat_are_told() {
        let fields = RowFields::of_schema(&json!({"properties": {
            "comm": {"type": "string"}, "path": {"type": "string"}, "failed": {"type": "boolean"},
            "call": {"type": "string"}, "pid": {"type": "integer"}}}));
        let columns = [
            column("path", false),
            column("comm", false),
            column("failed", false),
            column("call", true),
            column("pid", false),
        ];
        let mut counters = Counters::new(&columns, &fields);
        let rows: Vec<String> = (0..1000)
            .map(|it| {
                let comm = if it % 10 == 0 { "c\\n" } else { "bash" };
                format!(r#"{{"path":"/p/{it}","comm":"{comm}","failed":{},"call":"x","pid":1}}"#, it % 2 == 0)
            })
            .collect();
        let mut slots = Vec::new();
        for row in &rows {
            counters.add(row.as_bytes(), &mut slots);
        }
        let top = serde_json::to_string(&counters.top()).unwrap();
        assert_eq!(top, r#"{"comm":{"bash":900,"c\n":100},"failed":{"false":500,"true":500}}"#);
        assert!(counters.fields[0].1.len() <= MAX_VALUES);
    }
}
