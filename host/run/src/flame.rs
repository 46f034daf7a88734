//! Flame graphs of rows: as folded stacks, which other tools read, and as a picture. Which fields play which part is the
//! gadget's to say, by a [`View`] in its descriptor.
//!
//! Names in stacks are foreign text: of functions, files and processes, made by whoever made the program. In folded stacks
//! what separates is replaced in them; [`svg`] escapes them. Both are of all rows given; a row without a stack or a weight,
//! such as one that was grouped, is in neither, and counted.

mod picture;
mod tree;

use std::collections::BTreeMap;

use gadget_registry::descriptor::View;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use tree::Tree;

/// Rows as folded stacks: a line for each stack, functions separated by `;`, the outermost first, then a blank and its
/// weight. Sorted by stack.
pub fn folded(view: &View, rows: &[Box<RawValue>]) -> String {
    Stacks::of(view, rows).folded()
}

/// Rows as a picture: an SVG document without scripts and without references, of bounded size.
pub fn svg(view: &View, rows: &[Box<RawValue>], title: &str) -> String {
    Stacks::of(view, rows).svg(title)
}

/// Stacks with their weights, as rows have them.
#[derive(Debug, Default)]
pub struct Stacks {
    weights: BTreeMap<String, u64>,
    /// The field that the weights were taken from: what they count.
    unit: String,
    /// Rows without a stack or a weight.
    pub left_out: usize,
}

impl Stacks {
    /// Reads `rows`.
    pub fn of(view: &View, rows: &[Box<RawValue>]) -> Self {
        let mut stacks = Self::default();
        for row in rows {
            let row: Map<String, Value> = serde_json::from_str(row.get()).unwrap_or_default();
            let weight = view.weight.iter().find_map(|name| Some((name, field(&row, name)?.as_u64()?)));
            let (Some(stack), Some((unit, weight))) =
                (field(&row, &view.stack).and_then(Value::as_str), weight)
            else {
                stacks.left_out += 1;
                continue;
            };
            if stacks.unit.is_empty() {
                stacks.unit.clone_from(unit);
            }
            let mut line = String::new();
            for name in &view.root {
                line.push_str(&frame(field(&row, name)));
                line.push(';');
            }
            line.push_str(&stack.replace(['\n', '\r'], " "));
            let line = line.trim_end_matches(';').to_owned();
            let sum = stacks.weights.entry(line).or_default();
            *sum = sum.saturating_add(weight);
        }
        stacks
    }

    /// As [`folded`].
    pub fn folded(&self) -> String {
        self.weights.iter().map(|(stack, weight)| format!("{stack} {weight}\n")).collect()
    }

    /// As [`svg`].
    pub fn svg(&self, title: &str) -> String {
        let mut tree = Tree::default();
        for (stack, weight) in &self.weights {
            tree.add(stack, *weight);
        }
        picture::draw(&tree, &self.unit, title, self.left_out)
    }
}

/// A value as a frame: without what separates frames.
fn frame(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.replace(';', ":").replace(['\n', '\r'], " ")
}

/// A row's field by its dotted name.
fn field<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let value = row.get(first)?;
    match rest {
        None => Some(value),
        Some(rest) => field(value.as_object()?, rest),
    }
}

#[cfg(test)]
mod tests {
    use gadget_registry::descriptor::ViewKind;
    use serde_json::json;

    use super::*;

    fn view() -> View {
        View {
            kind: ViewKind::FlameGraph,
            stack: "stack".into(),
            weight: vec!["samples".into(), "wait_ns".into()],
            root: vec!["container.name".into(), "comm".into()],
        }
    }

    fn rows(values: &[Value]) -> Vec<Box<RawValue>> {
        values.iter().map(|it| serde_json::value::to_raw_value(it).unwrap()).collect()
    }

    #[test]
    fn equal_stacks_are_added_up_and_separators_replaced() {
        let rows = rows(&[
            json!({"comm": "a;b\n", "stack": "main;work", "samples": 2}),
            json!({"comm": "a;b\n", "stack": "main;work", "samples": 3, "pid": 7}),
            json!({"comm": "c", "container": {"name": "web"}, "stack": "main", "wait_ns": 5}),
            json!({"comm": "c", "stack": "", "samples": 1}),
            json!({"comm": "no weight", "stack": "main"}),
            json!({"count": 5}),
        ]);
        let stacks = Stacks::of(&view(), &rows);
        assert_eq!(stacks.folded(), "-;a:b ;main;work 5\n-;c 1\nweb;c;main 5\n");
        assert_eq!(stacks.left_out, 2);
    }

    #[test]
    fn a_picture_has_every_wide_function_and_no_foreign_markup() {
        let rows = rows(&[
            json!({"comm": "<script>alert(1)</script>", "stack": "main;a<b>&\"c\"", "samples": 60}),
            json!({"comm": "x\u{1b}[2J\u{202e}", "stack": "main;vfs_read_[k]", "samples": 40}),
            json!({"comm": "x"}),
        ]);
        let text = svg(&view(), &rows, "profile & \u{0}co");
        for part in [
            "profile &amp; \u{fffd}co",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<title>a&lt;b&gt;&amp;&quot;c&quot; (60 samples, 60.0 %)</title>",
            "<title>vfs_read_[k] (40 samples, 40.0 %)</title>",
            "x\u{fffd}[2J\u{fffd}",
            "1 rows without a stack",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{text}");
        let parsed = text.matches("<g>").count();
        assert_eq!((parsed, text.matches("</g>").count()), (8, 8), "{text}");
    }

    #[test]
    fn a_picture_of_nothing_says_so() {
        let text = svg(&view(), &[], "t");
        assert!(text.starts_with("<svg ") && text.contains("nothing was found"), "{text}");
    }

    #[test]
    fn size_is_bounded_and_what_is_not_drawn_is_counted() {
        let deep = (0..5000).map(|it| format!("f{it}")).collect::<Vec<_>>().join(";");
        let mut all = vec![json!({"comm": "deep", "stack": deep, "samples": 1_000_000})];
        all.extend((0..30_000).map(|it| json!({"comm": "many", "stack": format!("g{it}"), "samples": 1000})));
        let text = svg(&view(), &rows(&all), "t");
        assert!(text.len() < 4 << 20, "{}", text.len());
        assert!(text.contains("not drawn"), "{}", &text[..2000]);
    }
}
