//! Runs that outlive their call, answers that are cut to their budget, progress, and tasks.

use std::sync::Arc;

use gadget_registry::descriptor::{Kind, View, ViewKind};
use gadgetry_mcp::Options;
use rmcp::model::{CallToolRequestParams, CallToolResult, ReadResourceRequestParams};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, catalog, gadget};
use crate::world::{COMBINATIONS, PATIENCE, World, listen, local, once, serving};

fn call(tool: &str, arguments: Value) -> CallToolRequestParams {
    let Value::Object(arguments) = arguments else { panic!("an object") };
    CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)
}

async fn called(world: &World, tool: &str, arguments: Value) -> CallToolResult {
    world.client.call_tool(call(tool, arguments)).await.unwrap()
}

fn structured(result: &CallToolResult) -> &Value {
    assert_eq!(result.is_error, Some(false), "{result:?}");
    result.structured_content.as_ref().unwrap()
}

fn text(result: &CallToolResult) -> String {
    serde_json::to_value(&result.content).unwrap()[0]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_run_goes_on_after_its_call_and_is_read_and_stopped() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let started = called(&world, "rows", json!({"background": true})).await;
        let id = structured(&started)["run"]["id"].as_str().unwrap().to_owned();
        assert!(text(&started).contains(&format!("get_run with id {id}")), "{}", text(&started));
        assert_eq!(structured(&started)["gadget"]["digest"], "sha256:00");

        let page = called(&world, "get_run", json!({"id": id, "wait": 5})).await;
        assert_eq!(structured(&page)["rows"], json!([{"n": 1}, {"n": 2}]));
        assert_eq!(structured(&page)["run"]["status"], "running");
        let cursor = structured(&page)["cursor"].as_str().unwrap();
        let none = called(&world, "get_run", json!({"cursor": cursor})).await;
        assert_eq!(structured(&none)["rows"], json!([]));

        let list = called(&world, "list_runs", json!({})).await;
        assert_eq!(structured(&list)["runs"][0]["id"], json!(id));
        assert_eq!(structured(&list)["runs"][0]["tool"], "stream");

        let stopped = called(&world, "stop_run", json!({"id": id})).await;
        assert_eq!(structured(&stopped)["run"]["status"], "stopped");
        once(&world.stub.cancelled, "not cancelled").await;
        let page = called(&world, "get_run", json!({"id": id})).await;
        assert_eq!(structured(&page)["rows"].as_array().unwrap().len(), 2);
        assert_eq!(structured(&page)["loss"]["total"], 1);
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_by_name() {
    let (transport, era) = COMBINATIONS[0];
    let world = World::new(transport, era).await;
    for (tool, arguments, says) in [
        ("rows", json!({"background": "yes"}), "`background`"),
        ("rows", json!({"background": true, "wrong": 1}), "`wrong`"),
        ("get_run", json!({}), "`id`"),
        ("get_run", json!({"id": "x".repeat(16)}), "list_runs"),
        ("get_run", json!({"cursor": "nonsense"}), "not a cursor"),
        ("get_run", json!({"id": "a", "wiat": 1}), "did you mean `wait`?"),
        ("get_run", json!({"id": "a", "wait": 1e9}), "wait"),
        ("stop_run", json!({}), "`id`"),
        ("list_runs", json!({"all": true}), "`all`"),
    ] {
        let result = called(&world, tool, arguments.clone()).await;
        assert_eq!(result.is_error, Some(true), "{tool} {arguments}");
        assert!(text(&result).contains(says), "{tool} {arguments}: {}", text(&result));
    }
    // A tool's own argument of that name is its own.
    let echo = called(&world, "echo", json!({"background": "mine"})).await;
    assert_eq!(structured(&echo), &json!({"background": "mine"}));
}

#[tokio::test]
async fn read_only_starts_and_stops_nothing() {
    for (transport, era) in COMBINATIONS {
        let world = World::with(transport, era, Options { read_only: true, ..Options::default() }).await;
        let list = world.client.list_tools(None).await.unwrap().tools;
        let named = |name: &str| list.iter().find(|it| it.name == name);
        assert!(named("get_run").is_some() && named("stop_run").is_none() && named("list_runs").is_none());
        assert!(!serde_json::to_string(&list).unwrap().contains("\"background\":"));
        let result = called(&world, "rows", json!({"background": true})).await;
        assert!(text(&result).contains("--read-only"), "{}", text(&result));
        assert!(world.client.call_tool(call("stop_run", json!({"id": "a"}))).await.is_err());
    }
}

#[tokio::test]
async fn an_answer_is_cut_to_its_budget_and_read_on() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let first = called(&world, "rows", json!({"many": 2000})).await;
        assert!(text(&first).len() <= 32 << 10, "{}", text(&first).len());
        let mut rows = structured(&first)["rows"].as_array().unwrap().clone();
        let mut cursor = structured(&first)["cursor"].as_str().unwrap().to_owned();
        assert!(text(&first).contains(&cursor));
        // One that is read without a wait, until nothing is left.
        loop {
            let page = called(&world, "get_run", json!({"cursor": cursor})).await;
            assert!(text(&page).len() <= 33 << 10, "{}", text(&page).len());
            rows.extend(structured(&page)["rows"].as_array().unwrap().iter().cloned());
            cursor = structured(&page)["cursor"].as_str().unwrap().to_owned();
            if structured(&page)["left"] == 0 {
                break;
            }
        }
        assert_eq!(rows.len(), 2001);
        assert_eq!(rows[2000]["n"], 1999);
    }
}

