//! The seccomp profile that runtimes give to containers that ask for the usual one (`RuntimeDefault`): Debian's, which the
//! package of buildah brings, is of 2022. Runtimes have got two rules since, which are added here: who has the capability
//! BPF may call `bpf`, and who has PERFMON `perf_event_open`.

use serde_json::{Value, json};

const PROFILE: &str = "/usr/share/containers/seccomp.json";
const SINCE: [(&str, &str); 2] = [("bpf", "CAP_BPF"), ("perf_event_open", "CAP_PERFMON")];

/// The profile for a container with these capabilities (`CAP_BPF`), as a runtime's configuration has it.
pub fn runtime_default(capabilities: &[String]) -> Value {
    let text = std::fs::read_to_string(PROFILE);
    let text = text.unwrap_or_else(|error| panic!("{PROFILE}: {error} (make setup-test)"));
    let mut profile: Value = serde_json::from_str(&text).expect("JSON");
    let rules = profile["syscalls"].as_array_mut().expect("rules");
    for rule in rules.iter_mut().filter(|it| it["action"] != "SCMP_ACT_ALLOW") {
        let names = rule["names"].as_array_mut().expect("names");
        names.retain(|name| SINCE.iter().all(|(call, _)| name != call));
    }
    rules.extend(SINCE.map(|(call, capability)| {
        json!({"names": [call], "action": "SCMP_ACT_ALLOW", "includes": {"caps": [capability]}})
    }));
    let (arch, name) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", "SCMP_ARCH_X86_64"),
        "aarch64" => ("arm64", "SCMP_ARCH_AARCH64"),
        other => panic!("no profile is known for {other}"),
    };
    let has = |list: &Value, wanted: &dyn Fn(&str) -> bool| {
        list.as_array().is_some_and(|it| it.iter().filter_map(Value::as_str).any(wanted))
    };
    let lacks = |it: &str| !capabilities.iter().any(|own| own == it);
    let applies = |rule: &Value| {
        let (with, without) = (&rule["includes"], &rule["excludes"]);
        let here = with["arches"].is_null() || has(&with["arches"], &|it| it == arch);
        here && !has(&with["caps"], &lacks)
            && !has(&without["caps"], &|it| !lacks(it))
            && !has(&without["arches"], &|it| it == arch)
    };
    let calls: Vec<Value> = rules
        .iter()
        .filter(|rule| applies(rule) && rule["names"].as_array().is_some_and(|it| !it.is_empty()))
        .map(|rule| {
            let mut call = json!({"names": rule["names"], "action": rule["action"]});
            for field in ["args", "errnoRet"] {
                if !rule[field].is_null() {
                    call[field] = rule[field].clone();
                }
            }
            call
        })
        .collect();
    json!({"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": [name], "syscalls": calls})
}
