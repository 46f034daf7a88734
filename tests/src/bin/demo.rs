//! What `make run` shows: the MCP server started as an assistant would start it, its tools, and one call of
//! `trace_exec` while some processes start.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, Tool};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::process::Command;

const IMAGES: &str = "-gadget-images=trace_exec,trace_open,snapshot_process";
const SECONDS: u64 = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let binary = std::env::args().nth(1).context("usage: demo PATH-OF-GADGETRY")?;
    println!("$ gadgetry mcp {IMAGES}\n");
    let mut server = Command::new(&binary);
    server.args(["mcp", IMAGES]).env("GADGETRY_LOG_LEVEL", "warn");
    let client = ().serve(TokioChildProcess::new(server)?).await.context("cannot start the MCP server")?;

    println!("The tools an assistant sees:\n");
    for tool in client.list_all_tools().await? {
        show(&tool);
    }

    println!("\nCalling trace_exec for {SECONDS} seconds while some processes start ...\n");
    let mut request = CallToolRequestParams::new("trace_exec");
    let arguments = json!({"duration": SECONDS, "failed": true, "exits": false, "max_rows": 50});
    request.arguments = arguments.as_object().cloned();
    let (answer, ()) = tokio::join!(client.call_tool(request), some_processes());
    let answer = answer?;
    let answer = answer.structured_content.context("the answer holds no structured content")?;
    for row in answer["rows"].as_array().into_iter().flatten() {
        println!("  {}", serde_json::to_string(row)?);
    }
    println!();
    for part in ["summary", "loss", "gadget"] {
        println!("{part}: {}", serde_json::to_string(&answer[part])?);
    }
    client.cancel().await?;
    println!(
        "\nConfigure your MCP client with the command above; README.md has the configuration for copying."
    );
    Ok(())
}

fn show(tool: &Tool) {
    let description = tool.description.as_deref().unwrap_or_default();
    println!("  {}: {}", tool.name, description.lines().next().unwrap_or_default());
    let parameters = tool.input_schema.get("properties").and_then(Value::as_object);
    let names: Vec<_> = parameters.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    println!("      takes {}", names.join(", "));
}

/// What a newcomer would type into another window.
async fn some_processes() {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for line in ["uname -a", "ls /etc/hostname", "cat /etc/shadow | wc -l", "no-such-command", "id -u nobody"]
    {
        let shell =
            Command::new("/bin/sh").args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if let Err(error) = shell.await {
            eprintln!("cannot start /bin/sh: {error}");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
