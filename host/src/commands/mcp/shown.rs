//! What a server would offer, and how a client starts it, for a person who sets it up.

use anyhow::{Context, Result};
use gadgetry_mcp::Listed;
use serde_json::json;

/// The tools, a line each: name, and what the description begins with.
pub(super) fn tools(list: &[Listed]) -> String {
    let width = list.iter().map(|it| it.name.len()).max().unwrap_or_default();
    let line = |tool: &Listed| {
        let text = tool.description.as_deref().unwrap_or_default();
        let first = text.split(". ").next().unwrap_or_default().trim_end_matches('.');
        format!("{:width$}  {}\n", tool.name, crate::output::text::plain(first))
    };
    list.iter().map(line).collect()
}

/// The configuration that clients take: this program with these flags.
pub(super) fn config() -> Result<String> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|it| it.trim_start_matches('-') != "mcp-config").collect();
    let config = json!({"mcpServers": {"gadgetry": {"command": program, "args": arguments}}});
    serde_json::to_string_pretty(&config).context("cannot write the configuration")
}
