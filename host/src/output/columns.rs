//! Rows as aligned columns, printed as they come: widths are the gadget's, not the data's, for a stream has no end to
//! wait for. On a terminal, cells are cut to their width; elsewhere they are whole, for `grep` and `awk`.

use std::fmt::Write;

use gadget_registry::descriptor::Column;
use serde_json::Value;

use super::text;

/// The field of several lines that the SDK's histograms have. A column can't hold it: it stands below its row.
const PICTURE: &str = "picture";

/// Formats rows for one run.
pub(crate) struct Columns {
    columns: Vec<Column>,
    cut: bool,
    picture: bool,
}

impl Columns {
    /// Shows `fields` of `all`, or the gadget's choice when none is named. `cut`: cells are no wider than their
    /// column. The run has refused fields that no row can have.
    pub(crate) fn new(all: &[Column], fields: &[String], cut: bool) -> Self {
        let mut columns: Vec<Column> = if fields.is_empty() {
            all.iter().filter(|column| !column.hidden).cloned().collect()
        } else if fields == ["all"] {
            all.to_vec()
        } else {
            let named = |field: &String| {
                let known = all.iter().find(|it| it.field == *field).cloned();
                // A field of the row that its gadget gave no column of its own.
                known.unwrap_or_else(|| plain(field, 16, false))
            };
            fields.iter().map(named).collect()
        };
        let picture = columns.iter().any(|column| column.field == PICTURE);
        columns.retain(|column| column.field != PICTURE);
        Self { columns, cut, picture }
    }

    /// Shows groups, whose fields are not the gadget's: each with its name and whether it is a number.
    pub(crate) fn of_groups(all: &[(String, bool)], fields: &[String], cut: bool) -> Self {
        let shown =
            all.iter().filter(|(name, _)| fields.is_empty() || fields == ["all"] || fields.contains(name));
        let columns =
            shown.map(|(name, number)| plain(name, if *number { 10 } else { 24 }, *number)).collect();
        Self { columns, cut, picture: false }
    }

    /// The headings.
    pub(crate) fn header(&self) -> String {
        self.line(|column| column.title.clone())
    }

    /// One row, and on the lines below it its picture.
    pub(crate) fn row(&self, row: &Value) -> String {
        let mut lines = self.line(|column| cell(row, &column.field));
        if self.picture
            && let Some(picture) = row.get(PICTURE).and_then(Value::as_str)
        {
            lines.push('\n');
            lines.push_str(&text::lines(picture.trim_end_matches('\n')));
        }
        lines
    }

    fn line(&self, content: impl Fn(&Column) -> String) -> String {
        let mut line = String::new();
        for (at, column) in self.columns.iter().enumerate() {
            let content = content(column);
            let content = text::plain(&content);
            let last = at + 1 == self.columns.len();
            // Headings are whole, and may be longer than what stands below them.
            let cells = usize::from(column.width).max(text::width(&column.title));
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

/// A column with no look of its own; as wide as its heading at least.
fn plain(field: &str, width: usize, right: bool) -> Column {
    let width = u16::try_from(width.max(field.len())).unwrap_or(u16::MAX);
    Column { field: field.to_owned(), title: field.to_uppercase(), width, right, hidden: false }
}

/// The text of one cell; empty for what the row does not have.
fn cell(row: &Value, field: &str) -> String {
    // A group has fields that are called by a path, `container.name`; other rows have the path.
    let nested = || field.split('.').try_fold(row, |value, part| value.get(part));
    let Some(value) = row.get(field).or_else(nested) else { return String::new() };
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
        let columns = Columns::new(&all(), &[], true);
        let row =
            json!({"comm": "a-long-name", "pid": 42, "hid": 1, "args": ["sh", "-c", "echo 1", "\u{1b}[0m"]});
        assert_eq!(columns.header(), "COMM      PID  ARGS");
        assert_eq!(columns.row(&row), "a-lon…     42  sh -c \"echo 1\" \u{fffd}[0m");
    }

    #[test]
    fn fields_choose_and_order() {
        let columns = Columns::new(&all(), &["hid".into(), "comm".into(), "in.ner".into()], false);
        let row = json!({"hid": true, "comm": "a-long-name", "in": {"ner": 5}});
        assert_eq!(columns.row(&row), "true  a-long-name  5");
    }

    #[test]
    fn a_picture_stands_below_its_row() {
        let mut all = all();
        all.push(Column { hidden: true, ..column("picture", 7, false) });
        let row = json!({"comm": "a", "pid": 42, "picture": "1 |#\u{1b}|\n2 | |\n"});
        assert_eq!(Columns::new(&all, &["comm".into()], false).row(&row), "a");
        let columns = Columns::new(&all, &["picture".into(), "comm".into()], false);
        assert_eq!(columns.header(), "COMM");
        assert_eq!(columns.row(&row), "a\n1 |#\u{fffd}|\n2 | |");
    }

    #[test]
    fn groups_have_columns_of_their_own() {
        let all = [("container.name".to_owned(), false), ("sum(bytes)".to_owned(), true)];
        let columns = Columns::of_groups(&all, &[], false);
        assert_eq!(columns.header(), "CONTAINER.NAME            SUM(BYTES)");
        let row = json!({"container.name": "web", "sum(bytes)": 12});
        assert_eq!(columns.row(&row), "web                               12");
        let columns = Columns::of_groups(&all, &["sum(bytes)".into()], false);
        assert_eq!(columns.row(&row), "        12");
    }
}
