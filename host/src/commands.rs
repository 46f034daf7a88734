//! What each command does.

mod agent;
pub(crate) mod deploy;
mod documents;
mod flags;
mod gadget;
mod mcp;
mod picture;
mod run;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{Cli, Command};

/// Does what was asked.
pub(crate) async fn run(cli: Cli, built_ins: &'static [u8]) -> Result<ExitCode> {
    match cli.command {
        Command::Mcp(flags) => mcp::run(*flags, built_ins).await,
        Command::Run(flags) => run::run(*flags, built_ins).await,
        Command::Agent(flags) => agent::run(*flags, built_ins).await,
        Command::Gadget(command) => gadget::run(command, built_ins).await,
        Command::Deploy(flags) => deploy::deploy(*flags).await,
        Command::Upgrade(flags) => deploy::upgrade(*flags).await,
        Command::Undeploy(flags) => deploy::undeploy(*flags).await,
        Command::Status(flags) => deploy::status(flags).await,
        Command::Docs { out } => documents::write(&out, built_ins).map(|()| ExitCode::SUCCESS),
    }
}
