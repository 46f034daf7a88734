//! The command line: what can be asked, and by which flag or environment variable.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod dashes;
pub(crate) mod deploy;
pub(crate) mod gadget;
pub(crate) mod lend;
pub(crate) mod mcp;
pub(crate) mod run;
pub(crate) mod trust;

use clap::{Parser, Subcommand};

/// Sees what a machine is really doing: eBPF gadgets as signed images, at the shell and as MCP tools.
#[derive(Debug, Parser)]
#[command(name = "gadgetry", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Lines to standard error: error, warn, info, debug, trace, or a filter such as `gadgetry_run=debug`.
    #[arg(long, global = true, env = "GADGETRY_LOG_LEVEL", value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve gadgets as MCP tools.
    Mcp(Box<mcp::Mcp>),
    /// Run a gadget here, or on other nodes, and print its rows.
    Run(Box<run::Run>),
    /// Run gadgets on this node for a server elsewhere.
    Agent(Box<agent::Agent>),
    /// Make, build, publish and inspect gadgets.
    #[command(subcommand)]
    Gadget(gadget::Gadget),
    /// Install gadgetry into a cluster, or make what is installed as the flags say.
    Deploy(Box<deploy::Deploy>),
    /// Bring what is installed in a cluster to this version.
    Upgrade(Box<deploy::Upgrade>),
    /// Remove gadgetry from a cluster.
    Undeploy(Box<deploy::Undeploy>),
    /// Say what is installed in a cluster, and how it is.
    Status(deploy::Status),
    /// Write the generated parts of the documents.
    #[command(hide = true)]
    Docs {
        /// Folder to write to.
        #[arg(long, value_name = "DIR")]
        out: std::path::PathBuf,
    },
}
