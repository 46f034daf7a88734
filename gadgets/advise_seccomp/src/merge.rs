//! The union of several nodes' rows: those of containers that have one name and image are one workload, and so are
//! those of programs of one name outside of containers.

use std::collections::{BTreeMap, BTreeSet};

use gadget::{
    Failure, Rows,
    serde_json::{Map, Value, to_vec},
};

use crate::AdviseSeccomp;

type Json = Map<String, Value>;

/// What rows are merged by.
fn group(row: &Json) -> String {
    let Some(container) = row.get("container") else { return format!("program {}", text(row.get("comm"))) };
    // Without a name it is the only one of its kind.
    let name = container.get("name").or_else(|| container.get("id"));
    format!("container {} {}", text(name), text(container.get("image")))
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// Adds the strings of `from` to those of `into`, sorted, each once.
fn unite(into: Option<&mut Value>, from: Option<&Value>) -> usize {
    let Some(Value::Array(into)) = into else { return 0 };
    let from = from.and_then(Value::as_array).into_iter().flatten();
    let all: BTreeSet<String> =
        into.iter().chain(from).filter_map(Value::as_str).map(str::to_owned).collect();
    *into = all.into_iter().map(Value::String).collect();
    into.len()
}

pub(crate) fn merge(parts: &[Vec<u8>], rows: &mut Rows<AdviseSeccomp>) -> Result<(), Failure> {
    let mut groups: BTreeMap<String, Json> = BTreeMap::new();
    for part in parts {
        for row in gadget::rows::<Json>(part) {
            let row = row?;
            let Some(into) = groups.get_mut(&group(&row)) else {
                groups.insert(group(&row), row);
                continue;
            };
            let count = unite(into.get_mut("syscalls"), row.get("syscalls"));
            into.insert("count".to_owned(), count.into());
            unite(into.get_mut("programs"), row.get("programs"));
            unite(
                into.get_mut("profile").and_then(|it| it.pointer_mut("/syscalls/0/names")),
                row.get("profile").and_then(|it| it.pointer("/syscalls/0/names")),
            );
            // Nodes of both architectures: the names hold on each.
            unite(
                into.get_mut("profile").and_then(|it| it.get_mut("architectures")),
                row.get("profile").and_then(|it| it.get("architectures")),
            );
        }
    }
    for row in groups.into_values() {
        let row = to_vec(&row).map_err(|error| Failure::new(error.to_string()))?;
        rows.copy(&row);
    }
    Ok(())
}
