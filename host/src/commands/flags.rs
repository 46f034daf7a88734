//! A gadget's parameters as command-line flags, made from the same schema that a model sees: what one can ask, the
//! other can.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Map, Value};

use crate::cli::run::Output;

/// What `gadgetry run GADGET ...` was given after the gadget's name.
#[derive(Debug)]
pub(crate) struct Given {
    /// Arguments as a tool call would carry them; only those given.
    pub(crate) arguments: Map<String, Value>,
    /// How to print rows; by default columns.
    pub(crate) output: Output,
    /// Size of the kernel's ring buffer in bytes.
    pub(crate) ring_bytes: Option<u32>,
    /// No progress and no closing line on standard error.
    pub(crate) quiet: bool,
}

/// Flags of the command that are not the gadget's; a parameter of the same name is given as `--param-NAME`.
const OWN: [&str; 4] = ["output", "ring-size", "quiet", "help"];

/// Parses `given` against `schema`, the gadget's inputSchema. Prints help or an error and ends the process as clap
/// does.
pub(crate) fn parse(gadget: &str, about: &str, schema: &Map<String, Value>, given: &[OsString]) -> Given {
    let command = command(gadget, about, schema);
    let name = OsString::from(gadget);
    let matches = command.get_matches_from(std::iter::once(&name).chain(given));
    read(schema, &matches)
}

fn properties(schema: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn command(gadget: &str, about: &str, schema: &Map<String, Value>) -> Command {
    let own = Command::new(gadget.to_owned())
        .bin_name(format!("gadgetry run {gadget}"))
        .about(about.to_owned())
        .max_term_width(100)
        .next_help_heading("Output")
        .arg(
            Arg::new("output")
                .short('o')
                .long("output")
                .value_parser(value_parser!(Output))
                .default_value("columns")
                .help("How rows are printed"),
        )
        .arg(
            Arg::new("ring-size")
                .long("ring-size")
                .value_name("KIB")
                .value_parser(value_parser!(u32).range(64..=262_144))
                .help("Size of the kernel's event buffer in KiB"),
        )
        .arg(
            Arg::new("quiet")
                .short('q')
                .long("quiet")
                .action(ArgAction::SetTrue)
                .help("No progress and no closing line on standard error"),
        )
        .next_help_heading("Parameters");
    properties(schema).fold(own, |command, (name, property)| command.arg(flag(name, property)))
}

/// What clap knows a parameter by: not its bare name, which may be that of one of the command's own flags.
fn id(name: &str) -> String {
    format!("param:{name}")
}

fn flag(name: &str, property: &Value) -> Arg {
    let mut long = name.replace('_', "-");
    if OWN.contains(&long.as_str()) {
        long = format!("param-{long}");
    }
    let mut help = property.get("description").and_then(Value::as_str).unwrap_or_default().replace('\n', " ");
    if let Some(default) = property.get("default")
        && name != "duration"
        && name != "max_rows"
    {
        help.push_str(&format!(" [default: {default}]"));
    }
    let arg = Arg::new(id(name)).long(long.clone()).help(help);
    let arg = if long == name { arg } else { arg.alias(name.to_owned()) };
    if name == "duration" {
        return arg
            .value_name("SECONDS")
            .value_parser(duration)
            .help("How long to look: seconds, or 90s, 5m; without it, until Ctrl-C");
    }
    if name == "max_rows" {
        return arg.value_name("N").value_parser(value_parser!(u64)).help("End after this many rows");
    }
    if name == "fields" {
        return arg.value_name("LIST").value_delimiter(',').action(ArgAction::Append).help(
            "Only these fields of each row, and the columns to show: `comm,path`; `all` for every column",
        );
    }
    if is_json(property) {
        return arg.value_name("JSON").value_parser(json);
    }
    match property.get("type").and_then(Value::as_str) {
        Some("boolean") => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
            .hide_possible_values(true)
            .value_parser(value_parser!(bool)),
        // `--sort -count` is a value, not a flag.
        Some("array") if name == "sort" => {
            arg.value_name("LIST").value_delimiter(',').action(ArgAction::Append).allow_hyphen_values(true)
        }
        Some("integer") => arg.value_name("N").allow_negative_numbers(true).value_parser(value_parser!(i64)),
        Some("number") => arg.value_name("N").allow_negative_numbers(true).value_parser(value_parser!(f64)),
        Some("array") => arg.value_name("LIST").value_delimiter(',').action(ArgAction::Append),
        _ => match property.get("enum").and_then(Value::as_array) {
            Some(values) => {
                let values: Vec<String> =
                    values.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect();
                arg.value_parser(PossibleValuesParser::new(values))
            }
            None => arg.value_name("TEXT"),
        },
    }
}

/// Whether a value has parts that no list of words can say.
fn is_json(property: &Value) -> bool {
    let kind = |schema: &Value| schema.get("type").and_then(Value::as_str).map(str::to_owned);
    let items = || property.get("items").and_then(kind);
    match kind(property).as_deref() {
        Some("object") => true,
        Some("array") => matches!(items().as_deref(), Some("object" | "array")),
        _ => false,
    }
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}; give JSON"))
}

