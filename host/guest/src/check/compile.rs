//! From a JSON Schema to a [`Table`], for the keywords that schemas made from Rust types use. Anything else is
//! answered with what stood in the way; a guess about a keyword would let wrong rows pass.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::table::{Array, Field, Node, NodeId, Object, Range, Table, Types};

/// Keywords that say nothing about which rows are right.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$defs",
    "contentEncoding",
    "contentMediaType",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
];

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What kept a schema from being compiled.
type Obstacle = String;

/// Compiles `schema`.
pub(super) fn table(schema: &Value) -> Result<Table, Obstacle> {
    if let Some(draft) = schema.get("$schema")
        && draft.as_str().map(|it| it.trim_end_matches('#')) != Some(DRAFT)
    {
        return Err(format!("`$schema` {draft}"));
    }
    let mut compiler = Compiler { root: schema, nodes: vec![Some(Node::ANY)], by_pointer: HashMap::new() };
    // The root is what `#` refers to.
    let root = compiler.pointer("")?;
    let nodes = compiler.nodes.into_iter().map(|node| node.unwrap_or(Node::NEVER)).collect();
    Ok(Table { nodes, root })
}

struct Compiler<'a> {
    root: &'a Value,
    /// `None`: being compiled, further up.
    nodes: Vec<Option<Node>>,
    by_pointer: HashMap<String, NodeId>,
}

impl<'a> Compiler<'a> {
    /// The node of the schema that `pointer` names in the document.
    fn pointer(&mut self, pointer: &str) -> Result<NodeId, Obstacle> {
        if let Some(id) = self.by_pointer.get(pointer) {
            return Ok(*id);
        }
        let schema =
            self.root.pointer(pointer).ok_or_else(|| format!("`$ref` to #{pointer}, which is not there"))?;
        // Known before it is compiled, so that it may refer to itself.
        let id = self.nodes.len();
        self.nodes.push(None);
        self.by_pointer.insert(pointer.to_owned(), id);
        let node = self.node(schema)?;
        self.nodes[id] = Some(node);
        Ok(id)
    }

    /// The node of `schema`, in the table.
    fn id(&mut self, schema: &'a Value) -> Result<NodeId, Obstacle> {
        if let Some(pointer) = only_ref(schema)? {
            return self.pointer(pointer);
        }
        let node = self.node(schema)?;
        self.nodes.push(Some(node));
        Ok(self.nodes.len() - 1)
    }

    fn node(&mut self, schema: &'a Value) -> Result<Node, Obstacle> {
        let object = match schema {
            Value::Bool(true) => return Ok(Node::ANY),
            Value::Bool(false) => return Ok(Node::NEVER),
            Value::Object(object) => object,
            other => return Err(format!("a schema that is {other}")),
        };
        if let Some(pointer) = only_ref(schema)? {
            let id = self.pointer(pointer)?;
            return self.nodes[id].clone().ok_or_else(|| format!("`$ref` to #{pointer} from within"));
        }
        if let Some(branches) = only_union(object)? {
            return self.union(branches);
        }
        self.assertions(object)
    }

    /// `anyOf` or `oneOf` of schemas no two of which allow the same value.
    fn union(&mut self, branches: &'a Value) -> Result<Node, Obstacle> {
        let branches = branches.as_array().ok_or("`anyOf` that is no array")?;
        let mut union = Node::NEVER;
        for branch in branches {
            let node = self.node(branch)?;
            union = join(union, node)?;
        }
        Ok(union)
    }

