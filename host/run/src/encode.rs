//! Rows as text for a model to read, within a budget of bytes: whole rows only.
//!
//! JSON repeats every field's name in every row; a table names them once. And in most answers some columns are the
//! same in every row (the user, the container), which a table can say once too. `docs/encodings.md` has the measured
//! cost of each on the same rows; [`Encoding::Table`] is the default because it is the cheapest that reads without
//! explanation.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A line of names, then a line of values for each row, separated by commas; a value with a comma or a quote in
    /// it is quoted as in JSON, and a field that a row lacks is empty. Columns that are the same in all rows stand
    /// in a line of their own instead.
    #[default]
    Table,
    /// As [`Self::Table`], without taking out the columns that are the same in all rows.
    PlainTable,
    /// A JSON object a line.
    JsonLines,
}

/// The rows that fitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Lines, each ended by a newline.
    pub text: String,
    /// How many rows were dealt with: written, or told of as too large.
    pub rows: usize,
    /// How many of these are larger than the budget by themselves, and were left out.
    pub too_large: usize,
}

/// Writes as many of `rows` as fit into `budget` bytes. A row that would fit in no answer of this budget is left out
/// and counted, for otherwise nobody could get past it.
pub fn encode(rows: &[Box<RawValue>], encoding: Encoding, budget: usize) -> Encoded {
    match encoding {
        Encoding::JsonLines => lines(rows.iter().map(|row| row.get().to_owned()), budget),
        Encoding::Table => table(rows, budget, true),
        Encoding::PlainTable => table(rows, budget, false),
    }
}

fn lines(rows: impl Iterator<Item = String>, budget: usize) -> Encoded {
    let mut encoded = Encoded::default();
    for row in rows {
        if row.len() + 1 > budget {
            encoded.too_large += 1;
        } else if encoded.text.len() + row.len() + 1 > budget {
            break;
        } else {
            encoded.text.push_str(&row);
            encoded.text.push('\n');
        }
        encoded.rows += 1;
    }
    encoded
}

fn table(rows: &[Box<RawValue>], budget: usize, hoist: bool) -> Encoded {
    // Rows beyond those that could fit say nothing about the columns: a table is never four times smaller than JSON
    // of the same rows plus what it takes out.
    let mut bytes = 0;
    let near = rows.iter().take_while(|row| {
        let before = bytes;
        bytes += row.get().len();
        before <= budget.saturating_mul(8)
    });
    let flat: Vec<Map<String, Value>> = near.map(|row| flatten(row)).collect();
    let mut names: Vec<&String> = Vec::new();
    for row in &flat {
        for name in row.keys().filter(|name| !names.contains(name)).collect::<Vec<_>>() {
            names.push(name);
        }
    }
    let same = |name: &String| {
        let first = flat.first().and_then(|row| row.get(name));
        first.is_some() && flat.iter().all(|row| row.get(name) == first)
    };
    let (constant, varying): (Vec<&String>, Vec<&String>) =
        names.into_iter().partition(|name| hoist && flat.len() > 1 && same(name));
    let mut head = String::new();
    if !constant.is_empty() {
        let value = |name: &String| flat.first().and_then(|row| row.get(name)).map(cell).unwrap_or_default();
        let all: Vec<String> = constant.iter().map(|name| format!("{name}={}", value(name))).collect();
        head = format!("in all rows: {}\n", all.join(", "));
    }
    head.push_str(&varying.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(","));
    head.push('\n');
    let line = |row: &Map<String, Value>| {
        let cells: Vec<String> =
            varying.iter().map(|name| row.get(*name).map(cell).unwrap_or_default()).collect();
        cells.join(",")
    };
    let mut encoded = lines(flat.iter().map(line), budget.saturating_sub(head.len()));
    if !encoded.text.is_empty() {
        encoded.text.insert_str(0, &head);
    }
    encoded
}

/// The row's fields, nested ones by their path.
fn flatten(row: &RawValue) -> Map<String, Value> {
    fn into(flat: &mut Map<String, Value>, path: &str, fields: Map<String, Value>) {
        for (name, value) in fields {
            let name = if path.is_empty() { name } else { format!("{path}.{name}") };
            match value {
                Value::Object(inner) if !inner.is_empty() => into(flat, &name, inner),
                value => {
                    flat.insert(name, value);
                }
            }
        }
    }
    let mut flat = Map::new();
    // Rows are objects: the row checker has seen to it.
    if let Ok(fields) = serde_json::from_str(row.get()) {
        into(&mut flat, "", fields);
    }
    flat
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let special = |it: char| it == ',' || it == '"' || it.is_control();
            if text.is_empty() || text.trim() != text || text.contains(special) {
                value.to_string()
            } else {
                text.clone()
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(values: &[Value]) -> Vec<Box<RawValue>> {
        values.iter().map(|it| serde_json::value::to_raw_value(it).unwrap()).collect()
    }

    #[test]
    fn a_table_names_columns_once_and_constants_once() {
        let rows = rows(&[
            json!({"comm": "a,b", "uid": 0, "container": {"name": "web"}, "args": ["x", "y"]}),
            json!({"comm": "c", "uid": 0, "container": {"name": "web"}, "error": "ENOENT", "args": []}),
            json!({"comm": " \n", "uid": 0, "container": {"name": "web"}, "error": ""}),
        ]);
        let encoded = encode(&rows, Encoding::Table, 10_000);
        assert_eq!(
            encoded.text,
            "in all rows: uid=0, container.name=web\ncomm,args,error\n\"a,b\",[\"x\",\"y\"],\nc,[],ENOENT\n\" \\n\",,\"\"\n"
        );
        assert_eq!(encoded.rows, 3);
        let plain = encode(&rows[..1], Encoding::PlainTable, 10_000);
        assert_eq!(plain.text, "comm,uid,container.name,args\n\"a,b\",0,web,[\"x\",\"y\"]\n");
    }

    #[test]
    fn budgets_hold_and_rows_are_whole() {
        let all: Vec<Value> =
            (0..1000).map(|it| json!({"n": it, "path": format!("/a/path/number/{it}")})).collect();
        let rows = rows(&all);
        for encoding in [Encoding::Table, Encoding::PlainTable, Encoding::JsonLines] {
            for budget in [0, 10, 100, 1_000, 4_096, 1 << 20] {
                let encoded = encode(&rows, encoding, budget);
                assert!(encoded.text.len() <= budget, "{encoding:?} {budget}: {}", encoded.text.len());
                let heads = usize::from(encoding != Encoding::JsonLines && !encoded.text.is_empty());
                let written = encoded.text.lines().count() - heads;
                assert_eq!(written + encoded.too_large, encoded.rows);
                if let Some(last) = encoded.text.lines().last() {
                    assert!(last.contains(&format!("/a/path/number/{}", encoded.rows - 1)), "{last}");
                }
            }
            assert_eq!(encode(&rows, encoding, 1 << 20).rows, 1000);
        }
    }

    #[test]
    fn a_row_too_large_for_any_answer_is_passed_by() {
        let rows = rows(&[json!({"n": "x".repeat(5000)}), json!({"n": "y"})]);
        for encoding in [Encoding::Table, Encoding::JsonLines] {
            let encoded = encode(&rows, encoding, 1000);
            assert_eq!((encoded.rows, encoded.too_large), (2, 1));
            assert!(encoded.text.contains('y'));
        }
    }
}
