//! Flags of `gadgetry run`, beside those that follow from the gadget's own schema (see [`crate::commands::flags`]).

use std::ffi::OsString;

use clap::{Args, ValueEnum};

use super::agents::Agents;
use super::lend::Lend;
use super::trust::Trust;

/// Run a gadget here and print its rows.
#[derive(Debug, Args)]
#[command(
    after_help = "The gadget's own parameters are flags too: `gadgetry run trace_open --help` lists them."
)]
pub(crate) struct Run {
    /// Where images are kept, and whom to trust.
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// What the gadget is lent.
    #[command(flatten)]
    pub(crate) lend: Lend,
    /// Where it runs.
    #[command(flatten)]
    pub(crate) agents: Agents,
    /// Which tool of a gadget that has several.
    #[arg(long, value_name = "NAME")]
    pub(crate) tool: Option<String>,
    /// Built-in name, name under the default prefix, or reference with a registry.
    #[arg(value_name = "GADGET")]
    pub(crate) gadget: String,
    /// The gadget's own help: what `--help` after its name becomes.
    #[arg(long, hide = true)]
    pub(crate) gadget_help: bool,
    /// The gadget's parameters and the common ones.
    #[arg(value_name = "PARAMETERS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) parameters: Vec<OsString>,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Aligned columns, as rows come.
    Columns,
    /// One document at the end: rows, summary, loss, gadget.
    Json,
    /// One row a line, as rows come.
    Jsonl,
    /// Stacks for flame graph tools at the end, of a gadget that has them: functions, a blank, how much they count.
    Folded,
    /// A flame graph at the end, of a gadget that has stacks: `gadgetry run profile_cpu -o svg > cpu.svg`.
    Svg,
}
