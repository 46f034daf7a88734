//! `aggregate`: what is computed of the rows of a group.

use std::cmp::Ordering;

use sketches_ddsketch::{Config, DDSketch};

use super::cell::Cell;
use super::fields::{RowFields, Type};
use crate::arguments::nearest;

/// Percentiles are within this part of the true value.
const ACCURACY: f64 = 0.02;
/// Counters of one percentile sketch: values that span nine decades fit.
const BINS: u32 = 512;
const SMALLEST: f64 = 1e-9;

/// A computation over a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Count,
    Sum,
    Min,
    Max,
    /// The value that this many per cent of the group are below.
    Percentile(u8),
}

const FUNCTIONS: [(&str, Function); 7] = [
    ("count", Function::Count),
    ("sum", Function::Sum),
    ("min", Function::Min),
    ("max", Function::Max),
    ("p50", Function::Percentile(50)),
    ("p95", Function::Percentile(95)),
    ("p99", Function::Percentile(99)),
];

/// One column of the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aggregate {
    /// As it was asked for, and as the column is called: `sum(bytes)`.
    pub(crate) name: String,
    pub(crate) function: Function,
    /// The field's name and the keys that lead to it; none for `count`.
    pub(crate) field: Option<(String, Vec<String>)>,
    /// What it computes.
    pub(crate) kind: Type,
}

impl Aggregate {
    /// Reads `count` or `sum(field)`.
    pub(crate) fn parse(text: &str, fields: &RowFields) -> Result<Self, String> {
        let text = text.trim();
        let (name, inner) = match text.split_once('(') {
            Some((name, rest)) => {
                let inner =
                    rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its closing bracket"))?;
                (name.trim(), inner.trim())
            }
            None => (text, ""),
        };
        let names = FUNCTIONS.map(|(name, _)| name);
        let Some((_, function)) = FUNCTIONS.iter().find(|(it, _)| *it == name) else {
            return Err(match nearest(name, names.into_iter()) {
                Some(like) => format!("there is no aggregate `{name}`; did you mean `{like}`?"),
                None => format!("there is no aggregate `{name}`; there are: {}", names.join(", ")),
            });
        };
        match (function, inner) {
            (Function::Count, "" | "*") => {
                let kind = Type::Int;
                return Ok(Self { name: "count".into(), function: *function, field: None, kind });
            }
            (Function::Count, _) => return Err("`count` counts rows and takes no field".into()),
            (_, "") => return Err(format!("`{name}` wants a field: `{name}(bytes)`")),
            _ => {}
        }
        let field = fields.find(inner)?;
        let orders = matches!(function, Function::Min | Function::Max);
        let fits = field.kind.is_number() || (orders && matches!(field.kind, Type::Text | Type::Bool));
        if !fits {
            return Err(format!("`{inner}` is {}, of which there is no {name}", field.kind.name()));
        }
        let name = format!("{name}({inner})");
        Ok(Self { name, function: *function, kind: field.kind, field: Some((field.name, field.path)) })
    }
}

