//! What the derive makes of parameters: the schema that callers see, and how arguments are read.

extern crate gadget_sdk as gadget;

use gadget::{
    Choice, Failure, Params, Serde,
    serde_json::{Value, json},
    testing,
};

#[derive(gadget::Params, Debug, PartialEq)]
struct All {
    /// Only
    /// these.
    failed: bool,
    /// How many.
    #[param(default = 10, min = 1, max = 100)]
    count: u32,
    #[param(default = "ext4")]
    filesystem: String,
    #[param(min = -1.5)]
    ratio: f64,
    signed: i8,
    big: u64,
    #[param(default = Order::Up)]
    order: Order,
    names: Vec<String>,
    #[param(max = 7)]
    maybe: Option<u16>,
    pair: Option<Serde<(u8, String)>>,
}

#[derive(Choice, Clone, Copy, Debug, PartialEq)]
enum Order {
    Up,
    AllDown,
}

fn parse<P: Params>(arguments: Value) -> Result<P, Failure> {
    match arguments {
        Value::Object(arguments) => P::parse(arguments),
        other => panic!("{other} is no object"),
    }
}

fn defaults() -> All {
    All {
        failed: false,
        count: 10,
        filesystem: "ext4".to_owned(),
        ratio: 0.0,
        signed: 0,
        big: 0,
        order: Order::Up,
        names: Vec::new(),
        maybe: None,
        pair: None,
    }
}

#[test]
fn the_schema() {
    let schema = testing::params_schema::<All>();
    let mut pair = schema["properties"]["pair"].clone();
    assert_eq!(pair["type"], "array");
    pair.as_object_mut().expect("an object").clear();
    assert_eq!(
        json!({"type": schema["type"], "additionalProperties": schema["additionalProperties"]}),
        json!({"type": "object", "additionalProperties": false})
    );
    assert_eq!(schema.get("required"), None);
    let wanted = json!({
        "failed": {"type": "boolean", "description": "Only these.", "default": false},
        "count": {"type": "integer", "minimum": 1, "maximum": 100, "description": "How many.", "default": 10},
        "filesystem": {"type": "string", "default": "ext4"},
        "ratio": {"type": "number", "minimum": -1.5, "default": 0.0},
        "signed": {"type": "integer", "minimum": -128, "maximum": 127, "default": 0},
        "big": {"type": "integer", "minimum": 0, "default": 0},
        "order": {"type": "string", "enum": ["up", "all_down"], "default": "up"},
        "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "maybe": {"type": "integer", "minimum": 0, "maximum": 7},
    });
    for (name, property) in wanted.as_object().expect("an object") {
        assert_eq!(&schema["properties"][name], property, "{name}");
    }
    jsonschema::draft202012::new(&schema).expect("a valid schema");
    assert_eq!(
        testing::params_schema::<()>(),
        json!({"type": "object", "properties": {}, "additionalProperties": false})
    );
}

#[test]
fn arguments_are_read() {
    assert_eq!(parse::<All>(json!({})), Ok(defaults()));
    assert_eq!(
        parse::<All>(json!({"failed": true, "count": 5.0, "filesystem": "xfs", "ratio": -1, "signed": -128,
            "big": u64::MAX, "order": "all_down", "names": ["a"], "maybe": 7, "pair": [1, "x"]})),
        Ok(All {
            failed: true,
            count: 5,
            filesystem: "xfs".to_owned(),
            ratio: -1.0,
            signed: -128,
            big: u64::MAX,
            order: Order::AllDown,
            names: vec!["a".to_owned()],
            maybe: Some(7),
            pair: Some(Serde((1, "x".to_owned()))),
        })
    );
}