fn duration(text: &str) -> Result<f64, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(seconds);
    }
    humantime::parse_duration(text)
        .map(|it| it.as_secs_f64())
        .map_err(|error| format!("{error}; give seconds, or 90s, 5m, 1h"))
}

fn read(schema: &Map<String, Value>, matches: &ArgMatches) -> Given {
    let mut arguments = Map::new();
    for (name, property) in properties(schema) {
        if let Some(value) = argument(name, property, matches) {
            arguments.insert(name.clone(), value);
        }
    }
    Given {
        arguments,
        output: *matches.get_one("output").unwrap_or(&Output::Columns),
        ring_bytes: matches.get_one::<u32>("ring-size").map(|kib| kib * 1024),
        quiet: matches.get_flag("quiet"),
    }
}

fn argument(name: &str, property: &Value, matches: &ArgMatches) -> Option<Value> {
    let id = &id(name);
    match property.get("type").and_then(Value::as_str) {
        _ if is_json(property) => matches.get_one::<Value>(id).cloned(),
        _ if name == "duration" => matches.get_one::<f64>(id).map(|it| (*it).into()),
        _ if name == "max_rows" => matches.get_one::<u64>(id).map(|it| (*it).into()),
        Some("boolean") => matches.get_one::<bool>(id).map(|it| (*it).into()),
        Some("integer") => matches.get_one::<i64>(id).map(|it| (*it).into()),
        Some("number") => matches.get_one::<f64>(id).map(|it| (*it).into()),
        Some("array") => matches.get_many::<String>(id).map(|all| all.cloned().collect::<Vec<_>>().into()),
        _ => matches.get_one::<String>(id).map(|it| it.clone().into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Map<String, Value> {
        let schema = json!({"type": "object", "properties": {
            "failed": {"type": "boolean", "default": false, "description": "Only failed ones."},
            "min_size": {"type": "integer"},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "output": {"type": "string"},
            "contents": {"type": "array", "items": {"type": "object"}},
            "container": {"type": "array", "items": {"type": "string"}},
            "duration": {"type": "number", "default": 10},
            "filter": {"type": "string"},
            "fields": {"type": "array", "items": {"type": "string"}},
            "sort": {"type": "array", "items": {"type": "string"}},
        }});
        schema.as_object().unwrap().clone()
    }

    #[test]
    fn flags_become_arguments() {
        let given = [
            "t",
            "--failed",
            "--min-size",
            "-5",
            "--mode=b",
            "--container=x,y",
            "--container",
            "z",
            "--duration",
            "2m",
            "-o",
            "jsonl",
            "--param-output",
            "o",
            "--contents",
            r#"[{"prompt": "a,b"}]"#,
            "--filter",
            "pid > 1 && comm == 'a,b'",
            "--fields=comm,pid",
            "--sort",
            "-count,comm",
        ];
        let matches = command("t", "", &schema()).try_get_matches_from(given).unwrap();
        let read = read(&schema(), &matches);
        assert_eq!(
            Value::Object(read.arguments),
            json!({"failed": true, "min_size": -5, "mode": "b", "output": "o", "contents": [{"prompt": "a,b"}],
                   "container": ["x", "y", "z"],
                   "duration": 120.0, "filter": "pid > 1 && comm == 'a,b'", "fields": ["comm", "pid"],
                   "sort": ["-count", "comm"]})
        );
        assert_eq!(read.output, Output::Jsonl);
    }

    #[test]
    fn what_was_not_given_is_left_to_the_schema() {
        let matches = command("t", "", &schema()).try_get_matches_from(["t", "--failed=false"]).unwrap();
        assert_eq!(Value::Object(read(&schema(), &matches).arguments), json!({"failed": false}));
    }

    #[test]
    fn wrong_values_are_refused() {
        for given in [["t", "--mode=c"], ["t", "--min-size=x"], ["t", "--nope"], ["t", "--duration=soon"]] {
            assert!(command("t", "", &schema()).try_get_matches_from(given).is_err(), "{given:?}");
        }
    }
}
