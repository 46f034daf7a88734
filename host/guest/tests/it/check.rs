//! The row checker, case by case.

use gadgetry_guest::RowChecker;
use serde_json::{Value, json};

fn verdict(schema: &Value, row: &str) -> Result<(), String> {
    let checker = RowChecker::new(schema).unwrap();
    let lines = format!("{row}\n");
    let mut rows = checker.rows(lines.as_bytes(), 0);
    let result = match rows.next() {
        Some(Ok(found)) => {
            assert_eq!(found, row.as_bytes());
            Ok(())
        }
        Some(Err(error)) => Err(error.to_string()),
        None => Err("no row".into()),
    };
    assert!(rows.next().is_none());
    result
}

fn object(field: &Value) -> Value {
    json!({"type": "object", "properties": {"a": field}, "additionalProperties": false})
}

#[test]
fn syntax() {
    let any = json!({"type": "object"});
    let good = [
        r#"{}"#,
        r#" { } "#,
        r#"{"a":[]}"#,
        r#"{"a":[ ] , "b" : { } }"#,
        r#"{"a":[1,2.5,-0,0.1e-7,1E+2]}"#,
        r#"{"a":"\"\\\/\b\f\n\r\t\u00e9"}"#,
        r#"{"a":"\ud83d\ude00"}"#,
        r#"{"é":"日本語"}"#,
        r#"{"":null}"#,
        r#"{"a":true,"b":false,"c":null}"#,
        "{\"a\":\t1\r}",
        r#"{"a":123456789012345678901234567890}"#,
        "{\"a\":\"\u{7f}\"}",
    ];
    for row in good {
        assert_eq!(verdict(&any, row), Ok(()), "{row}");
    }
    let bad = [
        "",
        " ",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{a:1}"#,
        r#"{'a':1}"#,
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":+1}"#,
        r#"{"a":.5}"#,
        r#"{"a":1.}"#,
        r#"{"a":1e}"#,
        r#"{"a":1e+}"#,
        r#"{"a":0x1}"#,
        r#"{"a":NaN}"#,
        r#"{"a":1e400}"#,
        r#"{"a":tru}"#,
        r#"{"a":nul}"#,
        r#"{"a":True}"#,
        r#"{"a":"}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12"}"#,
        r#"{"a":"\u12g4"}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":"\ud800\u0041"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"\"#,
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"12345678\u{1f}\"}",
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":[1 2]}"#,
        r#"{"a":[1}"#,
        r#"{"a":{"b":1]}"#,
        "[]",
        "1",
        "null",
        "\u{feff}{}",
        "{\u{a0}}",
        "{\"a\":1\u{c}}",
    ];
    for row in bad {
        assert!(verdict(&any, row).is_err(), "{row}");
    }
}

#[test]
fn bytes_that_are_not_text() {
    let checker = RowChecker::any_object();
    for row in [&b"{\"a\":\"\xff\"}\n"[..], b"{\"\xc3\":1}\n", b"{\"a\":\"\xed\xa0\x80\"}\n"] {
        let lines = [b"{}\n", row].concat();
        let mut rows = checker.rows(&lines, 0);
        assert!(rows.next().unwrap().is_ok());
        let error = rows.next().unwrap().unwrap_err();
        assert_eq!((error.row, error.wanted.as_str()), (2, "UTF-8"));
        assert!(rows.next().is_none());
    }
}

