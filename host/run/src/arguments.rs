//! Arguments are checked against the tool's schema before anything runs, and what is wrong is told by the name of the
//! argument: the caller is often a model, and this message is all it has to mend its call.

use std::sync::Arc;
use std::time::Duration;

use gadget_registry::descriptor::Kind;
use gadgetry_enrich::Labels;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::{Map, Value};

use crate::fleet::RunError;
use crate::query::Query;
use crate::query::fields::RowFields;
use crate::request::{DEFAULT_DURATION, DEFAULT_MAX_ROWS, Request, Scope, TaskFilter};
use crate::schema::COMMON;

/// The arguments' schema, compiled.
pub struct Arguments {
    schema: Map<String, Value>,
    validator: jsonschema::Validator,
}

/// A parameter schema that cannot be used; told when the gadget is registered.
#[derive(Debug, thiserror::Error)]
#[error("the schema of the parameters is not valid: {0}")]
pub struct BadSchema(String);

impl Arguments {
    /// Compiles `schema`, an inputSchema.
    pub fn compile(schema: &Map<String, Value>) -> Result<Self, BadSchema> {
        let validator = jsonschema::draft202012::options()
            .build(&Value::Object(schema.clone()))
            .map_err(|error| BadSchema(error.to_string()))?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// The schema.
    pub const fn schema(&self) -> &Map<String, Value> {
        &self.schema
    }

    /// `arguments` with defaults filled in, or what is wrong with them.
    pub fn check(&self, arguments: Map<String, Value>) -> Result<Map<String, Value>, RunError> {
        let value = Value::Object(arguments);
        if let Some(error) = self.validator.iter_errors(&value).next() {
            return Err(self.explain(&error));
        }
        let Value::Object(mut arguments) = value else { return Ok(Map::new()) };
        for (name, property) in self.properties() {
            if let Some(default) = property.get("default")
                && !arguments.contains_key(name)
            {
                arguments.insert(name.clone(), default.clone());
            }
        }
        Ok(arguments)
    }

    fn properties(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    }

    fn explain(&self, error: &ValidationError<'_>) -> RunError {
        let place = error.instance_path().to_string().trim_start_matches('/').replace('/', ".");
        let within = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let (field, message) = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let name = unexpected.first().map(String::as_str).unwrap_or_default();
                let message =
                    if place.is_empty() { self.unknown(name) } else { "is not known there".to_owned() };
                (within(name), message)
            }
            ValidationErrorKind::Required { property } => {
                (within(property.as_str().unwrap_or_default()), "is required and was not given".to_owned())
            }
            _ => (place, clip(&error.to_string())),
        };
        RunError::Argument { field, message }
    }

    fn unknown(&self, field: &str) -> String {
        let names: Vec<&str> = self.properties().map(|(name, _)| name.as_str()).collect();
        match nearest(field, names.iter().copied()) {
            Some(name) => format!("is not a parameter of this tool; did you mean `{name}`?"),
            None => format!("is not a parameter of this tool; it takes: {}", names.join(", ")),
        }
    }
}

