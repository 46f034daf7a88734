//! Scans and their verdicts: what the service is known to answer, down to what it leaves out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Scans made so far.
#[derive(Default)]
pub(super) struct Scans {
    /// For how many requests results are pending.
    pub(super) pending: u32,
    made: BTreeMap<String, Made>,
}

struct Made {
    items: Vec<(u64, Value)>,
    pending: u32,
}

impl Scans {
    /// Makes one at once.
    pub(super) fn sync(&mut self, scan: &Value) -> Value {
        let id = self.make(vec![(0, scan.clone())], 0);
        verdict(&id, scan)
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self, batch: &[Value]) -> Value {
        let items =
            batch.iter().map(|item| (item["req_id"].as_u64().unwrap_or_default(), item["scan_req"].clone()));
        let id = self.make(items.collect(), self.pending);
        json!({"received": "2026-11-25T08:00:00.000000Z", "report_id": format!("R{id}"), "scan_id": id})
    }

    fn make(&mut self, items: Vec<(u64, Value)>, pending: u32) -> String {
        let id = format!("a43e8177-9776-465b-8ef3-{:012x}", self.made.len() + 1);
        self.made.insert(id.clone(), Made { items, pending });
        id
    }

    /// Results of those of `ids` that are known, in an order of its own.
    pub(super) fn results(&mut self, ids: &[String]) -> Value {
        let mut all = Vec::new();
        for id in ids.iter().rev() {
            let Some(made) = self.made.get_mut(id) else { continue };
            let done = made.pending == 0;
            made.pending = made.pending.saturating_sub(1);
            for (req_id, scan) in made.items.iter().rev() {
                all.push(if done {
                    json!({"req_id": req_id, "scan_id": id, "status": "complete", "result": verdict(id, scan)})
                } else {
                    json!({"req_id": req_id, "scan_id": id, "status": "pending"})
                });
            }
        }
        all.into()
    }

    /// Reports of those of `ids` that are known.
    pub(super) fn reports(&self, ids: &[String]) -> Value {
        let mut all = Vec::new();
        for report in ids {
            let id = report.trim_start_matches('R');
            for (req_id, scan) in self.made.get(id).into_iter().flat_map(|made| &made.items) {
                let malicious = bad(scan, "prompt");
                all.push(json!({
                    "report_id": report, "scan_id": id, "req_id": req_id, "transaction_id": "2882",
                    "detection_results": [
                        {"action": action(malicious), "data_type": "prompt", "detection_service": "pi",
                         "result_detail": {}, "verdict": word(malicious)},
                        {"action": "allow", "data_type": "prompt", "detection_service": "dlp", "verdict": "benign",
                         "result_detail": {"dlp_report": {"data_pattern_rule1_verdict": "NOT_MATCHED",
                            "data_pattern_rule2_verdict": "", "dlp_profile_name": "Sensitive Content"}}},
                        {"action": "allow", "data_type": "prompt", "detection_service": "uf", "verdict": "benign",
                         "result_detail": {"urlf_report": []}},
                    ],
                }));
            }
        }
        all.into()
    }
}

/// Without `timeout`, `error` and `errors`, and with an empty object for the side that was not scanned, as real ones.
fn verdict(id: &str, scan: &Value) -> Value {
    let side = |name: &str| match content(scan).get(name) {
        Some(_) => json!({"dlp": false, "injection": bad(scan, name), "url_cats": false}),
        None => json!({}),
    };
    let malicious = bad(scan, "prompt") || bad(scan, "response");
    let mut verdict = json!({
        "action": action(malicious), "category": word(malicious), "profile_name": super::PROFILE,
        "profile_id": "6e06ec5b-a128-4a4f-a393-ff5da75203d9", "prompt_detected": side("prompt"),
        "response_detected": side("response"), "report_id": format!("R{id}"), "scan_id": id,
        "completed_at": "2026-11-25T08:00:01Z",
    });
    for name in ["tr_id", "session_id"] {
        if let Some(given) = scan.get(name) {
            verdict[name] = given.clone();
        }
    }
    verdict
}

fn content(scan: &Value) -> &Value {
    scan["contents"].as_array().and_then(|contents| contents.last()).unwrap_or(&Value::Null)
}

/// It knows one attack.
fn bad(scan: &Value, name: &str) -> bool {
    let text = content(scan)[name].as_str().unwrap_or_default().to_lowercase();
    text.contains("ignore all previous instructions")
}

const fn action(malicious: bool) -> &'static str {
    if malicious { "block" } else { "allow" }
}

const fn word(malicious: bool) -> &'static str {
    if malicious { "malicious" } else { "benign" }
}