#[test]
fn depth() {
    let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(verdict(&json!(true), &nested(64)), Ok(()));
    let error = verdict(&json!(true), &nested(65)).unwrap_err();
    assert!(error.contains("wanted at most 64 levels"), "{error}");
    assert!(verdict(&json!(true), &"{\"a\":".repeat(1_000_000)).is_err());
    // By the schema's own recursion.
    let list =
        json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": false});
    assert!(RowChecker::new(&list).unwrap().is_fast());
    assert_eq!(verdict(&list, r#"{"next":{"next":{}}}"#), Ok(()));
    let error = verdict(&list, r#"{"next":{"next":{"last":{}}}}"#).unwrap_err();
    assert!(error.contains("field `next.next`"), "{error}");
}

/// Each schema must be compiled to a table, accept the first rows and refuse the others with these words.
#[test]
fn schemas() {
    type Case = (Value, &'static [&'static str], &'static [(&'static str, &'static str)]);
    let cases: &[Case] = &[
        (
            json!({"type": "string"}),
            &[r#""x""#],
            &[("1", "wanted a string, found 1"), ("null", "wanted a string")],
        ),
        (
            json!({"type": ["string", "null"]}),
            &[r#""x""#, "null"],
            &[("1", "wanted a string or null, found 1")],
        ),
        (json!({"type": "boolean"}), &["true", "false"], &[("0", "wanted a boolean, found 0")]),
        (json!({"type": "number"}), &["1", "-1.5", "1e3"], &[(r#""1""#, "wanted a number")]),
        (
            json!({"type": "integer"}),
            &["1", "-1", "1.0", "1e3", "123456789012345678901234567890"],
            &[("1.5", "wanted an integer, found 1.5")],
        ),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 255}),
            &["0", "255", "255.0"],
            &[
                ("-1", "wanted a number, 0 to 255, found -1"),
                ("256", "0 to 255"),
                ("256.0", "0 to 255"),
                ("1e20", "0 to 255"),
            ],
        ),
        (
            json!({"type": "integer", "maximum": 18446744073709551615_u64}),
            &["18446744073709551615", "-5"],
            &[
                ("18446744073709551616", "at most 18446744073709551615"),
                ("18446744073709551616.0", "at most"),
            ],
        ),
        (
            json!({"type": "number", "minimum": 0.5, "maximum": 1.5}),
            &["0.5", "1", "1.5"],
            &[("0", "0.5 to 1.5"), ("2", "0.5 to 1.5"), ("1.50001", "0.5 to 1.5")],
        ),
        (
            json!({"enum": ["a", "b\"", "é"]}),
            &[r#""a""#, r#""b\"""#, r#""\u00e9""#, r#""é""#],
            &[(r#""c""#, r#"wanted one of "a", "b"", "é", found "c""#), ("null", "wanted a string")],
        ),
        (
            json!({"enum": ["a", null], "type": ["string", "null"]}),
            &[r#""a""#, "null"],
            &[(r#""b""#, "wanted one of")],
        ),
        (json!({"const": "a"}), &[r#""a""#], &[(r#""b""#, "wanted one of \"a\"")]),
        (
            json!({"oneOf": [{"const": "a", "description": "A."}, {"enum": ["b", "c"]}]}),
            &[r#""a""#, r#""c""#],
            &[(r#""d""#, "wanted one of \"a\", \"b\", \"c\"")],
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}}),
            &["[]", "[1,2]"],
            &[("[1,\"2\"]", "field `a[1]`: wanted an integer"), ("{}", "wanted an array")],
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
            &["[1,2]"],
            &[("[1]", "wanted 2 to 2 items, not 1"), ("[1,2,3]", "not 3")],
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            &["{}", r#"{"x":1}"#],
            &[(r#"{"x":"1"}"#, "field `a.x`: wanted an integer")],
        ),
        (
            json!({"type": "object", "properties": {"x": true}, "required": ["x", "y"]}),
            &[r#"{"y":1,"x":2}"#, r#"{"\u0078":1,"y":2,"z":3}"#],
            &[
                (r#"{"x":1}"#, "wanted the required field `y`"),
                ("{}", "`x`, `y`"),
                (r#"{"x":1,"\u0078":1,"y":1}"#, "the field `x` once"),
            ],
        ),
        (
            json!({"anyOf": [{"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": false}, {"type": "null"}]}),
            &["null", "{}", r#"{"x":"1"}"#],
            &[(r#"{"x":1}"#, "field `a.x`: wanted a string"), ("1", "wanted an object or null")],
        ),
        (
            json!({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "string"}]}),
            &["5", r#""x""#],
            &[("4", "at least 5"), ("null", "a string or an integer")],
        ),
        (json!({"allOf": [{"type": "integer"}], "description": "x"}), &["5"], &[("null", "an integer")]),
        (json!(true), &["5", "null", r#"[{"x":[]}]"#], &[]),
        (json!(false), &[], &[("5", "wanted no such field")]),
        (json!({"format": "uint32", "title": "x", "x-anything": 1, "default": 5}), &["5", "null"], &[]),
    ];
    for (field, good, bad) in cases {
        let schema = object(field);
        let checker = RowChecker::new(&schema).unwrap();
        assert_eq!(checker.slow_because(), None, "{field}");
        for value in *good {
            assert_eq!(verdict(&schema, &format!("{{\"a\":{value}}}")), Ok(()), "{field}: {value}");
        }
        for (value, wanted) in *bad {
            let error = verdict(&schema, &format!("{{\"a\":{value}}}")).expect_err(value);
            assert!(error.contains(wanted), "{field}: {value}: {error}");
        }
    }
}

/// Schemas that cannot be compiled, why, and that they are held to nonetheless.
#[test]
fn the_slow_way() {
    let many: serde_json::Map<String, Value> =
        (0..65).map(|n| (format!("f{n}"), json!({"type": "integer"}))).collect();
    let cases = [
        (
            object(&json!({"type": "string", "pattern": "^x"})),
            "the keyword `pattern`",
            r#"{"a":"x"}"#,
            r#"{"a":"y"}"#,
        ),
        (
            object(&json!({"type": "string", "minLength": 2})),
            "the keyword `minLength`",
            r#"{"a":"xx"}"#,
            r#"{"a":"y"}"#,
        ),
        (object(&json!({"enum": [1, 2]})), "`enum` or `const` with 1", r#"{"a":1}"#, r#"{"a":3}"#),
        (
            object(&json!({"anyOf": [{"type": "integer"}, {"type": "number", "minimum": 5}]})),
            "that allow the same type",
            r#"{"a":1}"#,
            r#"{"a":1.5}"#,
        ),
        (
            object(&json!({"type": "array", "uniqueItems": true})),
            "the keyword `uniqueItems`",
            r#"{"a":[1,2]}"#,
            r#"{"a":[1,1]}"#,
        ),
        (json!({"properties": many}), "an object of 65 fields", r#"{"f64":1}"#, r#"{"f64":"1"}"#),
        (
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"const": "x"}}}),
            "`$schema`",
            r#"{"a":"x"}"#,
            r#"{"a":"y"}"#,
        ),
    ];
    for (schema, because, good, bad) in cases {
        let checker = RowChecker::new(&schema).unwrap();
        assert!(
            checker.slow_because().is_some_and(|it| it.contains(because)),
            "{:?}",
            checker.slow_because()
        );
        assert!(!checker.is_fast());
        assert_eq!(verdict(&schema, good), Ok(()));
        let error = verdict(&schema, bad).unwrap_err();
        assert!(error.starts_with("row 1, field `") && error.contains("what the schema asks for"), "{error}");
        // Not JSON in either way.
        assert!(verdict(&schema, r#"{"a":01}"#).is_err());
        assert!(verdict(&schema, "[]").is_err());
        assert!(RowChecker::new(&schema).unwrap().rows(b"{\"\xff\":1}\n", 0).next().unwrap().is_err());
    }
}

#[test]
fn schemas_that_cannot_be_used() {
    for schema in [
        json!({"properties": {"a": {"$ref": "http://example.com/schema.json"}}}),
        json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}}),
        json!({"properties": {"a": {"$ref": "other.json#/$defs/x"}}}),
        json!({"properties": {"a": {"$ref": "#/$defs/nowhere"}}}),
        json!({"properties": {"a": {"type": "strin"}}}),
        json!({"properties": {"a": {"pattern": "("}}}),
        json!({"required": "a"}),
        json!(5),
    ] {
        let error = RowChecker::new(&schema).err().unwrap_or_else(|| panic!("{schema}")).to_string();
        assert!(error.starts_with("the row schema cannot be used: "), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn rows_are_counted_from_the_runs_first() {
    let checker = RowChecker::any_object();
    let mut rows = checker.rows(b"{}\n{}\n\n{}\n", 40);
    assert!(rows.next().unwrap().is_ok());
    assert!(rows.next().unwrap().is_ok());
    assert_eq!(rows.bytes(), 6);
    assert_eq!(rows.next().unwrap().unwrap_err().row, 43);
    assert!(rows.next().is_none());
}

#[test]
fn what_is_found_is_shown_safely() {
    let error =
        verdict(&object(&json!({"type": "integer"})), &format!("{{\"a\":\"\u{9b}{}\"}}", "x".repeat(1000)));
    let error = error.unwrap_err();
    assert!(error.len() < 200 && error.contains('…') && !error.contains('\u{9b}'), "{error}");
}
