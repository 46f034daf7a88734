//! A call nobody waits for any more is cancelled, and has ended before the server has.

use gadgetry_mcp::stdio;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest};
use rmcp::service::PeerRequestOptions;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog};
use crate::world::{COMBINATIONS, PATIENCE, World, listen, local, once, serving};

#[tokio::test]
async fn the_client_cancels() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let request =
            ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("wait")));
        let call =
            world.client.send_cancellable_request(request, PeerRequestOptions::no_options()).await.unwrap();
        once(&world.stub.begun, "the call did not begin").await;
        call.cancel(Some("enough".into())).await.unwrap();
        once(&world.stub.cancelled, &format!("{transport:?} {era:?}: not cancelled")).await;
        // The connection is still good.
        world.client.list_tools(None).await.unwrap();
    }
}

#[tokio::test]
async fn the_server_stops() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let client = world.client.peer().clone();
        let call = tokio::spawn(async move { client.call_tool(CallToolRequestParams::new("wait")).await });
        once(&world.stub.begun, "the call did not begin").await;
        world.stop.cancel();
        timeout(PATIENCE, world.served).await.expect("still serving").unwrap();
        assert_eq!(world.stub.cancelled.available_permits(), 1, "{transport:?} {era:?}: gone before its run");
        // The caller gets what there was until then.
        let answer = timeout(PATIENCE, call).await.expect("no answer").unwrap();
        assert_eq!(answer.unwrap().is_error, Some(false), "{transport:?} {era:?}");
    }
}

#[tokio::test]
async fn a_dropped_connection_cancels() {
    let (stub, stop) = (Stub::new(), CancellationToken::new());
    let (url, _served) = listen(serving(catalog(), stub.clone()), local(), stop).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","arguments":{},"_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{},
        "io.modelcontextprotocol/clientInfo":{"name":"test","version":"1"}}}}"#;
    let request = reqwest::Client::new()
        .post(url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "wait")
        .body(body)
        .send();
    let request = tokio::spawn(request);
    once(&stub.begun, "the call did not begin").await;
    request.abort();
    once(&stub.cancelled, "not cancelled").await;
}

const SESSION: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"#,
    r#""clientInfo":{"name":"test","version":"1"}}}"#,
    "\n",
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    "\n",
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"wait","arguments":{}}}"#,
    "\n",
);

#[tokio::test]
async fn the_end_of_the_input_ends_all() {
    let stub = Stub::new();
    let server = serving(catalog(), stub.clone());
    let (input, mut client_out) = tokio::io::duplex(1 << 16);
    let (output, client_in) = tokio::io::duplex(1 << 16);
    let served = tokio::spawn(stdio::serve_on(server, input, output, CancellationToken::new()));
    client_out.write_all(SESSION.as_bytes()).await.unwrap();
    once(&stub.begun, "the call did not begin").await;
    drop(client_out);
    timeout(PATIENCE, served).await.expect("still serving").unwrap().unwrap();
    assert_eq!(stub.cancelled.available_permits(), 1);
    // What the cancelled call had was still written, and nothing but messages.
    let mut lines = BufReader::new(client_in).lines();
    let mut ids = vec![];
    while let Some(line) = lines.next_line().await.unwrap() {
        let message: serde_json::Value = serde_json::from_str(&line).unwrap();
        ids.push(message["id"].as_i64());
    }
    assert_eq!(ids, [Some(1), Some(2)]);
}

#[tokio::test]
async fn a_client_that_says_nothing_or_nonsense_ends_it_too() {
    for (input, fine) in
        [("", true), ("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n", false)]
    {
        let server = serving(catalog(), Stub::new());
        let (near, far) = tokio::io::duplex(1 << 16);
        let (reader, mut writer) = tokio::io::split(near);
        let (server_in, server_out) = tokio::io::split(far);
        let served = tokio::spawn(stdio::serve_on(server, server_in, server_out, CancellationToken::new()));
        writer.write_all(input.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
        let ended = timeout(PATIENCE, served).await.expect("still serving").unwrap();
        assert_eq!(ended.is_ok(), fine, "{ended:?}");
        let mut rest = vec![];
        let mut reader = reader;
        reader.read_to_end(&mut rest).await.unwrap();
    }
}
