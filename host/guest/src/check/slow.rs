//! The checker for schemas that the table cannot express: the `jsonschema` crate on a parsed value.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::fault::{Fault, SchemaError, Segment, excerpt, printable};

/// See the module.
#[derive(Debug)]
pub(super) struct Slow {
    validator: Validator,
}

impl Slow {
    /// Compiles `schema`. Nothing is fetched: the crate is built without resolvers. Patterns run on the engine that
    /// takes linear time, since whoever writes them chooses the rows as well.
    pub(super) fn new(schema: &Value) -> Result<Self, SchemaError> {
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| SchemaError { message: error.to_string() })?;
        Ok(Self { validator })
    }

    /// Checks the row in `json`, which starts at `start`.
    pub(super) fn check(&self, json: &[u8], start: usize) -> Result<(), Box<Fault>> {
        let value: Value =
            serde_json::from_slice(json).map_err(|error| Fault::new(start, || format!("JSON ({error})")))?;
        let Err(error) = self.validator.validate(&value) else { return Ok(()) };
        let pointer = error.instance_path().to_string();
        let found = value.pointer(&pointer).map(|it| excerpt(it.to_string().as_bytes())).unwrap_or_default();
        let mut path: Vec<Segment> = pointer.split('/').skip(1).map(segment).collect();
        path.reverse();
        let wanted = format!("what the schema asks for ({})", printable(&error.masked().to_string(), 200));
        Err(Fault::with_path(start, wanted, found, path))
    }
}

fn segment(token: &str) -> Segment {
    match token.parse() {
        Ok(index) => Segment::Index(index),
        Err(_) => Segment::Field(token.replace("~1", "/").replace("~0", "~")),
    }
}
