//! Rows that say of which node they are: as their first field, put in without reading the others.

use serde_json::{Map, Value, json};

use super::endpoint::{FIELDS, Told};

/// What a row of a node begins with, and who knows its addresses.
pub(super) struct Name {
    head: Vec<u8>,
    told: Option<Told>,
}

impl Name {
    /// `named`: whether rows say it at all.
    pub(super) fn new(node: &str, named: bool, told: Option<Told>) -> Self {
        let mut head = b"{".to_vec();
        if named {
            head.extend_from_slice(b"\"node\":");
            head.extend_from_slice(&serde_json::to_vec(node).unwrap_or_default());
            head.push(b',');
        }
        Self { head, told }
    }

    /// Writes `row`, an object without its newline, and a newline. What is no object is none of the guest's rows.
    pub(super) fn write(&self, row: &[u8], out: &mut Vec<u8>) {
        match row.strip_prefix(b"{") {
            Some(b"}") => {
                out.extend_from_slice(self.head.strip_suffix(b",").unwrap_or(&self.head));
                out.extend_from_slice(b"}\n");
            }
            Some(rest) => {
                out.extend_from_slice(&self.head);
                let Some((told, open)) = self.told.as_ref().zip(rest.strip_suffix(b"}")) else {
                    out.extend_from_slice(rest);
                    out.push(b'\n');
                    return;
                };
                out.extend_from_slice(open);
                told.write(open, out);
                out.extend_from_slice(b"}\n");
            }
            None => {}
        }
    }
}

/// The schema of rows that may say of which node they are.
pub(super) fn schema(row: &Value) -> Value {
    let mut schema = row.clone();
    if let Some(Value::Object(properties)) = schema.get_mut("properties")
        && !properties.contains_key("node")
    {
        let mut all = Map::from_iter([("node".to_owned(), json!({"type": "string"}))]);
        all.append(properties);
        for (address, endpoint) in FIELDS {
            if all.contains_key(address) && !all.contains_key(endpoint) {
                all.insert(endpoint.to_owned(), json!({"type": "string"}));
            }
        }
        *properties = all;
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_comes_first() {
        let mut out = Vec::new();
        let name = Name::new("a\"b", true, None);
        name.write(b"{}", &mut out);
        name.write(b"{\"c\":1}", &mut out);
        name.write(b"no object", &mut out);
        Name::new("n", false, None).write(b"{\"c\":1}", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"node\":\"a\\\"b\"}\n{\"node\":\"a\\\"b\",\"c\":1}\n{\"c\":1}\n"
        );
    }
}
