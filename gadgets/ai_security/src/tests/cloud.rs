//! With a key: what is sent to the service, and how its answers are read.

use super::*;
use crate::{pan_batch_scan, pan_get_scan_reports, pan_get_scan_results, pan_inline_scan};

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn body(request: &Request) -> Json {
    serde_json::from_slice(&request.body).expect("JSON")
}

#[test]
fn a_scan_is_sent_whole_and_signed() {
    with_key();
    answering(|_| clean());
    let arguments = json!({
        "prompt": "hello", "context": "c", "tr_id": "t", "session_id": "s", "response": "",
        "metadata": {"app_name": "app", "agent_meta": {"agent_id": "7"}},
    });
    let answer = call::<pan_inline_scan>(arguments).unwrap();
    assert_eq!((&answer["backend"], &answer["category"]), (&json!("prisma-airs"), &json!("benign")));
    assert_eq!((&answer["timeout"], &answer["errors"]), (&json!(false), &json!([])));
    assert_eq!(answer["response_detected"], json!({}));
    let sent = testing::requests();
    let [request] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(request.url, "https://service.api.aisecurity.paloaltonetworks.com/v1/scan/sync/request");
    assert_eq!(header(request, "x-pan-token"), Some(KEY));
    assert_eq!(header(request, "content-type"), Some("application/json"));
    assert_eq!(header(request, "x-payload-hash").map(str::len), Some(64));
    assert!(request.idempotent);
    assert_eq!(
        body(request),
        json!({
            "tr_id": "t", "session_id": "s", "ai_profile": {"profile_name": "mine"},
            "metadata": {"app_name": "app", "agent_meta": {"agent_id": "7"}},
            "contents": [{"prompt": "hello", "context": "c"}],
        })
    );
}

#[test]
fn a_token_a_region_and_a_profile_of_the_callers() {
    testing::config("PANW_AI_SEC_API_TOKEN", Some("a-token-of-the-operator"));
    testing::config("AI_SECURITY_REGION", Some("EU"));
    testing::config("AI_SECURITY_PAYLOAD_HASH", Some("off"));
    answering(|_| clean());
    call::<pan_inline_scan>(json!({"prompt": "a", "profile": uuid(9)})).unwrap();
    testing::config("PANW_AI_SEC_API_ENDPOINT", Some("https://airs.example:8443/"));
    call::<pan_inline_scan>(json!({"prompt": "a", "profile": "theirs"})).unwrap();
    let [first, second] = &testing::requests()[..] else { panic!() };
    assert!(first.url.starts_with("https://service-de.api.aisecurity."), "{}", first.url);
    assert_eq!(header(first, "authorization"), Some("Bearer a-token-of-the-operator"));
    assert_eq!((header(first, "x-pan-token"), header(first, "x-payload-hash")), (None, None));
    assert_eq!(body(first)["ai_profile"], json!({"profile_id": uuid(9)}));
    assert_eq!(second.url, "https://airs.example:8443/v1/scan/sync/request");
    assert_eq!(body(second)["ai_profile"], json!({"profile_name": "theirs"}));
}

#[test]
fn answers_are_read_leniently_but_for_the_verdict() {
    with_key();
    answering(|_| {
        let mut answer = clean();
        answer["prompt_detected"] = json!({"injection": true, "quantum": true, "dlp": "yes", "agent": null});
        answer["tr_id"] = json!(5);
        answer["future"] = json!({"a": 1});
        answer["errors"] = Json::Null;
        answer
    });
    let answer = call::<pan_inline_scan>(json!({"prompt": "a"})).unwrap();
    assert_eq!(answer["prompt_detected"], json!({"injection": true, "quantum": true}));
    assert_eq!((answer.get("tr_id"), answer.get("future")), (None, None));
    for missing in ["action", "category", "scan_id"] {
        answering(move |_| {
            let mut answer = clean();
            answer.as_object_mut().unwrap().remove(missing);
            answer
        });
        let answer = call::<pan_inline_scan>(json!({"prompt": "a"})).unwrap();
        assert_eq!((&answer["category"], &answer["action"]), (&json!("error"), &json!("block")), "{missing}");
        assert!(answer["failure"]["message"].as_str().unwrap().contains(missing), "{answer}");
    }
}

