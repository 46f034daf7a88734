//! Listing and calling: what each outcome below looks like from outside.

use gadgetry_mcp::{Options, Server};
use gadgetry_run::catalog::Catalog;
use rmcp::ServiceError;
use rmcp::model::{CacheScope, CallToolRequestParams, CallToolResult, ErrorCode, PaginatedRequestParams};
use serde_json::{Value, json};

use crate::stub::{Stub, catalog};
use crate::world::{COMBINATIONS, Era, World};

fn call(tool: &str) -> CallToolRequestParams {
    CallToolRequestParams::new(tool.to_owned())
}

fn text(result: &CallToolResult) -> String {
    let content = serde_json::to_value(&result.content).unwrap();
    assert_eq!(content.as_array().unwrap().len(), 1, "{content}");
    content[0]["text"].as_str().unwrap().to_owned()
}

fn read_only() -> Options {
    Options { read_only: true, ..Options::default() }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

#[tokio::test]
async fn the_list_is_ordered_and_says_everything() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let list = world.client.list_tools(None).await.unwrap();
        let names: Vec<_> = list.tools.iter().map(|tool| &*tool.name).collect();
        let own = ["describe_gadget", "get_run", "list_runs", "stop_run"];
        assert_eq!(names[..8], ["echo", "list", "panic", "pick", "write", "fail", "rows", "wait"]);
        assert_eq!(names[8..], own);
        let rows = serde_json::to_value(&list.tools[6]).unwrap();
        assert_eq!(rows["inputSchema"]["properties"], json!({"background": {"type": "boolean"}}));
        assert_eq!(
            serde_json::to_value(&list.tools[4]).unwrap(),
            json!({
                "name": "write",
                "title": "Title of write",
                "description": "Description of write",
                "inputSchema": {"type": "object"},
                "outputSchema": {"type": "object"},
                "annotations": {
                    "readOnlyHint": false,
                    "destructiveHint": false,
                    "idempotentHint": true,
                    "openWorldHint": false,
                },
            })
        );
        // The same bytes again, after a replacement by the same gadgets in another order too.
        let bytes = serde_json::to_string(&list.tools).unwrap();
        let turned = world.catalog.gadgets().iter().rev().cloned().collect::<Vec<_>>();
        Catalog::replace(&world.catalog, turned).unwrap();
        let again = world.client.list_tools(None).await.unwrap();
        assert_eq!(serde_json::to_string(&again.tools).unwrap(), bytes);

        let hints = (list.ttl_ms, list.cache_scope);
        match era {
            Era::Sessions => assert_eq!(hints, (None, None)),
            Era::Stateless => assert_eq!(hints, (Some(30_000), Some(CacheScope::Private))),
        }
        let cursor = PaginatedRequestParams::default().with_cursor(Some("2".into()));
        let error = world.client.list_tools(Some(cursor)).await.unwrap_err();
        assert!(
            matches!(&error, ServiceError::McpError(error) if error.code == ErrorCode::INVALID_PARAMS),
            "{error}"
        );
    }
}

#[tokio::test]
async fn it_says_who_it_is() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let info = world.client.peer_info().unwrap();
        let who = info.server_info.as_ref().unwrap();
        assert_eq!((&*who.name, &*who.version), ("gadgetry", env!("CARGO_PKG_VERSION")));
        assert_eq!(info.capabilities.tools.as_ref().unwrap().list_changed, Some(true));
        let instructions = info.instructions.as_deref().unwrap();
        assert!(instructions.contains("loss") && instructions.contains("looked_at"));
    }
}

