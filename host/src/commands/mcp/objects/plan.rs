//! What an object comes to: which gadget runs, with which arguments, and when; or why nothing can run.

use std::sync::Arc;

use gadget_registry::descriptor::Kind;
use gadgetry_cluster::objects::{Schedule, Spec};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::request::{DEFAULT_DURATION, Request};
use serde_json::{Map, Value};

use super::World;

/// What runs.
pub(super) struct Plan {
    pub(super) gadget: Arc<Gadget>,
    pub(super) arguments: Map<String, Value>,
    pub(super) rule: Rule,
    /// Nodes that the arguments name; none for all.
    pub(super) only: Vec<String>,
}

/// When it runs.
#[derive(Debug)]
pub(super) enum Rule {
    /// Always, in one run on each node.
    Always,
    /// Always, in one run of all nodes after another, as each has an end.
    InTurns,
    /// At these times, in one run of all nodes.
    At(Schedule),
}

/// Why nothing runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// In a word.
    pub(super) reason: &'static str,
    /// And what to do.
    pub(super) message: String,
}

fn problem(reason: &'static str, message: impl Into<String>) -> Problem {
    Problem { reason, message: message.into() }
}

impl Plan {
    /// Of `spec`: fetches and verifies the image, and checks all else against it.
    pub(super) async fn of(world: &World, spec: &Result<Spec, String>) -> Result<Self, Problem> {
        let spec = spec.as_ref().map_err(|error| {
            problem(
                "BadSpec",
                format!("the spec cannot be read ({error}); is the installed definition of another version?"),
            )
        })?;
        let schedule = spec.schedule.as_deref().map(Schedule::parse).transpose();
        let schedule = schedule.map_err(|error| problem("BadSchedule", error.to_string()))?;
        let (arguments, only) = without_nodes(spec.parameters.clone())?;
        let gadget = world.images.get(&spec.image).await;
        let gadget = gadget.map_err(|error| problem("ImageRefused", format!("{error:#}")))?;
        named(&gadget, spec.tool.as_deref())?;
        let request = world.runs.check(&gadget, arguments.clone());
        let request = request.map_err(|error| problem("BadParameter", error.to_string()))?;
        let (rule, arguments) = rule(&gadget, &request, schedule, arguments)?;
        Ok(Self { gadget, arguments, rule, only })
    }
}

/// Nodes are chosen here, and not by each run.
fn without_nodes(mut arguments: Map<String, Value>) -> Result<(Map<String, Value>, Vec<String>), Problem> {
    let wrong = || problem("BadParameter", "argument `node`: a list of names of nodes is wanted");
    let Some(nodes) = arguments.remove("node") else { return Ok((arguments, Vec::new())) };
    let Value::Array(nodes) = nodes else { return Err(wrong()) };
    let names = nodes.into_iter().map(|it| match it {
        Value::String(name) => Ok(name),
        _ => Err(wrong()),
    });
    Ok((arguments, names.collect::<Result<_, _>>()?))
}

/// Refuses what has no runs, and a tool that the gadget does not have.
fn named(gadget: &Gadget, tool: Option<&str>) -> Result<(), Problem> {
    let name = &gadget.descriptor.name;
    if gadget.descriptor.kind == Kind::Tool {
        let message =
            format!("{name} answers calls and watches nothing: an object needs a gadget that gives rows");
        return Err(problem("NotARun", message));
    }
    match tool.filter(|tool| !gadget.tools.iter().any(|it| it.name == **tool)) {
        Some(tool) => Err(problem("UnknownTool", format!("{name} has no tool `{tool}`; leave `tool` out"))),
        None => Ok(()),
    }
}