/// What one group knows for one [`Aggregate`].
pub(crate) enum State {
    Sum(Cell<'static>),
    Least(Cell<'static>),
    Most(Cell<'static>),
    Sketch(Box<DDSketch>, u8, bool),
    /// The group's own count is taken.
    Count,
}

impl State {
    pub(crate) fn new(function: Function) -> Self {
        match function {
            Function::Count => Self::Count,
            Function::Sum => Self::Sum(Cell::Absent),
            Function::Min => Self::Least(Cell::Absent),
            Function::Max => Self::Most(Cell::Absent),
            Function::Percentile(part) => {
                Self::Sketch(Box::new(DDSketch::new(Config::new(ACCURACY, BINS, SMALLEST))), part, true)
            }
        }
    }

    /// Takes a row's value in; one that is absent changes nothing.
    pub(crate) fn add(&mut self, json: &[u8]) {
        if matches!(self, Self::Count) {
            return;
        }
        let cell = Cell::read(json);
        if cell == Cell::Absent {
            return;
        }
        match self {
            Self::Count => {}
            Self::Sum(sum) => *sum = plus(sum, &cell),
            Self::Least(least) => keep(least, cell, Ordering::Less),
            Self::Most(most) => keep(most, cell, Ordering::Greater),
            Self::Sketch(sketch, _, whole) => {
                if let Some(value) = cell.number() {
                    *whole &= matches!(cell, Cell::Int(_));
                    sketch.add(value);
                }
            }
        }
    }

    /// The result; `count` is the group's.
    pub(crate) fn result(&self, count: u64) -> Cell<'static> {
        match self {
            Self::Count => Cell::Int(count.into()),
            Self::Sum(cell) | Self::Least(cell) | Self::Most(cell) => cell.clone(),
            Self::Sketch(sketch, part, whole) => {
                let value = sketch.quantile(f64::from(*part) / 100.0).ok().flatten();
                value.map_or(Cell::Absent, |it| {
                    if *whole { Cell::Int(it.round() as i128) } else { Cell::Float(it) }
                })
            }
        }
    }
}

fn plus(sum: &Cell<'static>, cell: &Cell<'_>) -> Cell<'static> {
    match (sum, cell) {
        (Cell::Absent, Cell::Int(value)) => Cell::Int(*value),
        (Cell::Int(sum), Cell::Int(value)) => Cell::Int(sum.saturating_add(*value)),
        (sum, cell) => match cell.number() {
            Some(value) => Cell::Float(sum.number().unwrap_or(0.0) + value),
            None => sum.clone(),
        },
    }
}

fn keep(kept: &mut Cell<'static>, cell: Cell<'_>, wanted: Ordering) {
    if *kept == Cell::Absent || cell.compare(kept) == Some(wanted) {
        *kept = cell.into_owned();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> RowFields {
        RowFields::of_schema(&json!({"additionalProperties": false, "properties": {
            "bytes": {"type": "integer"}, "comm": {"type": "string"}, "args": {"type": "array"}}}))
    }

    fn of(function: &str, values: &[&str]) -> Cell<'static> {
        let aggregate = Aggregate::parse(function, &fields()).unwrap();
        let mut state = State::new(aggregate.function);
        values.iter().for_each(|it| state.add(it.as_bytes()));
        state.result(values.len() as u64)
    }

    #[test]
    fn groups_are_summed_up() {
        let values = ["3", "1", "", "2", "null"];
        assert_eq!(of("count", &values), Cell::Int(5));
        assert_eq!(of("sum(bytes)", &values), Cell::Int(6));
        assert_eq!(of("sum( bytes )", &["1", "0.5"]), Cell::Float(1.5));
        assert_eq!(of("min(bytes)", &values), Cell::Int(1));
        assert_eq!(of("max(bytes)", &values), Cell::Int(3));
        assert_eq!(of("max(comm)", &["\"a\"", "\"c\"", "\"b\""]), Cell::Text("c".into()));
        assert_eq!(of("sum(bytes)", &[]), Cell::Absent);
        let most = u64::MAX.to_string();
        assert_eq!(of("sum(bytes)", &[&most, &most]), Cell::Int(2 * i128::from(u64::MAX)));
    }

    #[test]
    fn percentiles_are_near() {
        let values: Vec<String> = (1..=10_000).map(|it| it.to_string()).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        for (function, wanted) in [("p50(bytes)", 5_000.0), ("p95(bytes)", 9_500.0), ("p99(bytes)", 9_900.0)]
        {
            let Cell::Int(value) = of(function, &values) else { panic!("no integer") };
            let off = (value as f64 - wanted).abs() / wanted;
            assert!(off <= ACCURACY, "{function} is {value}, {off}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let cases = [
            ("summ(bytes)", "did you mean `sum`"),
            ("avg", "there are: count, sum"),
            ("sum", "wants a field"),
            ("sum(bytes", "closing bracket"),
            ("sum(byte)", "did you mean `bytes`"),
            ("sum(comm)", "is a text, of which there is no sum"),
            ("p95(args)", "is a list"),
            ("count(bytes)", "takes no field"),
        ];
        for (text, part) in cases {
            let error = Aggregate::parse(text, &fields()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
