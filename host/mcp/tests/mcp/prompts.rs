//! Prompts of the host and of gadgets: listed, got, and refused for what is wrong with the request.

use gadget_registry::descriptor::Kind;
use gadgetry_run::catalog::Catalog;
use rmcp::ServiceError;
use rmcp::model::{ErrorCode, GetPromptRequestParams, GetPromptResult};
use serde_json::{Value, json};

use crate::stub::{gadget, prompt};
use crate::world::{COMBINATIONS, World};

fn get(name: &str, arguments: Value) -> GetPromptRequestParams {
    let Value::Object(arguments) = arguments else { unreachable!() };
    GetPromptRequestParams::new(name).with_arguments(arguments)
}

fn text(result: &GetPromptResult) -> String {
    let messages = serde_json::to_value(&result.messages).unwrap();
    assert_eq!(messages.as_array().unwrap().len(), 1, "{messages}");
    assert_eq!(messages[0]["role"], "user");
    messages[0]["content"]["text"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_hosts_and_the_gadgets_are_listed() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let list = world.client.list_prompts(None).await.unwrap().prompts;
        let names: Vec<_> = list.iter().map(|it| &*it.name).collect();
        assert_eq!(
            names,
            [
                "broken_ask",
                "dns_trouble",
                "security_observability",
                "slow_ask",
                "slow_service",
                "stream_ask",
                "tools_ask",
                "what_changed_on_disk",
            ]
        );
        assert_eq!(
            serde_json::to_value(&list[0]).unwrap(),
            json!({
                "name": "broken_ask",
                "title": "Title of broken_ask",
                "description": "Description of broken_ask",
                "arguments": [
                    {"name": "container", "description": "Which", "required": true},
                    {"name": "tool", "description": "By what", "required": false},
                ],
            })
        );
    }
}

#[tokio::test]
async fn arguments_are_put_in_and_missing_tools_told() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        let asked = get("stream_ask", json!({"container": "web"}));
        let got = world.client.get_prompt(asked).await.unwrap();
        assert_eq!(got.description.as_deref(), Some("Description of stream_ask"));
        let found = text(&got);
        assert!(found.starts_with("Look at web with (not given) and `trace_open`.\n\n"), "{found}");
        assert!(found.contains("Not offered by this server: `trace_open`."), "{found}");

        let asked = get("security_observability", json!({"container": "web", "seconds": "7"}));
        let found = text(&world.client.get_prompt(asked).await.unwrap());
        for part in ["Container to look at: web.", "Watch for 7 seconds", "`snapshot_process`"] {
            assert!(found.contains(part), "{part}: {found}");
        }
        let (_, missing) = found.split_once("Not offered by this server: ").unwrap();
        for tool in ["`snapshot_process`", "`trace_exec`", "`trace_open`"] {
            assert!(missing.contains(tool), "{tool}: {missing}");
        }
    }
}

#[tokio::test]
async fn a_tool_that_is_there_is_not_told_as_missing() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        world.catalog.replace(vec![gadget("trace_open", Kind::Stream, &["trace_open"])]).unwrap();
        let asked = get("trace_open_ask", json!({"container": "web", "tool": "care"}));
        let got = world.client.get_prompt(asked).await.unwrap();
        assert_eq!(text(&got), "Look at web with care and `trace_open`.");
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_by_name() {
    for (transport, era) in COMBINATIONS {
        let world = World::new(transport, era).await;
        for (name, arguments, says) in [
            ("slow_servcie", json!({}), "did you mean `slow_service`?"),
            ("nothing_like_it", json!({}), "prompts/list"),
            ("slow_service", json!({}), "argument `service` of the prompt `slow_service` is required"),
            ("slow_service", json!({"servce": "web"}), "did you mean `service`?"),
            ("slow_service", json!({"service": 5}), "must be a string"),
        ] {
            let error = world.client.get_prompt(get(name, arguments)).await.unwrap_err();
            let ServiceError::McpError(error) = error else { panic!("{error}") };
            assert_eq!(error.code, ErrorCode::INVALID_PARAMS);
            assert!(error.message.contains(says), "{}", error.message);
        }
    }
}

#[tokio::test]
async fn prompts_of_one_name_are_told_apart() {
    let (transport, era) = COMBINATIONS[0];
    let world = World::new(transport, era).await;
    let mut gadgets = vec![];
    for name in ["first", "second"] {
        let mut gadget = std::sync::Arc::into_inner(gadget(name, Kind::Stream, &[name])).unwrap();
        gadget.descriptor.prompts.extend([prompt("same"), prompt("dns_trouble")]);
        gadgets.push(std::sync::Arc::new(gadget));
    }
    Catalog::replace(&world.catalog, gadgets).unwrap();
    let list = world.client.list_prompts(None).await.unwrap().prompts;
    let names: Vec<_> = list.iter().map(|it| &*it.name).collect();
    for name in ["first.same", "second.same", "first.dns_trouble", "second.dns_trouble", "dns_trouble"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"same"));
    // The host's own is not shadowed.
    let got = world.client.get_prompt(get("dns_trouble", json!({}))).await.unwrap();
    assert!(text(&got).starts_with("Find out what is wrong with name resolution"));
}