/// The name most like `wanted`, when one is like it at all.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| {
            // In short names one wrong or swapped letter is much, and still the likeliest mistake.
            let slip = wanted.len() >= 3 && strsim::osa_distance(wanted, name) == 1;
            (strsim::jaro_winkler(wanted, name).max(if slip { 0.9 } else { 0.0 }), name)
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Error texts quote the value at fault, which may be of any size.
fn clip(text: &str) -> String {
    const MOST: usize = 300;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

impl Request {
    /// Splits checked arguments of a stream or snapshot into the common ones and the gadget's own. `fields` are those
    /// of its rows, which a filter and its like may name.
    pub(crate) fn from_checked(
        kind: Kind,
        tool: &str,
        mut arguments: Map<String, Value>,
        fields: &RowFields,
    ) -> Result<Self, RunError> {
        let given = arguments.clone();
        let mut common: Map<String, Value> = Map::new();
        for name in COMMON {
            if let Some(value) = arguments.remove(name) {
                common.insert(name.to_owned(), value);
            }
        }
        let id = |name: &str| common.get(name).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let names = |name: &str| -> Vec<String> {
            match common.get(name) {
                Some(Value::String(name)) => vec![name.clone()],
                Some(Value::Array(all)) => {
                    all.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            }
        };
        let labels = common.get("selector").and_then(Value::as_str).filter(|it| !it.trim().is_empty());
        let labels = labels.map(str::parse::<Labels>).transpose().map_err(|error| RunError::Argument {
            field: "selector".to_owned(),
            message: error.to_string(),
        })?;
        let scope = Scope {
            containers: names("container"),
            pods: names("pod"),
            namespaces: names("namespace"),
            labels,
        };
        let seconds = common.get("duration").and_then(Value::as_f64);
        Ok(Self {
            query: Arc::new(Query::compile(&common, fields)?),
            summarize: true,
            params: arguments,
            duration: (kind == Kind::Stream)
                .then(|| seconds.map_or(DEFAULT_DURATION, |it| Duration::from_secs_f64(it.clamp(0.0, 1e6)))),
            max_rows: Some(common.get("max_rows").and_then(Value::as_u64).unwrap_or(DEFAULT_MAX_ROWS)),
            end_at_max_rows: false,
            filter: TaskFilter {
                pid: id("pid"),
                tid: id("tid"),
                uid: id("uid"),
                gid: id("gid"),
                comm: common.get("comm").and_then(Value::as_str).map(str::to_owned),
            },
            scope,
            nodes: names("node"),
            allowed: None,
            part: false,
            ring_bytes: None,
            tool: tool.to_owned(),
            given,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments() -> Arguments {
        let schema = json!({
            "type": "object",
            "properties": {
                "failed": {"type": "boolean", "default": false},
                "duration": {"type": "number", "minimum": 0.1, "maximum": 10, "default": 5},
                "mode": {"type": "string", "enum": ["a", "b"]},
                "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}},
                    "required": ["name"], "additionalProperties": false}},
            },
            "required": ["mode"],
            "additionalProperties": false,
        });
        Arguments::compile(schema.as_object().unwrap()).unwrap()
    }

    #[test]
    fn errors_name_the_field() {
        let cases = [
            (json!({"mode": "a", "failed": "yes"}), "failed", "boolean"),
            (json!({"mode": "a", "duration": 11}), "duration", "maximum"),
            (json!({"mode": "c"}), "mode", "\"a\""),
            (json!({}), "mode", "required"),
            (json!({"mode": "a", "durration": 1}), "durration", "did you mean `duration`"),
            (json!({"mode": "a", "zzz": 1}), "zzz", "it takes: failed, duration, mode"),
            (
                json!({"mode": "a", "items": [{"name": "b"}, {"nam": "c", "name": "d"}]}),
                "items.1.nam",
                "not known",
            ),
            (json!({"mode": "a", "items": [{}]}), "items.0.name", "required"),
            (json!({"mode": "a", "items": [{"name": 1}]}), "items.0.name", "string"),
        ];
        for (given, field, part) in cases {
            let error = arguments().check(given.as_object().unwrap().clone()).unwrap_err();
            let RunError::Argument { field: found, message } = &error else { panic!("{error}") };
            assert_eq!(found, field, "{given}");
            assert!(message.contains(part), "{given}: {message}");
        }
    }

    #[test]
    fn defaults_are_filled_in() {
        let checked = arguments().check(json!({"mode": "a"}).as_object().unwrap().clone()).unwrap();
        assert_eq!(Value::Object(checked), json!({"mode": "a", "failed": false, "duration": 5}));
    }

    #[test]
    fn a_huge_value_is_not_echoed_whole() {
        let error =
            arguments().check(json!({"mode": "x".repeat(100_000)}).as_object().unwrap().clone()).unwrap_err();
        assert!(error.to_string().len() < 500);
    }

    #[test]
    fn common_arguments_are_split_off() {
        let arguments = json!({"failed": true, "duration": 2.5, "pid": 7, "container": ["web"],
                               "group_by": ["comm"]});
        let fields = RowFields::of_schema(&json!({"properties": {"comm": {"type": "string"}}}));
        let request = |arguments: &Value| {
            Request::from_checked(Kind::Stream, "t", arguments.as_object().unwrap().clone(), &fields)
        };
        let wrong = request(&json!({"filter": "com == 'a'"})).unwrap_err();
        assert_eq!(wrong.to_string(), "argument `filter`: rows have no field `com`; did you mean `comm`?");
        let request = request(&arguments).unwrap();
        assert!(request.query.groups());
        assert_eq!(request.duration, Some(Duration::from_millis(2500)));
        assert_eq!(request.filter.pid, Some(7));
        assert_eq!(request.scope.containers, ["web"]);
        assert_eq!(Value::Object(request.params), json!({"failed": true}));
        assert_eq!(request.max_rows, Some(DEFAULT_MAX_ROWS));
    }
}