#[tokio::test]
async fn runs_of_another_caller_do_not_exist() {
    let stop = CancellationToken::new();
    let server = serving(catalog(), Stub::new());
    // The same server, once without and once with a token: two callers.
    let (open, _first) = listen(server.clone(), local(), stop.clone()).await;
    let token = "0123456789abcdef0123";
    let config = gadgetry_mcp::http::Config {
        token: Some(gadgetry_mcp::http::Secret::new(token).unwrap()),
        ..local()
    };
    let (closed, _second) = listen(server, config, stop.clone()).await;
    let started =
        post(&open, None, "tools/call", "rows", json!({"name": "rows", "arguments": {"background": true}}))
            .await;
    let id = started["result"]["structuredContent"]["run"]["id"].as_str().unwrap().to_owned();
    let get = json!({"name": "get_run", "arguments": {"id": id}});
    let mine = post(&open, None, "tools/call", "get_run", get.clone()).await;
    assert_eq!(mine["result"]["isError"], false, "{mine}");
    let theirs = post(&closed, Some(token), "tools/call", "get_run", get).await;
    assert_eq!(theirs["result"]["isError"], true, "{theirs}");
    let list =
        post(&closed, Some(token), "tools/call", "list_runs", json!({"name": "list_runs", "arguments": {}}))
            .await;
    assert_eq!(list["result"]["structuredContent"]["runs"], json!([]));
    stop.cancel();
}

#[tokio::test]
async fn runs_end_with_the_server() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        called(&world, "rows", json!({"background": true})).await;
        world.stop.cancel();
        tokio::time::timeout(PATIENCE, world.served).await.expect("still serving").unwrap();
        assert_eq!(world.stub.cancelled.available_permits(), 1, "{transport:?} {era:?}");
    }
}

#[tokio::test]
async fn progress_is_told_to_who_asks() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        // The SDK's client gives every request a token.
        called(&world, "rows", json!({})).await;
        let told = world.client.service().progress.lock().unwrap().clone();
        assert!(!told.is_empty(), "{transport:?} {era:?}: nothing was told");
        let values: Vec<f64> = told.iter().map(|it| it.progress).collect();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
        let last = told.last().unwrap();
        assert_eq!((last.progress, last.total), (3.0, Some(3.0)));
        assert_eq!(last.message.as_deref(), Some("30 events, 0 rows, 0 lost"));
    }
}

/// A request of the stateless era, as bare HTTP; the message that answers it.
async fn post(url: &str, token: Option<&str>, method: &str, name: &str, params: Value) -> Value {
    send(url, token, method, name, params, json!({})).await
}

