//! The row checker against `serde_json` and `jsonschema`: schemas and rows made at random (from a fixed seed), rows
//! mostly right, some wrong by a value, some by a byte. Both sides must agree on every one.

use gadgetry_guest::RowChecker;
use serde_json::{Map, Value, json};

/// xorshift64*: enough to choose with.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

const NAMES: &[&str] = &["a", "b", "comm", "pid", "a\"b", "é", "path/x~y", "", "long_field_name", "zz"];
const WORDS: &[&str] = &[
    "",
    "x",
    "O_RDONLY",
    "é",
    "quote\" and \\ slash",
    "tab\t\n",
    "日本語のテキスト",
    "12345678",
    "1234567\"",
    "\u{1}",
    "\u{7f}",
];

fn schema(dice: &mut Dice, depth: usize) -> Value {
    let scalar = 8;
    let sides = if depth == 0 { scalar } else { 14 };
    match dice.below(sides) {
        0 => json!({"type": "string"}),
        1 => json!({"type": ["string", "null"], "description": "x"}),
        2 => json!({"type": "integer", "minimum": -(dice.below(100) as i64), "maximum": dice.below(1000)}),
        3 => json!({"type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX}),
        4 => json!({"type": "number", "minimum": -1.5}),
        5 => json!({"type": ["boolean", "null"]}),
        6 => json!({"enum": [WORDS[dice.below(5)], WORDS[5 + dice.below(5)]]}),
        7 => json!({"oneOf": [{"const": "x", "description": "d"}, {"const": "O_RDONLY"}, {"type": "null"}]}),
        8 => json!({"type": "array", "items": schema(dice, depth - 1)}),
        9 => json!({"items": schema(dice, depth - 1), "minItems": dice.below(2), "maxItems": 2}),
        10 => json!({"anyOf": [{"$ref": "#/$defs/Thing"}, {"type": "null"}]}),
        11 => json!({"type": "object", "additionalProperties": schema(dice, depth - 1)}),
        12 => [json!(true), json!({}), json!(false)][dice.below(3)].clone(),
        _ => object(dice, depth - 1),
    }
}

fn object(dice: &mut Dice, depth: usize) -> Value {
    let mut properties = Map::new();
    for _ in 0..dice.below(6) {
        properties.insert(dice.pick(NAMES).to_owned(), schema(dice, depth));
    }
    let mut required: Vec<String> = properties.keys().filter(|_| dice.chance(50)).cloned().collect();
    if dice.chance(5) {
        required.push("not_declared".into());
    }
    let mut object = json!({"type": "object", "properties": properties, "required": required});
    if dice.chance(60) {
        object["additionalProperties"] = json!(false);
    }
    object
}

/// A value that `schema` allows, most of the time.
fn value(dice: &mut Dice, schema: &Value, root: &Value, depth: usize) -> Value {
    if dice.chance(4) || depth == 0 {
        return any(dice, depth);
    }
    if let Some(pointer) = schema["$ref"].as_str() {
        return value(dice, root.pointer(&pointer[1..]).unwrap(), root, depth - 1);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = schema[union].as_array() {
            let branch = dice.below(branches.len());
            return value(dice, &branches[branch], root, depth - 1);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return values[dice.below(values.len())].clone();
    }
    if !schema["const"].is_null() {
        return schema["const"].clone();
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("items").is_some() => vec!["array"],
        _ => return any(dice, depth),
    };
    match types[dice.below(types.len())] {
        "string" => json!(dice.pick(WORDS)),
        "null" => Value::Null,
        "boolean" => json!(dice.chance(50)),
        "integer" => json!(dice.below(120) as i64 - 5),
        "number" => json!(dice.below(120) as f64 / 8.0 - 3.0),
        "array" => (0..dice.below(4)).map(|_| value(dice, &schema["items"], root, depth - 1)).collect(),
        _ => {
            let mut object = Map::new();
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                if dice.chance(if required.contains(&json!(name)) { 96 } else { 60 }) {
                    object.insert(name.clone(), value(dice, field, root, depth - 1));
                }
            }
            if schema.get("additionalProperties") != Some(&json!(false)) && dice.chance(40) || dice.chance(3)
            {
                let rest = schema.get("additionalProperties").unwrap_or(&Value::Null);
                object.insert(dice.pick(NAMES).to_owned(), value(dice, rest, root, depth - 1));
            }
            if dice.chance(20) {
                let mut fields: Vec<_> = object.into_iter().collect();
                fields.reverse();
                object = fields.into_iter().collect();
            }
            Value::Object(object)
        }
    }
}

fn any(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!([0_u64, 1, 255, 1000, u64::MAX, 1 << 53][dice.below(6)]),
        3 => json!([-1_i64, i64::MIN, -100][dice.below(3)]),
        4 => json!([0.5, 1.0, -2.0, 1e30, 1e-30, 18446744073709551616.0][dice.below(6)]),
        5 => json!(dice.pick(WORDS)),
        6 => json!([any(dice, depth - 1), any(dice, depth - 1)]),
        _ => json!({"x": any(dice, depth - 1)}),
    }
}

/// As JSON, with space and escapes here and there.
fn render(dice: &mut Dice, value: &Value, out: &mut String) {
    let space = |dice: &mut Dice, out: &mut String| {
        if dice.chance(5) {
            out.push_str(dice.pick(&[" ", "\t", "  ", "\r"]));
        }
    };
    space(dice, out);
    match value {
        Value::Object(fields) => {
            out.push('{');
            space(dice, out);
            for (n, (name, field)) in fields.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                    space(dice, out);
                }
                string(dice, name, out);
                space(dice, out);
                out.push(':');
                render(dice, field, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                render(dice, item, out);
            }
            out.push(']');
        }
        Value::String(text) => string(dice, text, out),
        Value::Number(number) if number.is_i64() && dice.chance(3) => {
            out.push_str(&format!(
                "{number}{}",
                dice.pick(&[".0", ".5", "e0", "E+1", "e-1", "00000000000000000000"])
            ));
        }
        other => out.push_str(&other.to_string()),
    }
    space(dice, out);
}

