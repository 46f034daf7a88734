//! `fields`: a row with only the fields a caller wants, a whole JSON object still.

use super::extract::Plan;
use super::fields::RowFields;

/// Which fields, in which order.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    plan: Plan,
    shape: Vec<Part>,
}

#[derive(Clone, Debug)]
struct Part {
    key: String,
    /// JSON text of the key, with its colon.
    text: Vec<u8>,
    slot: Option<usize>,
    inner: Vec<Self>,
}

impl Projection {
    /// The fields called `names`.
    pub(crate) fn compile(names: &[String], fields: &RowFields) -> Result<Self, String> {
        let mut projection = Self { plan: Plan::default(), shape: Vec::new() };
        for name in names {
            let field = fields.find(name.trim())?;
            let slot = projection.plan.slot(&field.path);
            put(&mut projection.shape, &field.path, slot);
        }
        Ok(projection)
    }

    /// Appends `row` with these fields and a newline. `slots` is scratch space.
    pub(crate) fn write<'a>(&self, row: &'a [u8], slots: &mut Vec<&'a [u8]>, out: &mut Vec<u8>) {
        self.plan.read(row, slots);
        object(&self.shape, slots, out);
        out.push(b'\n');
    }
}

fn put(parts: &mut Vec<Part>, path: &[String], slot: usize) {
    let Some((key, rest)) = path.split_first() else { return };
    let at = parts.iter().position(|it| it.key == *key).unwrap_or_else(|| {
        let text = format!("{}:", serde_json::Value::from(key.as_str())).into_bytes();
        parts.push(Part { key: key.clone(), text, slot: None, inner: Vec::new() });
        parts.len() - 1
    });
    if rest.is_empty() {
        parts[at].slot = Some(slot);
    } else {
        put(&mut parts[at].inner, rest, slot);
    }
}

/// Writes the object, and says whether there is anything in it.
fn object(parts: &[Part], slots: &[&[u8]], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.push(b'{');
    for part in parts {
        let before = out.len();
        if before > start + 1 {
            out.push(b',');
        }
        out.extend_from_slice(&part.text);
        // A whole object is wanted, or some of its fields.
        let there = match part.slot.map(|slot| slots[slot]) {
            Some(value) => {
                out.extend_from_slice(value);
                !value.is_empty()
            }
            None => object(&part.inner, slots, out),
        };
        if !there {
            out.truncate(before);
        }
    }
    out.push(b'}');
    out.len() > start + 2
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_keep_what_is_wanted() {
        let fields = RowFields::of_schema(&json!({"additionalProperties": false, "properties": {
            "n": {"type": "integer"}, "comm": {"type": "string"},
            "container": {"type": "object", "properties": {"name": {}, "id": {}}}}}));
        let row = br#"{"n":2,"comm":"a","container":{"id":"7","name":"web","x":1}}"#;
        let cases: [(&[&str], &str); 5] = [
            (&["comm", "n"], r#"{"comm":"a","n":2}"#),
            (&["container.name", "n", "container.id"], r#"{"container":{"name":"web","id":"7"},"n":2}"#),
            (&["container", "container.id"], r#"{"container":{"id":"7","name":"web","x":1}}"#),
            (&["container.zone"], "{}"),
            (&["container.zone", "n"], r#"{"n":2}"#),
        ];
        for (names, wanted) in cases {
            let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
            let mut out = Vec::new();
            Projection::compile(&names, &fields).unwrap().write(row, &mut Vec::new(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{wanted}\n"), "{names:?}");
        }
        let error = Projection::compile(&["com".into()], &fields).unwrap_err();
        assert!(error.contains("did you mean `comm`"), "{error}");
    }
}
