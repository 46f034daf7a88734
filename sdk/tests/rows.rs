//! What the derive makes of a row with a field of each kind: the bytes, the schema, the columns; and that a real
//! validator accepts the rows that the schema promises, and nothing else.

extern crate gadget_sdk as gadget;

use std::borrow::Cow;

use gadget::{
    Choice, Column, List, Row, Serde, Text,
    row::{self, Fields},
    schemars, serde,
    serde_json::{self, Value, json},
    testing,
};

#[derive(gadget::Row)]
struct All<'a> {
    #[row(flatten, show("inner"))]
    first: First,
    /// A small number.
    small: u8,
    negative: i64,
    big: u64,
    flag: bool,
    ratio: f64,
    /// Kept as it is.
    borrowed: &'a str,
    owned: String,
    cow: Cow<'a, str>,
    bytes: Text<'a>,
    #[column(title = "MAYBE?", width = 3, right, hidden)]
    maybe: Option<u16>,
    list: &'a [u16],
    #[column(skip)]
    texts: Vec<Text<'a>>,
    made: List<std::iter::Copied<std::slice::Iter<'a, u32>>>,
    word: Word,
    nested: Option<Nested<'a>>,
    foreign: Serde<Foreign>,
    r#type: u8,
}

#[derive(gadget::Row)]
struct First {
    #[column(hidden)]
    inner: u32,
    #[column(hidden)]
    other: u32,
}

#[derive(gadget::Row)]
struct Nested<'a> {
    name: &'a str,
    deeper: Option<First>,
}

#[derive(Choice, Clone, Copy)]
enum Word {
    One,
    TwoWords,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
#[serde(crate = "gadget::serde")]
#[schemars(crate = "gadget::schemars")]
struct Foreign {
    count: u32,
    title: String,
}

fn all() -> All<'static> {
    All {
        first: First { inner: 1, other: 2 },
        small: 255,
        negative: -5,
        big: u64::MAX,
        flag: true,
        ratio: 0.5,
        borrowed: "a \"quote\"",
        owned: "tab\t".to_owned(),
        cow: Cow::Borrowed("ä"),
        bytes: Text(b"\xff\n"),
        maybe: None,
        list: &[1, 2, 3],
        texts: vec![Text(b"x"), Text(b"")],
        made: List([7, 8].iter().copied()),
        word: Word::TwoWords,
        nested: Some(Nested { name: "n", deeper: Some(First { inner: 3, other: 4 }) }),
        foreign: Serde(Foreign { count: 9, title: "t".to_owned() }),
        r#type: 1,
    }
}

fn text(row: &impl Row) -> String {
    let mut out = Vec::new();
    row::write(row, &mut out);
    String::from_utf8(out).expect("rows are UTF-8")
}