#[test]
fn failures_name_the_field_and_agree_with_the_schema() {
    let validator = jsonschema::draft202012::new(&testing::params_schema::<All>()).expect("a valid schema");
    let cases = [
        (json!({"failed": "yes"}), "failed", "wanted true or false, found \"yes\""),
        (json!({"failed": null}), "failed", "wanted true or false, found null"),
        (json!({"count": 0}), "count", "wanted at least 1, found 0"),
        (json!({"count": 101}), "count", "wanted at most 100, found 101"),
        (json!({"count": 1.5}), "count", "wanted an integer from 0 to 4294967295, found 1.5"),
        (json!({"count": "5"}), "count", "wanted an integer from 0 to 4294967295, found \"5\""),
        (json!({"filesystem": 1}), "filesystem", "wanted a string, found 1"),
        (json!({"ratio": -2}), "ratio", "wanted at least -1.5, found -2"),
        (json!({"signed": 128}), "signed", "wanted an integer from -128 to 127, found 128"),
        (json!({"big": -1}), "big", "wanted an integer from 0 to 18446744073709551615, found -1"),
        (json!({"order": "down"}), "order", "wanted one of up, all_down, found \"down\""),
        (json!({"names": "a"}), "names", "wanted an array, found \"a\""),
        (json!({"names": ["a", 1]}), "names.1", "wanted a string, found 1"),
        (json!({"maybe": 8}), "maybe", "wanted at most 7, found 8"),
        (
            json!({"fialed": true}),
            "fialed",
            "is unknown; parameters are failed, count, filesystem, ratio, signed, big, order, names, maybe, pair",
        ),
    ];
    for (arguments, field, message) in cases {
        assert_eq!(parse::<All>(arguments.clone()), Err(Failure::of(field, message)), "{arguments}");
        assert!(!validator.is_valid(&arguments), "{arguments}");
    }
}

#[derive(gadget::Params, Debug, PartialEq)]
struct Outer {
    /// The one.
    #[param(nullable)]
    one: Option<Inner>,
    #[param(required)]
    many: Vec<Inner>,
    #[param(nullable)]
    order: Option<Order>,
}

#[derive(gadget::Params, Debug, PartialEq)]
struct Inner {
    #[param(required)]
    name: String,
    #[param(nullable)]
    note: Option<String>,
}

#[test]
fn parameters_within_parameters() {
    let schema = testing::params_schema::<Outer>();
    let inner = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "note": {"type": ["string", "null"]}},
        "required": ["name"],
        "additionalProperties": false,
    });
    assert_eq!(schema["properties"]["many"], json!({"type": "array", "items": inner}));
    assert_eq!(schema["properties"]["one"]["type"], json!(["object", "null"]));
    assert_eq!(
        schema["properties"]["order"],
        json!({"type": ["string", "null"], "enum": ["up", "all_down", null]})
    );
    let inner =
        |name: &str, note: Option<&str>| Inner { name: name.to_owned(), note: note.map(str::to_owned) };
    let outer = parse::<Outer>(
        json!({"one": null, "many": [{"name": "a"}, {"name": "b", "note": "c"}, {"name": "d", "note": null}]}),
    );
    let many = vec![inner("a", None), inner("b", Some("c")), inner("d", None)];
    assert_eq!(outer, Ok(Outer { one: None, many, order: None }));
    let cases = [
        (json!({"many": [], "one": 1}), "one", "wanted an object, found 1"),
        (json!({"many": [{"name": "a"}, {}]}), "many.1.name", "must be given"),
        (json!({"many": [{"name": "a", "x": 1}]}), "many.0.x", "is unknown; parameters are name, note"),
        (json!({"many": null}), "many", "wanted an array, found null"),
    ];
    let validator = jsonschema::draft202012::new(&schema).expect("a valid schema");
    for (arguments, field, message) in cases {
        assert_eq!(parse::<Outer>(arguments.clone()), Err(Failure::of(field, message)), "{arguments}");
        assert!(!validator.is_valid(&arguments), "{arguments}");
    }
    // What was read can be told of again.
    let mut out = Vec::new();
    gadget::Value::write(&inner("a", Some("b")), &mut out);
    assert_eq!(out, br#"{"name":"a","note":"b"}"#);
}

#[test]
fn a_long_value_is_not_quoted_whole() {
    let error = parse::<All>(json!({"order": "\u{e4}".repeat(10_000)})).unwrap_err();
    assert!(error.message.len() < 400, "{error}");
}