fn string(dice: &mut Dice, text: &str, out: &mut String) {
    if dice.chance(5) {
        out.push('"');
        for unit in text.encode_utf16() {
            out.push_str(&format!("\\u{unit:04X}"));
        }
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Changes a byte or two, but makes no second row.
fn harm(dice: &mut Dice, row: &mut Vec<u8>) {
    const BYTES: &[u8] = b"{}[]:,\"\\ut0123456789.-+eE \t\rnul\x00\x1f\x7f\x80\xc3\xff";
    for _ in 0..=dice.below(2) {
        let at = dice.below(row.len());
        let byte = BYTES[dice.below(BYTES.len())];
        match dice.below(4) {
            0 => row[at] = byte,
            1 => row.insert(at, byte),
            2 if row.len() > 1 => {
                row.remove(at);
            }
            _ => row.truncate(at.max(1)),
        }
    }
}

#[test]
fn agrees_with_the_oracle() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut broken, mut refused, mut slow) = (0, 0, 0, 0);
    for _ in 0..800 {
        let mut root = object(&mut dice, 3);
        root["$defs"] = json!({"Thing": object(&mut dice, 1)});
        if dice.chance(10) {
            // A keyword that the table does not know.
            root["minProperties"] = json!(2);
        }
        let checker = RowChecker::new(&root).unwrap();
        slow += usize::from(!checker.is_fast());
        let oracle = jsonschema::validator_for(&root).unwrap();
        for _ in 0..60 {
            let made = value(&mut dice, &root, &root, 8);
            let mut text = String::new();
            render(&mut dice, &made, &mut text);
            let mut row = text.into_bytes();
            if dice.chance(30) {
                harm(&mut dice, &mut row);
            }
            let parsed = serde_json::from_slice::<Value>(&row).ok().filter(Value::is_object);
            let wanted = parsed.as_ref().is_some_and(|it| oracle.is_valid(it));
            row.push(b'\n');
            let found = checker.rows(&row, 0).next().unwrap();
            if let Err(error) = &found
                && error.wanted.ends_with("` once")
            {
                // Stricter than the oracle, for which the last of two fields counts.
                continue;
            }
            assert_eq!(
                found.as_ref().map(|_| ()).map_err(ToString::to_string).is_ok(),
                wanted,
                "{}\n{root}\n{found:?}",
                String::from_utf8_lossy(&row)
            );
            match (parsed.is_some(), wanted) {
                (_, true) => accepted += 1,
                (true, false) => refused += 1,
                (false, false) => broken += 1,
            }
        }
    }
    // The generator is only worth something while it reaches all of these.
    assert!(
        accepted > 5_000 && refused > 5_000 && broken > 3_000 && slow > 30,
        "{accepted} {refused} {broken} {slow}"
    );
}