/// When it runs, and with which arguments.
fn rule(
    gadget: &Gadget,
    request: &Request,
    schedule: Option<Schedule>,
    mut arguments: Map<String, Value>,
) -> Result<(Rule, Map<String, Value>), Problem> {
    let name = &gadget.descriptor.name;
    let is_stream = gadget.descriptor.kind == Kind::Stream;
    let has_end = arguments.contains_key("duration");
    if let Some(schedule) = schedule {
        if is_stream && !has_end {
            arguments.insert("duration".into(), DEFAULT_DURATION.as_secs().into());
        }
        return Ok((Rule::At(schedule), arguments));
    }
    if !is_stream {
        let message = format!("{name} looks once and ends: give it a `schedule`, such as `*/15 * * * *`");
        return Err(problem("ScheduleNeeded", message));
    }
    if has_end {
        return Ok((Rule::InTurns, arguments));
    }
    if gadget.descriptor.merge || request.query.at_end() {
        let message = format!(
            "the rows of {name}, as they are asked for, come when a run ends, and this one has no end: give it a \
             `duration` among the parameters, and maybe a `schedule`"
        );
        return Err(problem("DurationNeeded", message));
    }
    Ok((Rule::Always, arguments))
}

#[cfg(test)]
pub(super) mod tests {
    use gadget_registry::descriptor::{DESCRIPTOR_VERSION, Descriptor, Links, Permissions};
    use gadgetry_run::answer::Identity;
    use serde_json::json;

    use super::*;

    fn gadget(kind: Kind, merge: bool) -> Gadget {
        let text = || "t".to_owned();
        let identity =
            Identity { name: text(), version: text(), reference: text(), digest: text(), signed_by: text() };
        let descriptor = Descriptor {
            descriptor: DESCRIPTOR_VERSION,
            contract: String::new(),
            name: text(),
            version: text(),
            title: String::new(),
            description: String::new(),
            kind,
            merge,
            tools: vec![],
            hooks: vec![],
            views: vec![],
            permissions: Permissions::default(),
            prompts: vec![],
            links: Links::default(),
        };
        Gadget { identity, descriptor, tools: vec![], readme: None }
    }

    /// A plan of no gadget in particular.
    pub(in super::super) fn plan() -> Plan {
        let gadget = Arc::new(gadget(Kind::Stream, false));
        Plan { gadget, arguments: Map::new(), rule: Rule::Always, only: vec![] }
    }

    fn arguments(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn when_it_runs() {
        let hourly = || Some(Schedule::parse("0 * * * *").unwrap());
        for (kind, merge, schedule, given, wanted) in [
            (Kind::Stream, false, None, json!({}), "Always"),
            (Kind::Stream, false, None, json!({"duration": 60}), "InTurns"),
            (Kind::Stream, true, None, json!({"duration": 60}), "InTurns"),
            (Kind::Stream, true, None, json!({}), "DurationNeeded"),
            (Kind::Stream, true, hourly(), json!({}), "At"),
            (Kind::Snapshot, false, None, json!({}), "ScheduleNeeded"),
            (Kind::Snapshot, false, hourly(), json!({}), "At"),
        ] {
            let found = rule(&gadget(kind, merge), &Request::default(), schedule, arguments(given.clone()));
            let found = match &found {
                Ok((rule, _)) => format!("{rule:?}"),
                Err(problem) => problem.reason.to_owned(),
            };
            assert!(found.starts_with(wanted), "{kind:?} {merge} {given}: {found}");
        }
        let (_, stream) =
            rule(&gadget(Kind::Stream, false), &Request::default(), hourly(), arguments(json!({}))).unwrap();
        assert_eq!(json!(stream), json!({"duration": 10}));
        let (_, snapshot) =
            rule(&gadget(Kind::Snapshot, false), &Request::default(), hourly(), arguments(json!({})))
                .unwrap();
        assert_eq!(json!(snapshot), json!({}));
    }

    #[test]
    fn nodes_are_taken_out_of_the_arguments() {
        let (rest, nodes) = without_nodes(arguments(json!({"node": ["a", "b"], "pid": 1}))).unwrap();
        assert_eq!((json!(rest), nodes), (json!({"pid": 1}), vec!["a".to_owned(), "b".to_owned()]));
        for wrong in [json!({"node": "a"}), json!({"node": [1]})] {
            assert_eq!(without_nodes(arguments(wrong)).unwrap_err().reason, "BadParameter");
        }
    }

    #[test]
    fn what_gives_no_rows_is_no_run() {
        assert_eq!(named(&gadget(Kind::Tool, false), None).unwrap_err().reason, "NotARun");
        assert_eq!(named(&gadget(Kind::Stream, false), Some("x")).unwrap_err().reason, "UnknownTool");
        assert!(named(&gadget(Kind::Stream, false), None).is_ok());
    }
}