#[tokio::test]
async fn an_answer_is_structured_and_the_same_as_text() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;

        let rows = world.client.call_tool(call("rows")).await.unwrap();
        let structured = rows.structured_content.as_ref().unwrap();
        assert_eq!(structured["rows"], json!([{"z": 1, "a": "é"}]));
        // The rows as a table, then what must be known before believing them.
        for part in ["z,a\n1,é\n", "LOST: 6 events", "gadget: stream"] {
            assert!(text(&rows).contains(part), "{part}: {}", text(&rows));
        }
        assert_eq!(structured["loss"]["total"], json!(6));
        assert_eq!(structured["gadget"]["digest"], json!("sha256:00"));
        assert_eq!(rows.is_error, Some(false));

        let Value::Object(arguments) = json!({"b": 1, "a": [true, null]}) else { unreachable!() };
        let echo = world.client.call_tool(call("echo").with_arguments(arguments.clone())).await.unwrap();
        assert_eq!(echo.structured_content, Some(Value::Object(arguments)));
        assert_eq!(text(&echo), r#"{"b":1,"a":[true,null]}"#);
        let meta = echo.meta.unwrap();
        assert_eq!(meta.0["gadgetry.dev/gadget"]["name"], json!("tools"));
    }
}

#[tokio::test]
async fn what_goes_wrong_below_is_a_tool_error() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        for (tool, says) in [
            ("pick", "argument `pid`: wanted an integer"),
            ("fail", "stub: the kernel said no"),
            ("list", "not a JSON object"),
            ("panic", "internal error"),
        ] {
            let result = world.client.call_tool(call(tool)).await.unwrap();
            assert_eq!(result.is_error, Some(true), "{tool}");
            assert_eq!(result.structured_content, None, "{tool}");
            assert!(text(&result).contains(says), "{tool}: {}", text(&result));
        }
        // And it goes on serving.
        assert_eq!(world.client.call_tool(call("rows")).await.unwrap().is_error, Some(false));
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_with_the_nearest_name() {
    for (transport, era) in COMBINATIONS {
        let world = World::with(transport, era, read_only()).await;
        let long = "x".repeat(1000);
        for (tool, says) in [
            ("rwos", "did you mean `rows`?"),
            ("nothing_like_it", "tools/list"),
            ("write", "--read-only"),
            ("wrte", "tools/list"),
            (&long, "xxx` is unknown"),
        ] {
            let error = world.client.call_tool(call(tool)).await.unwrap_err();
            let ServiceError::McpError(error) = error else { panic!("{error}") };
            assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
            assert!(error.message.contains(says) && error.message.len() < 200, "{}", error.message);
        }
    }
}

#[tokio::test]
async fn read_only_hides_what_may_change_something() {
    for (transport, era) in COMBINATIONS {
        let world = World::with(transport, era, read_only()).await;
        let list = world.client.list_tools(None).await.unwrap();
        let names: Vec<_> = list.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(
            names,
            ["echo", "list", "panic", "pick", "fail", "rows", "wait", "describe_gadget", "get_run"]
        );
    }
}

#[tokio::test]
async fn the_operator_chooses_tools() {
    for (transport, era) in COMBINATIONS {
        let options = Options {
            only: names(&["rows", "write", "echo"]),
            without: names(&["echo"]),
            ..Options::default()
        };
        let world = World::with(transport, era, options).await;
        let list = world.client.list_tools(None).await.unwrap();
        let listed: Vec<_> = list.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(listed, ["write", "rows", "describe_gadget", "get_run", "list_runs", "stop_run"]);
        for tool in ["echo", "wait"] {
            let error = world.client.call_tool(call(tool)).await.unwrap_err();
            let ServiceError::McpError(error) = error else { panic!("{error}") };
            assert!(error.message.contains("--disable-tools"), "{}", error.message);
        }
        // Prompts and resources follow the tools: those of a gadget without any are not there.
        let prompts = world.client.list_prompts(None).await.unwrap().prompts;
        assert!(prompts.iter().any(|it| it.name == "stream_ask"));
        assert!(!prompts.iter().any(|it| it.name == "slow_ask"));
        let resources = world.client.list_resources(None).await.unwrap().resources;
        assert!(!resources.iter().any(|it| it.uri.ends_with("/slow")));
    }
}

#[test]
fn an_unknown_name_in_the_operators_choice_is_refused() {
    let options = Options { only: names(&["rwos"]), ..Options::default() };
    let error = Server::new(catalog(), Stub::new(), vec![], options).err().unwrap().to_string();
    assert!(error.contains("--tools") && error.contains("`rows`"), "{error}");
}
