//! The fields of a tool's rows, by the names a caller uses for them: read once from the row's schema, so that a
//! `filter`, `sort` or `group_by` that names what no row has is refused before anything runs.

use serde_json::Value;

use crate::arguments::nearest;
use crate::gather::endpoint::FIELDS;

/// Objects within objects are looked into this deep.
const MAX_DEPTH: usize = 8;

/// What a field's values are, as far as its schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    /// May have a fraction.
    Number,
    Text,
    List(Box<Type>),
    Object,
    /// A span of time in nanoseconds: only an expression is one, no field.
    Duration,
    /// The schema leaves it open.
    Any,
}

impl Type {
    /// As errors call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Object => "an object",
            Self::Duration => "a duration",
            Self::Any => "of any type",
        }
    }

    pub(crate) const fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Number | Self::Any)
    }
}

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// As a caller names it: `container.name`.
    pub(crate) name: String,
    /// The keys that lead to it.
    pub(crate) path: Vec<String>,
    pub(crate) kind: Type,
}

/// All fields of a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowFields {
    fields: Vec<Field>,
    /// Objects that may have more fields than the schema names; the empty name is the row itself.
    open: Vec<String>,
}

impl RowFields {
    /// Those that `schema`, a row's, declares.
    pub(crate) fn of_schema(schema: &Value) -> Self {
        let mut all = Self::default();
        all.gather(schema, schema, &[], 0);
        all
    }

    /// These, `node`, which rows of several nodes begin with, and what addresses are, which they may end with.
    pub(crate) fn with_node(&self) -> Self {
        let mut all = self.clone();
        if !all.fields.iter().any(|it| it.name == "node") {
            let node = Field { name: "node".into(), path: vec!["node".into()], kind: Type::Text };
            all.fields.insert(0, node);
        }
        for (address, endpoint) in FIELDS {
            let has = |name: &str| all.fields.iter().any(|it| it.name == name);
            if has(address) && !has(endpoint) {
                let path = vec![endpoint.to_owned()];
                all.fields.push(Field { name: endpoint.into(), path, kind: Type::Text });
            }
        }
        all
    }

    /// Flat fields: those of a row that the host makes.
    pub(crate) fn flat(fields: impl IntoIterator<Item = (String, Type)>) -> Self {
        let field = |(name, kind): (String, Type)| Field { path: vec![name.clone()], name, kind };
        Self { fields: fields.into_iter().map(field).collect(), open: Vec::new() }
    }

    fn gather(&mut self, root: &Value, schema: &Value, path: &[String], depth: usize) {
        let schema = followed(root, schema);
        if schema.get("additionalProperties") != Some(&Value::Bool(false)) {
            self.open.push(path.join("."));
        }
        for (key, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut path = path.to_vec();
            path.push(key.clone());
            let inner = followed(root, inner);
            let kind = type_of(root, inner);
            let nested = kind == Type::Object && depth < MAX_DEPTH;
            self.fields.push(Field { name: path.join("."), path: path.clone(), kind });
            if nested {
                self.gather(root, inner, &path, depth + 1);
            }
        }
    }

    /// All of them, in the schema's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }

    /// The field called `name`, or what to say to whoever called it so.
    pub(crate) fn find(&self, name: &str) -> Result<Field, String> {
        if let Some(field) = self.fields.iter().find(|it| it.name == name) {
            return Ok(field.clone());
        }
        // A name within an object is compared with the names beside it: their paths are alike in any case.
        let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
        let beside = |it: &&Field| it.path.split_last().is_some_and(|(_, path)| path.join(".") == parent);
        let beside: Vec<&Field> = self.fields.iter().filter(beside).collect();
        let like = if beside.is_empty() {
            nearest(name, self.fields.iter().map(|it| it.name.as_str())).map(str::to_owned)
        } else {
            let like = nearest(last, beside.iter().filter_map(|it| it.path.last()).map(String::as_str));
            like.map(|like| if parent.is_empty() { like.to_owned() } else { format!("{parent}.{like}") })
        };
        if let Some(like) = like {
            return Err(format!("rows have no field `{name}`; did you mean `{like}`?"));
        }
        if !name.is_empty() && self.open.iter().any(|it| it == parent) {
            let path = name.split('.').map(str::to_owned).collect();
            return Ok(Field { name: name.to_owned(), path, kind: Type::Any });
        }
        Err(format!("rows have no field `{name}`; they have: {}", self.names()))
    }

    /// All names, for a message.
    pub(crate) fn names(&self) -> String {
        self.fields.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The schema that `schema` refers to within its document, or itself.
fn followed<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn type_of(root: &Value, schema: &Value) -> Type {
    if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        let null = |it: &&Value| it.get("type").and_then(Value::as_str) == Some("null");
        let mut kinds = branches.iter().filter(|it| !null(it)).map(|it| type_of(root, followed(root, it)));
        let first = kinds.next().unwrap_or(Type::Any);
        return if kinds.all(|it| it == first) { first } else { Type::Any };
    }
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|it| *it != "null");
            match (names.next(), names.next()) {
                (Some(name), None) => name,
                _ => return Type::Any,
            }
        }
        _ => match schema.get("enum").and_then(Value::as_array) {
            Some(values) if values.iter().all(Value::is_string) => "string",
            _ => return Type::Any,
        },
    };
    match name {
        "boolean" => Type::Bool,
        "integer" => Type::Int,
        "number" => Type::Number,
        "string" => Type::Text,
        "object" => Type::Object,
        "array" => {
            let items = schema.get("items").map_or(Type::Any, |items| type_of(root, followed(root, items)));
            Type::List(Box::new(items))
        }
        _ => Type::Any,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> RowFields {
        RowFields::of_schema(&json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "pid": {"type": "integer"},
                "error": {"type": ["string", "null"]},
                "args": {"type": "array", "items": {"type": "string"}},
                "container": {"type": "object", "properties": {"name": {"type": "string"}}},
                "call": {"enum": ["open", "openat"]},
                "peer": {"$ref": "#/$defs/peer"},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            },
            "$defs": {"peer": {"type": "object", "additionalProperties": false,
                               "properties": {"port": {"type": "integer"}}}},
        }))
    }

    #[test]
    fn types_follow_the_schema() {
        let cases = [
            ("pid", Type::Int),
            ("error", Type::Text),
            ("args", Type::List(Box::new(Type::Text))),
            ("container", Type::Object),
            ("container.name", Type::Text),
            ("call", Type::Text),
            ("peer.port", Type::Int),
            ("either", Type::Any),
            // The schema allows containers more fields than it names.
            ("container.zone", Type::Any),
        ];
        for (name, kind) in cases {
            assert_eq!(fields().find(name).unwrap().kind, kind, "{name}");
        }
    }

    #[test]
    fn unknown_names_are_told_the_nearest() {
        let cases = [
            ("pdi", "did you mean `pid`"),
            ("container.nam", "did you mean `container.name`"),
            ("zzz", "they have: pid, error"),
            ("peer.zzz", "they have: pid, error"),
        ];
        for (name, part) in cases {
            let error = fields().find(name).unwrap_err();
            assert!(error.contains(part), "{name}: {error}");
        }
    }
}