async fn send(
    url: &str,
    token: Option<&str>,
    method: &str,
    name: &str,
    mut params: Value,
    capabilities: Value,
) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": capabilities,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut request = reqwest::Client::new()
        .post(url)
        .header("Content-Type", "application/json")
        .header("Accept", "application/json, text/event-stream")
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", method)
        .header("Mcp-Name", name)
        .body(body.to_string());
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_client_that_takes_tasks_gets_a_task() {
    let stop = CancellationToken::new();
    let (url, _served) = listen(serving(catalog(), Stub::new()), local(), stop.clone()).await;
    let tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let start = async |duration: Value| {
        let arguments = json!({"name": "rows", "arguments": {"background": true, "duration": duration}});
        let created = send(&url, None, "tools/call", "rows", arguments, tasks.clone()).await;
        assert_eq!(created["result"]["resultType"], "task", "{created}");
        assert_eq!(created["result"]["status"], "working");
        assert_eq!(created["result"]["ttlMs"], 3_600_000);
        created["result"]["taskId"].as_str().unwrap().to_owned()
    };
    let get = async |id: &str| {
        send(&url, None, "tasks/get", id, json!({"taskId": id}), tasks.clone()).await["result"].clone()
    };
    // One that comes to its end.
    let id = start(json!(0.5)).await;
    assert_eq!(get(&id).await["status"], "working");
    let mut task = json!(null);
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        task = get(&id).await;
        if task["status"] != "working" {
            break;
        }
    }
    assert_eq!(task["status"], "completed", "{task}");
    assert_eq!(task["result"]["structuredContent"]["rows"], json!([{"n": 1}, {"n": 2}]));
    // The run tools speak of the same run.
    let page =
        post(&url, None, "tools/call", "get_run", json!({"name": "get_run", "arguments": {"id": id}})).await;
    assert_eq!(page["result"]["structuredContent"]["run"]["status"], "ended", "{page}");
    // One that is cancelled.
    let id = start(json!(600)).await;
    let ack = send(&url, None, "tasks/cancel", &id, json!({"taskId": id}), tasks.clone()).await;
    assert!(ack["error"].is_null(), "{ack}");
    assert_eq!(get(&id).await["status"], "cancelled");
    // One that there is not.
    let none = send(&url, None, "tasks/get", "none", json!({"taskId": "none"}), tasks.clone()).await;
    assert_eq!(none["error"]["code"], -32602, "{none}");
    // A client that does not declare the extension gets none.
    let plain =
        post(&url, None, "tools/call", "rows", json!({"name": "rows", "arguments": {"background": true}}))
            .await;
    assert!(plain["result"]["structuredContent"]["run"]["id"].is_string(), "{plain}");
    stop.cancel();
}

#[tokio::test]
async fn an_answer_that_can_be_drawn_links_to_its_picture() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let mut drawn = gadget("stream", Kind::Stream, &["rows"]);
        let view = View {
            kind: ViewKind::FlameGraph,
            stack: "stack".into(),
            weight: vec!["samples".into()],
            root: vec!["comm".into()],
        };
        Arc::get_mut(&mut drawn).unwrap().descriptor.views = vec![view];
        world.catalog.replace(vec![drawn]).unwrap();
        let templates = world.client.list_resource_templates(None).await.unwrap().resource_templates;
        assert!(templates.iter().any(|it| it.uri_template == "gadgetry://runs/{id}/flamegraph.svg"));

        let answer = called(&world, "rows", json!({"stack": true})).await;
        let content = serde_json::to_value(&answer.content).unwrap();
        assert_eq!(content[1]["type"], "resource_link", "{content}");
        assert_eq!(content[1]["mimeType"], "image/svg+xml");
        let uri = content[1]["uri"].as_str().unwrap();
        let read = |uri: &str| world.client.read_resource(ReadResourceRequestParams::new(uri));
        let picture = serde_json::to_value(read(uri).await.unwrap().contents).unwrap();
        let svg = picture[0]["text"].as_str().unwrap();
        assert!(svg.contains("<svg") && svg.contains("work&lt;a&gt;"), "{svg}");
        let id = uri.split('/').nth(3).unwrap();
        assert!(read(&uri.replace(id, "aaaaaaaaaaaaaaaa")).await.is_err());

        let started = called(&world, "rows", json!({"background": true})).await;
        assert!(text(&started).contains("/flamegraph.svg"), "{}", text(&started));
    }
}

#[test]
fn the_hosts_tools_are_reserved_names() {
    for tool in ["describe_gadget", "get_run", "list_runs", "run_gadget", "search_gadgets", "stop_run"] {
        assert!(gadget_registry::descriptor::RESERVED_TOOLS.contains(&tool), "{tool}");
    }
}
