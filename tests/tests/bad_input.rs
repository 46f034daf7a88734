//! What bad input gets: an error that names the thing and the remedy, and a host that goes on serving.

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::host::Host;
use serde_json::json;

#[test]
fn a_component_that_misbehaves_ends_its_own_run_and_nothing_else() {
    let host = Host::new();
    let images = format!("-gadget-images=snapshot_process,{}", host.built("misbehaves"));
    let cases = [
        ("trap", "crashed"),
        ("loop", "did not return"),
        ("grow", "memory"),
        ("malformed", "row 1"),
        ("lie", "pid"),
        ("fail", "told to fail"),
    ];
    let mut steps = Steps::new();
    for (how, _) in cases {
        steps = steps.call("misbehaves", json!({"how": how}));
        steps = steps.call("snapshot_process", json!({"pid": std::process::id()}));
    }
    steps = steps.call("misbehaves", json!({"how": "well", "max_rows": 3}));
    let results = client::stdio(&host, "auto", &[&images, "--allow-unsigned"], steps).results;
    for (at, (how, part)) in cases.iter().enumerate() {
        let result = &results[2 * at];
        assert_eq!(result["isError"], true, "{how}: {result}");
        let text = result["content"][0]["text"].as_str().expect("a text");
        assert!(text.contains(part), "{how}: {text}");
        assert!(text.contains("misbehaves"), "{how}: {text}");
        let next = &results[2 * at + 1]["structuredContent"];
        assert_eq!(next["rows"][0]["pid"], std::process::id(), "after {how}: {next}");
    }
    let well = &results[2 * cases.len()]["structuredContent"];
    assert_eq!(well["summary"]["returned"], 3, "{well}");
    assert_eq!(well["gadget"]["signed_by"], "nobody (--allow-unsigned)");
}

#[test]
fn an_unsigned_image_does_not_run() {
    let host = Host::new();
    let image = host.built("echo");
    let error = host.fails(&["run", &image]);
    assert!(error.contains(&image) && error.contains("--allow-unsigned"), "{error}");
}

#[test]
fn a_helper_that_no_rule_grants_is_refused_before_load() {
    let host = Host::new();
    let image = host.built("writes_user");
    let error = host.fails(&["run", "--allow-unsigned", &image, "--duration", "1"]);
    assert!(error.contains("bpf_probe_write_user"), "{error}");
}

#[test]
fn a_verifier_rejection_names_program_and_reason() {
    let host = Host::new();
    let image = host.built("rejected");
    let error = host.fails(&["run", "--allow-unsigned", &image, "--duration", "1"]);
    assert!(error.contains("peek") && error.contains("verifier"), "{error}");
    // The log's last lines are there.
    assert!(error.contains("invalid mem access"), "{error}");
}

#[test]
fn two_gadgets_with_one_tool_name_are_refused_at_start() {
    let host = Host::new();
    let image = host.built("echo");
    let root = gadgetry_tests::root();
    let (sdk, folder) = (root.display().to_string(), root.join("tests/gadgets/echo").display().to_string());
    let other = "localhost:1/other/echo:v1";
    host.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", other]);
    let error = host.fails(&["mcp", &format!("-gadget-images={image},{other}"), "--allow-unsigned"]);
    assert!(error.contains("echo") && error.contains(&image) && error.contains(other), "{error}");
}

#[test]
fn without_cap_bpf_tools_are_listed_and_calls_say_what_is_missing() {
    let host = Host::new();
    let python = gadgetry_tests::target().join("venv/bin/python");
    assert!(python.exists(), "run `make setup-test` first");
    // setpriv takes the capability from the server the client starts, not from the client.
    let script = host.folder().join("unprivileged");
    let drop = "-bpf,-perfmon,-sys_admin";
    let text = format!(
        "#!/bin/sh\nexec setpriv --bounding-set={drop} --inh-caps={drop} --no-new-privs {} \"$@\"\n",
        Host::binary().display()
    );
    std::fs::write(&script, text).expect("the script");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).expect("the script's mode");
    let steps = Steps::new().list().call("trace_open", json!({"duration": 0.2}));
    let images = "-gadget-images=trace_open";
    let results = client::stdio_with(&host, "auto", &script, &[images], steps).results;
    assert_eq!(results[0]["tools"][0]["name"], "trace_open");
    let text = results[1]["content"][0]["text"].as_str().expect("a text");
    assert_eq!(results[1]["isError"], true);
    assert!(text.contains("CAP_BPF"), "{text}");
}
