//! The MCP front as clients see it: the listing, both protocol eras, errors, and that the server goes on after each.

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::host::Host;
use serde_json::json;

const IMAGES: &str = "-gadget-images=trace_exec,trace_open,snapshot_process";

/// Compares with a golden file, or writes it when `UPDATE` is set.
#[track_caller]
fn golden(name: &str, found: &str) {
    let path = gadgetry_tests::root().join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, found).expect("the golden file");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == found,
        "{name} changed; if that is meant, run with UPDATE=1 and read the diff. Found:\n{found}"
    );
}

#[test]
fn the_listing_is_the_same_every_time() {
    let host = Host::new();
    let first = client::stdio(&host, "auto", &[IMAGES], Steps::new().list()).results;
    // The order of the images does not matter.
    let shuffled = "-gadget-images=snapshot_process,trace_open,trace_exec";
    let second = client::stdio(&host, "auto", &[shuffled], Steps::new().list()).results;
    assert_eq!(first, second);
    let tools = &first[0]["tools"];
    for tool in tools.as_array().expect("tools") {
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{hint} of {}", tool["name"]);
        }
        assert!(tool["description"].as_str().expect("a description").len() < 1024);
    }
    golden("tools.json", &serde_json::to_string_pretty(tools).expect("JSON"));
}

#[test]
fn both_eras_get_the_same_tools() {
    let host = Host::new();
    let legacy = client::stdio(&host, "legacy", &[IMAGES], Steps::new().list());
    let modern = client::stdio(&host, "2026-07-28", &[IMAGES], Steps::new().list());
    assert_eq!(legacy.protocol, "2025-11-25");
    assert_eq!(modern.protocol, "2026-07-28");
    assert_eq!(legacy.results[0]["tools"], modern.results[0]["tools"]);
}

#[test]
fn wrong_arguments_are_told_by_name_and_the_server_goes_on() {
    let host = Host::new();
    let cases = [
        (json!({"duration": "long"}), "duration"),
        (json!({"duration": -1}), "duration"),
        (json!({"duration": 1, "failed": "yes"}), "failed"),
        (json!({"max_rows": 0}), "max_rows"),
        (json!({"pid": 1.5}), "pid"),
        (json!({"comm": "a-name-that-is-far-too-long"}), "comm"),
        (json!({"durration": 1}), "did you mean `duration`"),
        (json!({"container": ["no-such-container"], "duration": 0.2}), "no-such-container"),
    ];
    let mut steps = Steps::new();
    for (arguments, _) in &cases {
        steps = steps.call("trace_open", arguments.clone());
    }
    let steps =
        steps.call("trace_opne", json!({})).call("snapshot_process", json!({"pid": std::process::id()}));
    let results = client::stdio(&host, "auto", &[IMAGES], steps).results;
    for ((arguments, part), result) in cases.iter().zip(&results) {
        assert_eq!(result["isError"], true, "{arguments}: {result}");
        let text = result["content"][0]["text"].as_str().expect("a text");
        assert!(text.contains(part), "{arguments}: {text}");
    }
    let unknown = &results[cases.len()];
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert!(unknown["error"]["message"].as_str().expect("a message").contains("trace_open"), "{unknown}");
    let answer = &results[cases.len() + 1]["structuredContent"];
    assert_eq!(answer["rows"][0]["pid"], std::process::id(), "{answer}");
}

