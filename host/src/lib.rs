//! The `gadgetry` command line: parses what is asked, sets the parts up, and lets them do it.
//!
//! Everything is in a library so that the binary proper is one line beside the built-in gadgets it carries.

mod approved;
mod cli;
mod cluster;
mod commands;
mod fleet;
mod output;
mod setup;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};

/// Runs the command line of this process. `built_ins`: a bundle of gadgets, or nothing.
pub fn main(built_ins: &'static [u8]) -> ExitCode {
    let cli = parse(std::env::args_os());
    log(cli.log_level.as_deref());
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("gadgetry: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(commands::run(cli, built_ins));
    // A pending read of standard input must not hold the process up.
    runtime.shutdown_background();
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gadgetry: {}", output::text::lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> Cli {
    let command = Cli::command();
    let mcp = command.find_subcommand("mcp");
    let long: Vec<&str> =
        mcp.into_iter().flat_map(|it| it.get_arguments()).filter_map(|it| it.get_long()).collect();
    // `log-level` is the whole command's, and one of the flags that may be given with one dash.
    let long: Vec<&str> = long.into_iter().chain(["log-level"]).collect();
    let arguments = cli::dashes::normalise(arguments, &long);
    let matches = command.get_matches_from(arguments);
    match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    }
}

/// Logs to standard error: standard output belongs to rows, or to the protocol.
fn log(level: Option<&str>) {
    let filter = EnvFilter::builder().parse_lossy(level.unwrap_or("warn,gadgetry_mcp=info,rmcp=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// All flags, for the documents.
fn markdown() -> String {
    let _ = Command::Docs { out: std::path::PathBuf::new() };
    clap_markdown::help_markdown::<Cli>()
}