#[test]
fn the_bytes() {
    assert_eq!(
        text(&all()),
        concat!(
            r#"{"inner":1,"other":2,"small":255,"negative":-5,"big":18446744073709551615,"flag":true,"ratio":0.5,"#,
            r#""borrowed":"a \"quote\"","owned":"tab\t","cow":"ä","bytes":"#,
            "\"\u{fffd}\\n\"",
            r#","list":[1,2,3],"texts":["x",""],"made":[7,8],"word":"two_words","#,
            r#""nested":{"name":"n","deeper":{"inner":3,"other":4}},"foreign":{"count":9,"title":"t"},"type":1}"#
        )
    );
    assert_eq!(text(&()), "{}");
    #[derive(gadget::Row)]
    struct Lone {
        a: Option<u8>,
        b: Option<u8>,
    }
    for (a, b, row) in [(None, None, "{}"), (Some(1), None, r#"{"a":1}"#), (None, Some(2), r#"{"b":2}"#)] {
        assert_eq!(text(&Lone { a, b }), row);
    }
    assert!(!text(&All { ratio: f64::NAN, ..all() }).contains("ratio"));
}

#[test]
fn the_schema() {
    let first = json!({
        "type": "object",
        "properties": {
            "inner": {"type": "integer", "minimum": 0, "maximum": u32::MAX},
            "other": {"type": "integer", "minimum": 0, "maximum": u32::MAX},
        },
        "required": ["inner", "other"],
        "additionalProperties": false,
    });
    assert_eq!(
        testing::row_schema::<All<'static>>(),
        json!({
            "type": "object",
            "properties": {
                "inner": first["properties"]["inner"],
                "other": first["properties"]["other"],
                "small": {"type": "integer", "minimum": 0, "maximum": 255, "description": "A small number."},
                "negative": {"type": "integer"},
                "big": {"type": "integer", "minimum": 0},
                "flag": {"type": "boolean"},
                "ratio": {"type": "number"},
                "borrowed": {"type": "string", "description": "Kept as it is."},
                "owned": {"type": "string"},
                "cow": {"type": "string"},
                "bytes": {"type": "string"},
                "maybe": {"type": "integer", "minimum": 0, "maximum": 65_535},
                "list": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 65_535}},
                "texts": {"type": "array", "items": {"type": "string"}},
                "made": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": u32::MAX}},
                "word": {"type": "string", "enum": ["one", "two_words"]},
                "nested": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "deeper": first},
                    "required": ["name"],
                    "additionalProperties": false,
                },
                "foreign": {
                    "type": "object",
                    "properties": {"count": {"type": "integer", "minimum": 0}, "title": {"type": "string"}},
                    "required": ["count", "title"],
                },
                "type": {"type": "integer", "minimum": 0, "maximum": 255},
            },
            "required": ["inner", "other", "small", "negative", "big", "flag", "borrowed", "owned", "cow", "bytes", "list",
                "texts", "made", "word", "foreign", "type"],
            "additionalProperties": false,
        })
    );
}

#[test]
fn the_schema_accepts_the_rows_and_nothing_else() {
    let validator =
        jsonschema::draft202012::new(&testing::row_schema::<All<'static>>()).expect("a valid schema");
    let row: Value = serde_json::from_str(&text(&all())).expect("rows are JSON");
    validator.validate(&row).expect("a row");
    let wrong: [(&str, Value); 7] = [
        ("small", json!(256)),
        ("negative", json!("1")),
        ("word", json!("three")),
        ("nested", json!({"name": "n", "more": 1})),
        ("list", json!([1, "2"])),
        ("maybe", Value::Null),
        ("unheard", json!(1)),
    ];
    for (field, value) in wrong {
        let mut row = row.clone();
        row[field] = value;
        assert!(!validator.is_valid(&row), "{field}");
        assert!(testing::conforms(&testing::row_schema::<All<'static>>(), &row).is_err(), "{field}");
    }
    let mut row = row;
    row.as_object_mut().expect("an object").remove("owned");
    assert!(!validator.is_valid(&row));
}

#[test]
fn the_columns() {
    let columns = Fields::of::<All<'static>>().into_columns();
    let told: Vec<_> = columns
        .iter()
        .map(|Column { field, title, width, right, hidden }| {
            (field.as_str(), title.as_str(), *width, *right, *hidden)
        })
        .collect();
    let wanted = [
        ("inner", "INNER", 8, true, false),
        ("other", "OTHER", 8, true, true),
        ("small", "SMALL", 4, true, false),
        ("negative", "NEGATIVE", 12, true, false),
        ("big", "BIG", 12, true, false),
        ("flag", "FLAG", 6, false, false),
        ("ratio", "RATIO", 12, true, false),
        ("borrowed", "BORROWED", 20, false, false),
        ("owned", "OWNED", 20, false, false),
        ("cow", "COW", 20, false, false),
        ("bytes", "BYTES", 20, false, false),
        ("maybe", "MAYBE?", 3, true, true),
        ("list", "LIST", 32, false, false),
        ("made", "MADE", 32, false, false),
        ("word", "WORD", 9, false, false),
        ("nested.name", "NAME", 20, false, false),
        ("nested.deeper.inner", "INNER", 8, true, true),
        ("nested.deeper.other", "OTHER", 8, true, true),
        ("foreign", "FOREIGN", 20, false, false),
        ("type", "TYPE", 4, true, false),
    ];
    assert_eq!(told, wanted);
}
