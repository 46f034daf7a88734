//! Calls that are wrong: each is told by the parameter at fault.

use super::*;
use crate::{pan_batch_scan, pan_get_scan_reports, pan_get_scan_results, pan_inline_scan};

fn fault<T: Tool>(arguments: Json) -> Failure {
    call::<T>(arguments.clone()).expect_err(&arguments.to_string())
}

#[test]
fn nothing_to_scan() {
    let event =
        json!({"metadata": {"ecosystem": "mcp", "method": "tools/call", "server_name": "s"}, "input": ""});
    let cases = [
        (json!({}), "prompt", "nothing to scan"),
        (json!({"prompt": "", "response": ""}), "prompt", "nothing to scan"),
        (json!({"prompt": null, "response": null}), "prompt", "nothing to scan"),
        (json!({"context": "only"}), "prompt", "nothing to scan"),
        (json!({"tool_event": event}), "tool_event", "neither input nor output"),
        (json!({"tool_event": {"input": "x"}}), "tool_event.metadata", "must be given"),
        (json!({"prompt": 1}), "prompt", "wanted a string"),
        (json!({"prompt": "a", "tr_id": "x".repeat(101)}), "tr_id", "at most 100"),
        (json!({"promt": "a"}), "promt", "is unknown"),
    ];
    for (arguments, field, part) in cases {
        let failure = fault::<pan_inline_scan>(arguments.clone());
        assert_eq!(failure.field.as_deref(), Some(field), "{arguments}");
        assert!(failure.message.contains(part), "{arguments}: {failure}");
    }
}

#[test]
fn more_than_a_scan_takes() {
    let most = 2 << 20;
    let half = "x ".repeat(most / 4);
    call::<pan_inline_scan>(json!({"prompt": half, "response": half})).unwrap();
    let failure = fault::<pan_inline_scan>(json!({"prompt": half, "response": format!("{half}y")}));
    assert_eq!(failure.field.as_deref(), Some("response"));
    assert!(failure.message.contains("found 2097153"), "{failure}");
}

#[test]
fn batches() {
    let failure = fault::<pan_batch_scan>(json!({"scan_contents": []}));
    assert_eq!(
        (failure.field.as_deref(), failure.message.as_str()),
        (Some("scan_contents"), "is empty; give at least one")
    );
    let many = vec![json!({"prompt": "a"}); 251];
    assert!(fault::<pan_batch_scan>(json!({"scan_contents": many})).message.contains("at most 250"));
    let failure = fault::<pan_batch_scan>(json!({"scan_contents": [{"prompt": ""}]}));
    assert_eq!(failure.field.as_deref(), Some("scan_contents.0"));
    let failure = fault::<pan_batch_scan>(json!({"scan_contents": [{"prompt": "a"}, {"promt": "b"}]}));
    assert_eq!(failure.field.as_deref(), Some("scan_contents.1.promt"));
}

#[test]
fn ids() {
    let scan = uuid(1);
    let cases =
        ["", "1", &scan[1..], &format!("R{scan}"), &scan.replace('a', "g"), "x\u{e4}".repeat(200).as_str()]
            .map(str::to_owned);
    for id in cases {
        let failure = fault::<pan_get_scan_results>(json!({"scan_ids": [scan, id]}));
        assert_eq!(failure.field.as_deref(), Some("scan_ids.1"), "{id}");
        assert!(failure.message.len() < 300, "{failure}");
    }
    let failure = fault::<pan_get_scan_reports>(json!({"report_ids": [scan]}));
    assert_eq!(failure.field.as_deref(), Some("report_ids.0"));
    assert!(fault::<pan_get_scan_reports>(json!({"report_ids": []})).message.contains("at least one"));
    let many: Vec<_> = (0..51).map(uuid).collect();
    assert!(fault::<pan_get_scan_results>(json!({"scan_ids": many})).message.contains("at most 50"));
    assert!(
        fault::<pan_get_scan_results>(json!({"scan_ids": [scan], "wait": 101}))
            .message
            .contains("at most 100")
    );
}

#[test]
fn settings_of_the_operator() {
    let cases = [
        ("AI_SECURITY_BACKEND", "cloud", "expected local, prisma-airs, local-then-cloud"),
        ("AI_SECURITY_BACKEND", "prisma-airs", "has no credential"),
        ("AI_SECURITY_FAIL", "ajar", "expected open, closed"),
        ("AI_SECURITY_BATCH", "4", "from 5 to 25"),
        ("PANW_AI_PROFILE_ID", "mine", "expected a UUID"),
    ];
    for (name, value, part) in cases {
        testing::config(name, Some(value));
        let failure = fault::<pan_inline_scan>(json!({"prompt": "a"}));
        assert!(failure.message.contains(part), "{name}: {failure}");
        testing::config(name, None);
    }
    with_key();
    let cases = [
        ("AI_SECURITY_REGION", "mars", "expected us, de, eu, in, sg"),
        ("PANW_AI_SEC_API_ENDPOINT", "service", "expected a URL"),
        ("AI_SECURITY_PAYLOAD_HASH", "1", "expected on, off"),
        ("AI_SECURITY_TIMEOUT", "0", "from 1 to 60"),
    ];
    for (name, value, part) in cases {
        testing::config(name, Some(value));
        let failure = fault::<pan_inline_scan>(json!({"prompt": "a"}));
        assert!(failure.message.contains(part) && !failure.message.contains(KEY), "{name}: {failure}");
        testing::config(name, None);
    }
    testing::config("PANW_AI_PROFILE_NAME", None);
    assert_eq!(fault::<pan_inline_scan>(json!({"prompt": "a"})).field.as_deref(), Some("profile"));
    assert_eq!(
        fault::<pan_batch_scan>(json!({"scan_contents": [{"prompt": "a"}]})).field.as_deref(),
        Some("profile")
    );
}