#[test]
fn answers_are_what_their_schemas_say_and_the_text_tells_the_same() {
    let host = Host::new();
    let steps = Steps::new()
        .list()
        .call("snapshot_process", json!({"max_rows": 5}))
        .call("describe_gadget", json!({"name": "snapshot_process"}));
    let results = client::stdio(&host, "auto", &[IMAGES], steps).results;
    let tool = &results[0]["tools"].as_array().expect("tools")[0];
    assert_eq!(tool["name"], "snapshot_process");
    let answer = &results[1]["structuredContent"];
    let described = &results[2]["structuredContent"];
    // The list has the short schema, the description the whole one.
    for schema in [&tool["outputSchema"], &described["answer"]] {
        let validator = jsonschema::validator_for(schema).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert!(described["arguments"]["properties"]["sort"]["description"].is_string(), "{described}");
    let text = results[1]["content"][0]["text"].as_str().expect("text");
    for row in answer["rows"].as_array().expect("rows") {
        assert!(text.contains(&format!(",{},", row["pid"])), "{row} is not in {text}");
    }
    assert!(text.contains("lost: nothing"), "{text}");
    assert_eq!(answer["summary"]["returned"], 5);
    assert!(answer["summary"]["truncated"].as_u64() > Some(0));
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(5));
}

#[test]
fn an_empty_answer_says_what_was_looked_at() {
    let host = Host::new();
    let steps = Steps::new().call("trace_exec", json!({"duration": 0.3, "comm": "nobody-here"}));
    let answer = &client::stdio(&host, "auto", &[IMAGES], steps).results[0]["structuredContent"];
    assert_eq!(answer["rows"], json!([]));
    let looked = &answer["summary"]["looked_at"];
    assert!(!looked["programs"].as_array().expect("programs").is_empty(), "{answer}");
    assert!(looked["from"].as_str().expect("a time") < looked["to"].as_str().expect("a time"));
    assert!(answer["summary"]["duration_ms"].as_u64() >= Some(300));
}

#[test]
fn the_list_of_all_gadgets_is_short() {
    let host = Host::new();
    for (mode, most) in [("full", 24_000), ("compact", 3_000)] {
        let mode = format!("--tool-mode={mode}");
        let seen = client::stdio(&host, "auto", &[&mode], Steps::new().list());
        let tools = seen.results[0]["tools"].as_array().expect("tools");
        let bytes = serde_json::to_string(tools).expect("JSON").len();
        assert!(bytes < most, "{mode}: {} tools take {bytes} bytes", tools.len());
        for tool in tools {
            let description = tool["description"].as_str().expect("a description");
            assert!(description.len() < 1024, "{}: {} bytes", tool["name"], description.len());
        }
    }
}

#[test]
fn a_background_run_is_started_and_listed() {
    let host = Host::new();
    let steps = Steps::new()
        .call("trace_exec", json!({"background": true, "comm": "bg-test", "fields": ["comm", "pid"]}))
        .call("list_runs", json!({}))
        .and_call("get_run", json!({"id": "not-a-run"}));
    let results = client::stdio(&host, "auto", &[IMAGES], steps).results;
    let run = &results[0]["structuredContent"]["run"];
    assert_eq!(run["status"], "running", "{}", results[0]);
    assert_eq!(results[1]["structuredContent"]["runs"][0]["id"], run["id"]);
    assert_eq!(results[2]["isError"], true, "{}", results[2]);
}

#[test]
fn calls_run_side_by_side() {
    let host = Host::new();
    let start = std::time::Instant::now();
    let mut steps = Steps::new().call("trace_open", json!({"duration": 1.5, "comm": "nobody-here"}));
    for _ in 0..4 {
        steps = steps.and_call("trace_exec", json!({"duration": 1.5, "comm": "nobody-here"}));
    }
    let results = client::stdio(&host, "auto", &[IMAGES], steps).results;
    assert_eq!(results.len(), 5);
    for result in &results {
        assert!(result["structuredContent"]["summary"].is_object(), "{result}");
    }
    assert!(start.elapsed().as_secs() < 7, "five calls of 1.5 s took {:?}", start.elapsed());
}

#[test]
fn unknown_images_fail_at_start_with_the_nearest_name() {
    let host = Host::new();
    let error = host.fails(&["mcp", "-gadget-images=trace_opne"]);
    assert!(error.contains("trace_opne") && error.contains("trace_open"), "{error}");
}
