//! Completion of what a person types: arguments of prompts, and the name in the template of READMEs.
//!
//! Values are known for two kinds of argument, recognised by name as gadgets' authors name them too: containers, and
//! tools. What the person typed comes first where it begins a value, then where it is inside of one.

use rmcp::ErrorData;
use rmcp::model::{CompleteResult, CompletionInfo};

/// What the values of a prompt's argument called `name` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Containers,
    Tools,
    Anything,
}

impl Values {
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "container" | "containers" | "service" => Self::Containers,
            "tool" | "gadget" => Self::Tools,
            _ => Self::Anything,
        }
    }
}

/// Those of `values` that `typed` may become, the protocol's 100 at most.
pub(crate) fn complete(
    values: impl IntoIterator<Item = String>,
    typed: &str,
) -> Result<CompleteResult, ErrorData> {
    let typed = typed.to_lowercase();
    let mut found: Vec<(bool, String)> = values
        .into_iter()
        .filter_map(|value| value.to_lowercase().find(&typed).map(|at| (at > 0, value)))
        .collect();
    found.sort();
    found.dedup();
    let total = found.len();
    let first =
        found.into_iter().take(CompletionInfo::MAX_VALUES).map(|(_, value)| value).collect::<Vec<_>>();
    let more = total > first.len();
    let info = CompletionInfo::with_pagination(first, u32::try_from(total).ok(), more)
        .map_err(|error| ErrorData::internal_error(error, None))?;
    Ok(CompleteResult::new(info))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str], typed: &str) -> Vec<String> {
        complete(values.iter().map(|it| (*it).to_owned()), typed).unwrap().completion.values
    }

    #[test]
    fn what_begins_so_comes_before_what_contains_it() {
        let names = ["trace_open", "open_files", "web", "Opera", "web"];
        assert_eq!(found(&names, "op"), ["Opera", "open_files", "trace_open"]);
        assert_eq!(found(&names, "OPEN"), ["open_files", "trace_open"]);
        assert_eq!(found(&names, "web"), ["web"]);
        assert_eq!(found(&names, "").len(), 4);
        assert!(found(&names, "zzz").is_empty());
    }

    #[test]
    fn a_long_list_says_that_there_is_more() {
        let result = complete((0..250).map(|it| format!("c{it:03}")), "c").unwrap().completion;
        assert_eq!((result.values.len(), result.total, result.has_more), (100, Some(250), Some(true)));
    }
}
