//! Rows as aligned columns, printed as they come: widths are the gadget's, not the data's, for a stream has no end to
//! wait for. On a terminal, cells are cut to their width; elsewhere they are whole, for `grep` and `awk`.

use std::fmt::Write;

use gadget_registry::descriptor::Column;
use serde_json::Value;

use super::text;

/// Formats rows for one run.
pub(crate) struct Columns {
    columns: Vec<Column>,
    cut: bool,
}

/// A column that was asked for and does not exist.
#[derive(Debug)]
pub(crate) struct UnknownField {
    /// The name given.
    pub(crate) field: String,
    /// The names there are.
    pub(crate) known: Vec<String>,
}

impl std::fmt::Display for UnknownField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no column `{}`; there are: {}", self.field, self.known.join(", "))
    }
}

impl std::error::Error for UnknownField {}

impl Columns {
    /// Shows `fields` of `all`, or the gadget's choice when none is named. `cut`: cells are no wider than their
    /// column.
    pub(crate) fn new(all: &[Column], fields: &[String], cut: bool) -> Result<Self, UnknownField> {
        let columns = if fields.is_empty() {
            all.iter().filter(|column| !column.hidden).cloned().collect()
        } else if fields == ["all"] {
            all.to_vec()
        } else {
            let mut chosen = Vec::with_capacity(fields.len());
            for field in fields {
                let Some(column) = all.iter().find(|it| it.field.eq_ignore_ascii_case(field)) else {
                    let known = all.iter().map(|it| it.field.clone()).collect();
                    return Err(UnknownField { field: field.clone(), known });
                };
                chosen.push(column.clone());
            }
            chosen
        };
        Ok(Self { columns, cut })
    }

    /// The headings.
    pub(crate) fn header(&self) -> String {
        self.line(|column| column.title.clone())
    }

    /// One row.
    pub(crate) fn row(&self, row: &Value) -> String {
        self.line(|column| cell(row, &column.field))
    }

    fn line(&self, content: impl Fn(&Column) -> String) -> String {
        let mut line = String::new();
        for (at, column) in self.columns.iter().enumerate() {
            let content = content(column);
            let content = text::plain(&content);
            let last = at + 1 == self.columns.len();
            let cells = usize::from(column.width);
            let content = if self.cut && !last { text::fit(&content, cells) } else { content };
            let padding = " ".repeat(cells.saturating_sub(text::width(&content)));
            let done = if column.right {
                write!(line, "{padding}{content}")
            } else if last {
                write!(line, "{content}")
            } else {
                write!(line, "{content}{padding}")
            };
            debug_assert!(done.is_ok(), "writing to a string");
            if !last {
                line.push_str("  ");
            }
        }
        line
    }
}

/// The text of one cell; empty for what the row does not have.
fn cell(row: &Value, field: &str) -> String {
    let mut value = row;
    for part in field.split('.') {
        match value.get(part) {
            Some(inner) => value = inner,
            None => return String::new(),
        }
    }
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// An item of a list, quoted where it would read as several.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.contains([' ', '"', '\'']) => format!("{text:?}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(field: &str, width: u16, right: bool) -> Column {
        Column { field: field.into(), title: field.to_uppercase(), width, right, hidden: field == "hid" }
    }

    fn all() -> Vec<Column> {
        vec![
            column("comm", 6, false),
            column("pid", 5, true),
            column("hid", 3, false),
            column("args", 4, false),
        ]
    }

    #[test]
    fn cells_are_aligned_and_cut() {
        let columns = Columns::new(&all(), &[], true).unwrap();
        let row =
            json!({"comm": "a-long-name", "pid": 42, "hid": 1, "args": ["sh", "-c", "echo 1", "\u{1b}[0m"]});
        assert_eq!(columns.header(), "COMM      PID  ARGS");
        assert_eq!(columns.row(&row), "a-lon…     42  sh -c \"echo 1\" \u{fffd}[0m");
    }

    #[test]
    fn fields_choose_and_order() {
        let columns = Columns::new(&all(), &["hid".into(), "comm".into()], false).unwrap();
        assert_eq!(columns.row(&json!({"hid": true, "comm": "a-long-name"})), "true  a-long-name");
        let unknown = Columns::new(&all(), &["nope".into()], false).err().unwrap();
        assert_eq!(unknown.to_string(), "no column `nope`; there are: comm, pid, hid, args");
    }
}