    fn assertions(&mut self, schema: &'a Map<String, Value>) -> Result<Node, Obstacle> {
        let mut node = Node::ANY;
        for (keyword, value) in schema {
            match keyword.as_str() {
                "type" => node.types = node.types & types(value)?,
                "enum" => enumerate(&mut node, value.as_array().ok_or("`enum` that is no array")?)?,
                "const" => enumerate(&mut node, std::slice::from_ref(value))?,
                "minimum" => node.range.get_or_insert(Range::ALL).set_low(value)?,
                "maximum" => node.range.get_or_insert(Range::ALL).set_high(value)?,
                "items" => array(&mut node).items = self.id(value)?,
                "minItems" => array(&mut node).least = count(keyword, value)?,
                "maxItems" => array(&mut node).most = count(keyword, value)?,
                // Read together, below.
                "properties" | "required" | "additionalProperties" => {}
                "$schema" => {}
                annotation if ANNOTATIONS.contains(&annotation) || annotation.starts_with("x-") => {}
                other => return Err(format!("the keyword `{other}`")),
            }
        }
        if ["properties", "required", "additionalProperties"].iter().any(|it| schema.contains_key(*it)) {
            node.object = Some(Box::new(self.object(schema)?));
        }
        Ok(node)
    }

    fn object(&mut self, schema: &'a Map<String, Value>) -> Result<Object, Obstacle> {
        let rest = match schema.get("additionalProperties") {
            None | Some(Value::Bool(true)) => Some(Table::ANY),
            Some(Value::Bool(false)) => None,
            Some(other) => Some(self.id(other)?),
        };
        let mut fields = Vec::new();
        if let Some(properties) = schema.get("properties") {
            for (name, schema) in properties.as_object().ok_or("`properties` that is no object")? {
                fields.push(field(name, self.id(schema)?));
            }
        }
        let mut required = 0_u64;
        if let Some(names) = schema.get("required") {
            for name in names.as_array().ok_or("`required` that is no array")? {
                let name = name.as_str().ok_or("`required` with a name that is no string")?;
                let index = fields.iter().position(|it| *it.name == *name).unwrap_or(fields.len());
                if index == fields.len() {
                    // Wanted, but not described: like any other field that is not declared.
                    let node = match rest {
                        Some(rest) => rest,
                        None => self.id(&Value::Bool(false))?,
                    };
                    fields.push(field(name, node));
                }
                required |= 1_u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
            }
        }
        if fields.len() > 64 {
            return Err(format!("an object of {} fields (64 at most)", fields.len()));
        }
        Ok(Object { fields, required, rest })
    }
}

fn field(name: &str, node: NodeId) -> Field {
    let key = format!("{}:", Value::from(name)).into_bytes().into();
    Field { key, name: name.into(), node }
}

/// The pointer of a schema that is a `$ref` and nothing else.
fn only_ref(schema: &Value) -> Result<Option<&str>, Obstacle> {
    let Some(target) = schema.get("$ref") else { return Ok(None) };
    let Some(pointer) = target.as_str().and_then(|it| it.strip_prefix('#')) else {
        return Err(format!("`$ref` to {target}"));
    };
    alone(schema, "$ref")?;
    if pointer.contains('%') || !(pointer.is_empty() || pointer.starts_with('/')) {
        return Err(format!("`$ref` to {target}"));
    }
    Ok(Some(pointer))
}

/// The branches of a schema that is an `anyOf`, `oneOf` or `allOf` of one, and nothing else.
fn only_union(schema: &Map<String, Value>) -> Result<Option<&Value>, Obstacle> {
    for keyword in ["anyOf", "oneOf", "allOf"] {
        let Some(branches) = schema.get(keyword) else { continue };
        for other in schema.keys() {
            if other != keyword && other != "$schema" && !ANNOTATIONS.contains(&other.as_str()) {
                return Err(format!("`{keyword}` beside `{other}`"));
            }
        }
        if keyword == "allOf" && branches.as_array().is_none_or(|it| it.len() != 1) {
            return Err("the keyword `allOf`".into());
        }
        return Ok(Some(branches));
    }
    Ok(None)
}

fn alone(schema: &Value, keyword: &str) -> Result<(), Obstacle> {
    for other in schema.as_object().into_iter().flat_map(Map::keys) {
        if other != keyword && other != "$schema" && !ANNOTATIONS.contains(&other.as_str()) {
            return Err(format!("`{keyword}` beside `{other}`"));
        }
    }
    Ok(())
}