#[test]
fn a_batch_goes_in_fives_and_each_has_its_own_outcome() {
    with_key();
    let mut number = 0;
    testing::http(move |_| {
        number += 1;
        match number {
            2 => Ok(Response::new(429)
                .with_body(r#"{"error":{"message":"m","retry_after":{"interval":1,"unit":"minute"}}}"#)),
            _ => Ok(json_of(&json!({"received": "2026-11-25T08:00:00Z", "scan_id": uuid(number)}))),
        }
    });
    let contents: Vec<_> = (1..=12).map(|number| json!({"prompt": format!("p{number}")})).collect();
    let answer = call::<pan_batch_scan>(json!({"scan_contents": contents, "tr_id": "t"})).unwrap();
    let items: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|it| it["req_ids"].clone()).collect();
    assert_eq!(items, [json!([1, 2, 3, 4, 5]), json!([11, 12])]);
    let error = &answer["errors"][0];
    assert_eq!((&error["req_ids"], &error["retry_after_seconds"]), (&json!([6, 7, 8, 9, 10]), &json!(60)));
    assert_eq!((&error["status"], &error["action"]), (&json!(429), &json!("block")));
    let sent = testing::requests();
    assert_eq!(sent.len(), 3);
    let last = body(&sent[2]);
    assert_eq!((&last[1]["req_id"], &last[1]["scan_req"]["tr_id"]), (&json!(12), &json!("t")));

    testing::config("AI_SECURITY_BATCH", Some("25"));
    call::<pan_batch_scan>(json!({"scan_contents": contents})).unwrap();
    assert_eq!(testing::requests().len(), 1);
    testing::config("AI_SECURITY_BATCH", None);
}

#[test]
fn a_batch_is_cut_where_a_request_would_be_too_large() {
    with_key();
    answering(|_| json!({"received": "2026-11-25T08:00:00Z", "scan_id": uuid(1)}));
    let large = "x".repeat(2 << 20);
    let quotes = "\"".repeat(3 << 20);
    let contents = [&large, &large, &large, &quotes, &large].map(|text| json!({"prompt": text}));
    let answer = call::<pan_batch_scan>(json!({"scan_contents": contents})).unwrap();
    let items: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|it| it["req_ids"].clone()).collect();
    assert_eq!(items, [json!([1, 2]), json!([3]), json!([5])]);
    // In JSON each quote is two bytes.
    assert_eq!(answer["errors"][0]["req_ids"], json!([4]));
    assert!(testing::requests().iter().all(|request| request.body.len() <= 5 << 20));
}

#[test]
fn results_are_asked_in_fives_and_come_in_order() {
    with_key();
    answering(|request| {
        let ids = request.url.split('=').nth(1).unwrap().split(',').map(str::to_owned);
        let known = ids.filter(|id| *id != uuid(3));
        let of = |id: String| {
            [2, 1].map(
                |req_id| json!({"req_id": req_id, "scan_id": id, "status": "complete", "result": clean()}),
            )
        };
        known.collect::<Vec<_>>().into_iter().rev().flat_map(of).collect()
    });
    let ids: Vec<_> = (1..=7).map(uuid).collect();
    let answer = call::<pan_get_scan_results>(json!({"scan_ids": ids})).unwrap();
    let order: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["scan_id"].as_str().unwrap().to_owned(), it["req_id"].as_u64().unwrap()))
        .collect();
    let wanted: Vec<_> =
        [1, 2, 4, 5, 6, 7].into_iter().flat_map(|id| [(uuid(id), 1), (uuid(id), 2)]).collect();
    assert_eq!(order, wanted);
    assert_eq!(answer["errors"][0]["ids"], json!([uuid(3)]));
    let urls: Vec<_> = testing::requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls.len(), 2);
    assert!(urls[1].ends_with(&format!("/v1/scan/results?scan_ids={},{}", uuid(6), uuid(7))), "{urls:?}");
}

#[test]
fn pending_results_are_waited_for_as_long_as_asked() {
    with_key();
    let scripted = || {
        let mut left = 3;
        answering(move |_| {
            left -= 1;
            match left {
                // Some say nothing, some an empty object.
                2 => json!([{"scan_id": uuid(1), "req_id": 1, "status": "pending"}]),
                1 => json!([{"scan_id": uuid(1), "req_id": 1, "status": "pending", "result": {}}]),
                _ => json!([{"scan_id": uuid(1), "req_id": 1, "status": "complete", "result": clean()}]),
            }
        });
    };
    testing::now(0);
    for (wait, status, requests) in [(0, "pending", 1), (1, "pending", 2), (30, "complete", 3)] {
        scripted();
        let answer = call::<pan_get_scan_results>(json!({"scan_ids": [uuid(1)], "wait": wait})).unwrap();
        assert_eq!(answer["results"][0]["status"], status, "{wait}: {answer}");
        assert_eq!(answer["errors"], json!([]));
        assert_eq!(testing::requests().len(), requests, "{wait}");
    }
}

