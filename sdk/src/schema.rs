//! JSON Schemas as text: the few shapes that rows and parameters have.
//!
//! A schema is made once, at build, but the code that makes it is in every component: so it is made of strings, not
//! of trees, and the functions are kept out of line.

use crate::json;

/// A JSON Schema (2020-12): keywords in order, each with its value as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema(Vec<(String, String)>);

impl Schema {
    /// Of a type: `string`, `integer`, ...
    #[inline(never)]
    pub fn of(kind: &str) -> Self {
        Self::default().with_text("type", kind)
    }

    /// Of an integer; no bound where the type's own is beyond what JSON readers agree on.
    #[inline(never)]
    pub fn integer(min: Option<i64>, max: Option<i64>) -> Self {
        let mut schema = Self::of("integer");
        for (keyword, bound) in [("minimum", min), ("maximum", max)] {
            if let Some(bound) = bound {
                schema = schema.with(keyword, bound.to_string());
            }
        }
        schema
    }

    /// Of an array.
    #[inline(never)]
    pub fn array(items: &Self) -> Self {
        Self::of("array").with("items", items.to_json())
    }

    /// Of one of some words.
    #[inline(never)]
    pub fn words(words: &[&str]) -> Self {
        Self::of("string").with("enum", list(words))
    }

    /// Of an object; `open` when it may have other properties, too.
    #[inline(never)]
    pub fn object(properties: &[(&str, Self)], required: &[&str], open: bool) -> Self {
        let members: Vec<_> = properties.iter().map(|(name, schema)| (*name, schema.to_json())).collect();
        let mut schema = Self::of("object").with("properties", object(&members));
        if !required.is_empty() {
            schema = schema.with("required", list(required));
        }
        if open { schema } else { schema.with("additionalProperties", "false".to_owned()) }
    }

    /// Of a schema that another library made.
    pub fn foreign(schema: serde_json::Value) -> Self {
        let serde_json::Value::Object(keywords) = schema else { return Self::default() };
        Self(keywords.into_iter().map(|(keyword, value)| (keyword, value.to_string())).collect())
    }

    /// Sets a keyword to a value given as JSON.
    #[inline(never)]
    pub fn with(mut self, keyword: &str, json: String) -> Self {
        match self.0.iter_mut().find(|(known, _)| known == keyword) {
            Some((_, value)) => *value = json,
            None => self.0.push((keyword.to_owned(), json)),
        }
        self
    }

    /// Sets a keyword to a text.
    #[inline(never)]
    pub fn with_text(self, keyword: &str, text: &str) -> Self {
        self.with(keyword, quoted(text))
    }

    /// The same, or null.
    #[inline(never)]
    pub fn or_null(mut self) -> Self {
        for (keyword, value) in &mut self.0 {
            let (list, null) = match keyword.as_str() {
                "type" if value.starts_with('[') => (true, "\"null\""),
                "type" => (false, "\"null\""),
                "enum" => (true, "null"),
                _ => continue,
            };
            let given = if list { value.trim_matches(['[', ']']) } else { value.as_str() };
            *value = ["[", given, ",", null, "]"].concat();
        }
        self
    }

    /// As JSON.
    #[inline(never)]
    pub fn to_json(&self) -> String {
        let members: Vec<_> =
            self.0.iter().map(|(keyword, value)| (keyword.as_str(), value.clone())).collect();
        object(&members)
    }
}

/// A text as JSON.
#[inline(never)]
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::string(&mut out, text);
    // Only ever made of text; nothing is replaced.
    String::from_utf8_lossy(&out).into_owned()
}

/// An object whose values are JSON already.
#[inline(never)]
pub(crate) fn object(members: &[(&str, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| [&quoted(name), ":", value].concat()).collect();
    ["{", &members.join(","), "}"].concat()
}

/// An array of texts.
fn list(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    ["[", &texts.join(","), "]"].concat()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn keywords_stand_in_order_and_once() {
        let cases = [
            (
                Schema::of("string").with_text("description", "a \"b\""),
                json!({"type": "string", "description": "a \"b\""}),
            ),
            (Schema::integer(Some(0), Some(255)), json!({"type": "integer", "minimum": 0, "maximum": 255})),
            (
                Schema::integer(None, None).with("minimum", "1".to_owned()),
                json!({"type": "integer", "minimum": 1}),
            ),
            (
                Schema::integer(Some(0), None).with("minimum", "1".to_owned()),
                json!({"type": "integer", "minimum": 1}),
            ),
            (
                Schema::array(&Schema::words(&["a", "b"])),
                json!({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
            ),
            (
                Schema::object(&[("a", Schema::of("boolean")), ("b", Schema::default())], &["a"], false),
                json!({"type": "object", "properties": {"a": {"type": "boolean"}, "b": {}}, "required": ["a"], "additionalProperties": false}),
            ),
            (Schema::object(&[], &[], true), json!({"type": "object", "properties": {}})),
            (Schema::foreign(json!({"type": "null"})), json!({"type": "null"})),
        ];
        for (schema, json) in cases {
            assert_eq!(serde_json::from_str::<Json>(&schema.to_json()).unwrap(), json);
        }
    }
}
