//! Good descriptors, and what is wrong with bad ones.

use serde_json::json;

use super::*;
use crate::elf::KernelObject;

const OBJECT: &[u8] = include_bytes!("../../tests/fixtures/counter.bpf.o");

/// A stream over the programs of the C fixture.
pub(crate) fn stream() -> Descriptor {
    serde_json::from_value(json!({
        "descriptor": 1,
        "contract": "gadgetry:gadget@0.1.0",
        "name": "counter",
        "version": "0.1.0",
        "title": "Counter",
        "description": "Counts opens.",
        "kind": "stream",
        "tools": [{
            "name": "counter",
            "title": "Counter",
            "description": "Counts opens.",
            "params": {"type": "object", "properties": {"failed": {"type": "boolean"}}},
            "row": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}},
            "columns": [{"field": "n", "title": "N", "width": 8}],
        }],
        "hooks": [{"name": "open", "prefer": ["on_open", "on_enter"], "when": "failed"}],
        "permissions": {"programs": ["tracepoint"]},
        "prompts": [{"name": "why", "title": "Why", "description": "Asks.", "text": "Why {{what}}?",
                     "arguments": [{"name": "what", "description": "The thing."}]}],
    }))
    .unwrap()
}

#[test]
fn a_good_one_passes_and_comes_back() {
    let object = KernelObject::parse(OBJECT).unwrap();
    let json = serde_json::to_vec(&stream()).unwrap();
    assert_eq!(Descriptor::parse(&json, Some(&object)).unwrap(), stream());
}

#[test]
fn everything_wrong_is_said_at_once_and_where() {
    let object = KernelObject::parse(OBJECT).unwrap();
    let long = "x".repeat(1024);
    let deep = (0..30).fold(json!(true), |inner, _| json!({"not": inner}));
    let cases = [
        ("/name", json!("Counter"), "name: `Counter` does not fit"),
        ("/contract", json!("other:thing@1.0.0"), "contract:"),
        ("/description", json!(long), "description: it has 1024 bytes; at most 1023"),
        ("/title", json!(""), "title: it is empty"),
        ("/title", json!("\u{1b}[31mred"), "title: it has control characters"),
        ("/tools", json!([]), "exactly one"),
        ("/tools/0/name", json!("other"), "is not the gadget's name"),
        ("/tools/0/params", json!({"type": "array"}), "must be of type object"),
        ("/tools/0/params/properties", json!({"duration": {}}), "`duration` is a name the host reserves"),
        ("/tools/0/params/properties", json!({"a b": {}}), "the name `a b` does not fit"),
        (
            "/tools/0/params/properties/failed",
            json!({"$ref": "https://example.org/s.json"}),
            "may only point into",
        ),
        ("/tools/0/row/properties/n", json!({"$ref": "file:///etc/passwd"}), "may only point into"),
        ("/tools/0/row/properties/n", json!({"$ref": "#/$defs/absent"}), "does not compile"),
        ("/tools/0/row/properties/n", json!({"$id": "https://example.org/"}), "`$id` is not allowed"),
        ("/tools/0/row/properties/n", json!({"type": "nonsense"}), "does not compile"),
        ("/tools/0/row/properties/n", deep, "nested deeper"),
        ("/tools/0/row/properties/n", json!({"enum": vec![1; 5000]}), "more than 4096 parts"),
        ("/tools/0/row/properties/n", json!({"description": "x".repeat(70_000)}), "at most 65536"),
        ("/hooks/0/prefer", json!(["absent"]), "the eBPF object has no program `absent`"),
        ("/hooks/0/prefer", json!([]), "names no program"),
        ("/hooks/0/when", json!("absent"), "`when` names no parameter"),
        ("/hooks", json!([]), "at least one"),
        ("/permissions/programs", json!(["Trace point"]), "permissions.programs"),
        ("/permissions/imports", json!(["http"]), "permissions.http: there must be one exactly if"),
        ("/permissions/imports", json!(["config"]), "permissions.config: there must be one exactly if"),
        (
            "/permissions/http",
            json!({"hosts": ["a.example"]}),
            "permissions.http: there must be one exactly if",
        ),
        ("/permissions/http", json!({"hosts": []}), "permissions.http.hosts: there must be 1 to 64"),
        ("/permissions/http", json!({"hosts": ["*"]}), "permissions.http.hosts[0]: `*` is no host"),
        ("/permissions/http", json!({"hosts": ["config:A"]}), "permissions.config has no `A`"),
        ("/permissions/http", json!({"hosts": [], "host": ""}), "unknown field `host`"),
        (
            "/permissions/config",
            json!([{"name": "a b", "description": "x"}]),
            "permissions.config[0]: its name",
        ),
        (
            "/permissions/config",
            json!([{"name": "A", "description": ""}]),
            "config[0].description: it is empty",
        ),
        ("/permissions/store", json!({"bytes": 1}), "`store` is not among the imports"),
        ("/permissions/store", json!({"entries": u64::MAX}), "at most 268435456 bytes"),
        ("/prompts/0/text", json!("Why {{who}}?"), "names `{{who}}`, which is no argument"),
        ("/links", json!({"homepage": "javascript:alert(1)"}), "https://"),
        ("/kind", json!("tool"), "a tool has no eBPF object"),
        ("/descriptor", json!(2), "it has version 2"),
        ("/unknown", json!(1), "unknown field `unknown`"),
    ];
    for (place, value, expected) in cases {
        let mut json = serde_json::to_value(stream()).unwrap();
        let (parent, name) = place.rsplit_once('/').unwrap();
        match json.pointer_mut(place) {
            Some(there) => *there = value,
            None => json.pointer_mut(parent).unwrap()[name] = value,
        }
        let error =
            Descriptor::parse(&serde_json::to_vec(&json).unwrap(), Some(&object)).unwrap_err().to_string();
        assert!(error.contains(expected), "{place}: {error}");
    }
    let mut two = stream();
    two.name = "Bad Name".into();
    two.title = String::new();
    assert_eq!(two.validate(None).unwrap_err().problems.len(), 4);
}

#[test]
fn a_tool_may_have_several_but_none_with_one_name() {
    let mut tool = stream();
    tool.kind = Kind::Tool;
    tool.hooks.clear();
    let mut second = tool.tools[0].clone();
    second.name = "other".into();
    tool.tools.push(second);
    tool.validate(None).unwrap();
    tool.tools[1].name = "counter".into();
    let error = tool.validate(None).unwrap_err().to_string();
    assert!(error.contains("a second tool has the name `counter`"), "{error}");
}