/// What either of two nodes allows, when nothing is allowed by both.
fn join(a: Node, b: Node) -> Result<Node, Obstacle> {
    let both = a.types & b.types;
    let strings = match (both == Types::STRING, &a.strings, &b.strings) {
        (true, Some(left), Some(right)) if !left.iter().any(|it| right.contains(it)) => {
            Some(left.iter().chain(right).cloned().collect())
        }
        _ if both.is_empty() => {
            if a.types.has(Types::STRING) {
                a.strings.clone()
            } else {
                b.strings.clone()
            }
        }
        _ => return Err("`anyOf` or `oneOf` of schemas that allow the same type".into()),
    };
    let pick = |types: Types| if (a.types & types).is_empty() { &b } else { &a };
    Ok(Node {
        types: a.types | b.types,
        range: numbers(&a, &b)?,
        strings,
        array: pick(Types::ARRAY).array,
        object: pick(Types::OBJECT).object.clone(),
    })
}

/// The range of a union. A node holds one, for integers and fractions alike.
fn numbers(a: &Node, b: &Node) -> Result<Option<Range>, Obstacle> {
    match ((a.types & Types::NUMBER).is_empty(), (b.types & Types::NUMBER).is_empty()) {
        (true, _) => Ok(b.range),
        (_, true) => Ok(a.range),
        (false, false) => Err("`anyOf` or `oneOf` of several kinds of number".into()),
    }
}

fn types(value: &Value) -> Result<Types, Obstacle> {
    let one = |value: &Value| {
        Ok(match value.as_str() {
            Some("null") => Types::NULL,
            Some("boolean") => Types::BOOL,
            Some("integer") => Types::INTEGER,
            Some("number") => Types::NUMBER,
            Some("string") => Types::STRING,
            Some("array") => Types::ARRAY,
            Some("object") => Types::OBJECT,
            _ => return Err(format!("`type` {value}")),
        })
    };
    match value {
        Value::Array(several) => several.iter().try_fold(Types::NONE, |types, it| Ok(types | one(it)?)),
        single => one(single),
    }
}

/// Leaves only `values` allowed: strings and null.
fn enumerate(node: &mut Node, values: &[Value]) -> Result<(), Obstacle> {
    if node.strings.is_some() {
        return Err("`enum` beside `const`".into());
    }
    let mut types = Types::NONE;
    let mut strings: Vec<Box<str>> = Vec::new();
    for value in values {
        match value {
            Value::String(text) => {
                types = types | Types::STRING;
                strings.push(text.as_str().into());
            }
            Value::Null => types = types | Types::NULL,
            other => return Err(format!("`enum` or `const` with {other}")),
        }
    }
    node.types = node.types & types;
    node.strings = Some(strings.into());
    Ok(())
}

fn array(node: &mut Node) -> &mut Array {
    node.array.get_or_insert(Array { items: Table::ANY, least: 0, most: usize::MAX })
}

fn count(keyword: &str, value: &Value) -> Result<usize, Obstacle> {
    let count = value.as_u64().and_then(|it| usize::try_from(it).ok());
    count.ok_or_else(|| format!("`{keyword}` {value}"))
}

impl Range {
    fn set_low(&mut self, value: &Value) -> Result<(), Obstacle> {
        let (integer, real) = bound("minimum", value, f64::ceil)?;
        (self.low, self.low_real) = (integer, real);
        Ok(())
    }

    fn set_high(&mut self, value: &Value) -> Result<(), Obstacle> {
        let (integer, real) = bound("maximum", value, f64::floor)?;
        (self.high, self.high_real) = (integer, real);
        Ok(())
    }
}

/// A limit, as integers are compared with it and as fractions are.
fn bound(keyword: &str, value: &Value, round: fn(f64) -> f64) -> Result<(i128, f64), Obstacle> {
    let real = value.as_f64().filter(|it| it.is_finite()).ok_or_else(|| format!("`{keyword}` {value}"))?;
    let exact = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    #[expect(
        clippy::cast_possible_truncation,
        reason = "beyond i128 it saturates, and no integer is read there"
    )]
    Ok((exact.unwrap_or_else(|| round(real) as i128), real))
}
