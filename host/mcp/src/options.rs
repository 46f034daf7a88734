//! What a server offers of what it has: the operator's choice, made at start and the same for every client.

use std::fmt;
use std::sync::Arc;

use gadgetry_run::runs::{DEFAULT_BUDGET, Limits};

use crate::access::Access;
use crate::listing::nearest;

/// How gadgets are shown to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Each is a tool.
    #[default]
    Full,
    /// A few tools find and run them, see [`crate::compact`].
    Compact,
}

/// The operator's choice.
#[derive(Clone, Debug)]
pub struct Options {
    /// How gadgets are shown.
    pub mode: Mode,
    /// Only tools that change nothing.
    pub read_only: bool,
    /// Only these tools; empty for all.
    pub only: Vec<String>,
    /// Not these tools.
    pub without: Vec<String>,
    /// Bytes of text in an answer; rows beyond are read with a cursor.
    pub budget: usize,
    /// What runs that outlive their call may take.
    pub runs: Limits,
    /// Says what callers may see; without it, everything.
    pub access: Option<Arc<dyn Access>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            read_only: false,
            only: Vec::new(),
            without: Vec::new(),
            budget: DEFAULT_BUDGET,
            runs: Limits::default(),
            access: None,
        }
    }
}

/// A tool named by the operator that no gadget has: a misspelt `--disable-tools` must not leave a tool enabled.
#[derive(Debug, thiserror::Error)]
pub struct UnknownTool {
    flag: &'static str,
    tool: String,
    like: Option<String>,
    all: Vec<String>,
}

impl fmt::Display for UnknownTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { flag, tool, like, all } = self;
        write!(f, "{flag}: there is no tool `{tool}`")?;
        match like {
            Some(like) => write!(f, "; did you mean `{like}`?"),
            None => write!(f, "; there are: {}", all.join(", ")),
        }
    }
}

/// Why a tool that exists is not offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    ReadOnly,
    NotChosen,
}

impl Withheld {
    /// For an error message, after the tool's name.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::ReadOnly => "may change something, and this server runs with --read-only",
            Self::NotChosen => "is not offered: this server's --tools or --disable-tools leave it out",
        }
    }
}

impl Options {
    /// Checks the names the operator gave against the tools there are.
    pub(crate) fn check(&self, tools: &[String]) -> Result<(), UnknownTool> {
        for (flag, names) in [("--tools", &self.only), ("--disable-tools", &self.without)] {
            if let Some(tool) = names.iter().find(|name| !tools.contains(name)) {
                let like = nearest(tool, tools.iter().map(String::as_str)).map(str::to_owned);
                return Err(UnknownTool { flag, tool: tool.clone(), like, all: tools.to_vec() });
            }
        }
        Ok(())
    }

    /// Whether the host's own tool `name` is offered: one of those that a gadget's answer speaks of, so that it is there
    /// unless the operator says otherwise by its name.
    pub(crate) fn has_own(&self, name: &str) -> bool {
        !self.without.iter().any(|it| it == name)
    }

    /// Why the tool `name`, whose readOnlyHint is `read_only`, is not offered, if it is not.
    pub(crate) fn withheld(&self, name: &str, read_only: bool) -> Option<Withheld> {
        if self.read_only && !read_only {
            return Some(Withheld::ReadOnly);
        }
        let chosen = self.only.is_empty() || self.only.iter().any(|it| it == name);
        let disabled = self.without.iter().any(|it| it == name);
        (!chosen || disabled).then_some(Withheld::NotChosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(read_only: bool, only: &[&str], without: &[&str]) -> Options {
        let owned = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        Options { read_only, only: owned(only), without: owned(without), ..Options::default() }
    }

    #[test]
    fn read_only_wins_over_a_choice() {
        for (options, read_only, found) in [
            (options(false, &[], &[]), false, None),
            (options(true, &[], &[]), true, None),
            (options(true, &["a"], &[]), false, Some(Withheld::ReadOnly)),
            (options(false, &["a"], &[]), false, None),
            (options(false, &["b"], &[]), false, Some(Withheld::NotChosen)),
            (options(false, &[], &["a"]), false, Some(Withheld::NotChosen)),
            (options(false, &["a"], &["a"]), false, Some(Withheld::NotChosen)),
        ] {
            assert_eq!(options.withheld("a", read_only), found, "{options:?}");
        }
    }

    #[test]
    fn names_that_are_no_tools_are_told() {
        let tools = ["trace_exec".to_owned(), "trace_open".to_owned()];
        assert!(options(false, &["trace_open"], &["trace_exec"]).check(&tools).is_ok());
        let error = options(false, &["trace_opne"], &[]).check(&tools).unwrap_err().to_string();
        assert_eq!(error, "--tools: there is no tool `trace_opne`; did you mean `trace_open`?");
        let error = options(false, &[], &["zzz"]).check(&tools).unwrap_err().to_string();
        assert_eq!(error, "--disable-tools: there is no tool `zzz`; there are: trace_exec, trace_open");
    }
}