#[test]
fn a_result_without_a_verdict_is_an_error() {
    with_key();
    answering(
        |_| json!([{"scan_id": uuid(1), "req_id": 1, "status": "complete", "result": {"category": "benign"}}]),
    );
    let answer = call::<pan_get_scan_results>(json!({"scan_ids": [uuid(1)], "wait": 30})).unwrap();
    assert_eq!(answer["results"], json!([]));
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("lacks action"), "{answer}");
}

#[test]
fn reports_are_asked_once_in_fives() {
    with_key();
    answering(|request| {
        let ids = request.url.split('=').nth(1).unwrap().split(',');
        let report = |id: &str| {
            json!({"report_id": id, "scan_id": id[1..], "req_id": 1, "transaction_id": "2882", "detection_results": [
                {"action": "allow", "data_type": "prompt", "detection_service": "pi", "result_detail": {}, "verdict": "benign"},
                {"action": "block", "data_type": "response", "detection_service": "tc", "verdict": "malicious",
                 "result_detail": {"tc_report": {"confidence": "high", "verdict": "malicious"}}},
            ]})
        };
        ids.map(report).collect()
    });
    let ids: Vec<_> = (1..=6).map(|id| format!("R{}", uuid(id))).collect();
    let answer = call::<pan_get_scan_reports>(json!({"report_ids": ids})).unwrap();
    let order: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|it| it["report_id"].as_str().unwrap()).collect();
    assert_eq!(order, ids);
    assert_eq!(
        answer["results"][0]["detection_results"][1]["result_detail"]["tc_report"]["confidence"],
        "high"
    );
    // Only reports are asked for, and nothing else.
    let sent = testing::requests();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|request| request.url.contains("/v1/scan/reports?report_ids=R")));
}

/// Whatever JSON the service sends, in whichever place: there is an answer, as the schema says, and no verdict is made up.
#[test]
fn garbage_is_never_taken_for_a_verdict() {
    with_key();
    let values = || {
        [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e300),
            json!(""),
            json!("x"),
            json!([]),
            json!([[]]),
            json!({}),
            json!({"a": [{}]}),
        ]
    };
    let names: Vec<String> = clean().as_object().unwrap().keys().cloned().collect();
    for value in values() {
        for name in &names {
            let mut answer = clean();
            answer[name] = value.clone();
            let item = json!([{"scan_id": uuid(1), "req_id": value, "status": "complete", "result": answer}]);
            let report = json!([{"report_id": format!("R{}", uuid(1)), "req_id": value, "detection_results": [
                {"verdict": value, "metadata": value, "result_detail": {"dlp_report": value, "pi_snippets": value, "urlf_report": [value]}},
                value,
            ]}]);
            answering(move |request| match request.url.split('/').next_back() {
                Some("request") => answer.clone(),
                Some(results) if results.starts_with("results") => item.clone(),
                _ => report.clone(),
            });
            let verdict = call::<pan_inline_scan>(json!({"prompt": "a"})).unwrap();
            let given = name != "action" && value.as_str().is_some_and(|text| !text.is_empty());
            if ["action", "category", "scan_id"].contains(&name.as_str()) && !given {
                assert_eq!(verdict["category"], "error", "{name}: {value}");
            }
            call::<pan_batch_scan>(json!({"scan_contents": [{"prompt": "a"}]})).unwrap();
            call::<pan_get_scan_results>(json!({"scan_ids": [uuid(1)]})).unwrap();
            call::<pan_get_scan_reports>(json!({"report_ids": [format!("R{}", uuid(1))]})).unwrap();
        }
    }
    for value in values() {
        let whole = value.clone();
        answering(move |_| whole.clone());
        assert_eq!(call::<pan_inline_scan>(json!({"prompt": "a"})).unwrap()["action"], "block", "{value}");
        let batch = call::<pan_batch_scan>(json!({"scan_contents": [{"prompt": "a"}]})).unwrap();
        assert_eq!(batch["errors"][0]["req_ids"], json!([1]), "{value}");
        let results = call::<pan_get_scan_results>(json!({"scan_ids": [uuid(1)]})).unwrap();
        assert_eq!(results["errors"][0]["ids"], json!([uuid(1)]), "{value}");
    }
}
