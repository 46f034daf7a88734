//! Prompts: what a person picks to have the assistant do a whole investigation. Some are the host's ([`host`]), the
//! others are declared by gadgets and come and go with them.
//!
//! A gadget's prompt has the name its author gave it, unless another has that name too: then those of gadgets are
//! told apart by their gadget's name before it, so that no gadget can take the place of a prompt of the host.

mod host;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use gadget_registry::descriptor::Prompt;
use gadgetry_run::gadget::Gadget;
use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, Prompt as Listed, PromptArgument, PromptMessage, Role};
use serde_json::{Map, Value};

use crate::audit::cut;
use crate::listing::nearest;

/// What stands for an optional argument that was not given.
const NOT_GIVEN: &str = "(not given)";
/// The longest argument, in bytes: a name or a path.
const LONGEST: usize = 4096;

static HOST: LazyLock<Vec<Prompt>> = LazyLock::new(host::all);

/// All prompts by name: the host's and those of `gadgets`.
pub(crate) fn all(gadgets: &[Arc<Gadget>]) -> BTreeMap<String, &Prompt> {
    let declared =
        || gadgets.iter().flat_map(|gadget| gadget.descriptor.prompts.iter().map(move |it| (gadget, it)));
    let taken = |name: &str| {
        HOST.iter().any(|it| it.name == name) || declared().filter(|(_, it)| it.name == name).count() > 1
    };
    let named = |(gadget, prompt): (&Arc<Gadget>, &'_ Prompt)| match taken(&prompt.name) {
        true => format!("{}.{}", gadget.descriptor.name, prompt.name),
        false => prompt.name.clone(),
    };
    let mut all: BTreeMap<_, _> = HOST.iter().map(|it| (it.name.clone(), it)).collect();
    all.extend(declared().map(|(gadget, it)| (named((gadget, it)), it)));
    all
}

/// The prompt called `name`.
pub(crate) fn find<'a>(all: &BTreeMap<String, &'a Prompt>, name: &str) -> Result<&'a Prompt, ErrorData> {
    if let Some(prompt) = all.get(name) {
        return Ok(prompt);
    }
    let hint = match nearest(cut(name), all.keys().map(String::as_str)) {
        Some(like) => format!("did you mean `{like}`?"),
        None => "prompts/list names those there are".to_owned(),
    };
    Err(ErrorData::invalid_params(format!("the prompt `{}` is unknown: {hint}", cut(name)), None))
}

/// An entry of prompts/list.
pub(crate) fn listed(name: String, prompt: &Prompt) -> Listed {
    let argument = |it: &gadget_registry::descriptor::PromptArgument| {
        PromptArgument::new(&it.name).with_description(&it.description).with_required(it.required)
    };
    let arguments = prompt.arguments.iter().map(argument).collect();
    Listed::new(name, Some(&prompt.description), Some(arguments)).with_title(&prompt.title)
}

/// The prompt with its arguments in their places, and `notes` below it.
pub(crate) fn get(
    prompt: &Prompt,
    given: &Map<String, Value>,
    notes: &[String],
) -> Result<GetPromptResult, ErrorData> {
    let values = values(prompt, given)?;
    let mut text = fill(prompt.text.trim(), &values);
    for note in notes {
        text.push_str("\n\n");
        text.push_str(note);
    }
    let message = PromptMessage::new_text(Role::User, text);
    Ok(GetPromptResult::new(vec![message]).with_description(&prompt.description))
}

fn values<'a>(
    prompt: &'a Prompt,
    given: &'a Map<String, Value>,
) -> Result<BTreeMap<&'a str, &'a str>, ErrorData> {
    let invalid = |name: &str, why: String| {
        let message = format!("argument `{}` of the prompt `{}` {why}", cut(name), prompt.name);
        ErrorData::invalid_params(message, None)
    };
    for name in given.keys() {
        argument(prompt, name)?;
    }
    let mut values = BTreeMap::new();
    for argument in &prompt.arguments {
        let value = match given.get(&argument.name) {
            Some(Value::String(value)) if value.len() <= LONGEST => value.trim(),
            Some(Value::String(value)) => {
                return Err(invalid(&argument.name, format!("has {} bytes; at most {LONGEST}", value.len())));
            }
            Some(_) => return Err(invalid(&argument.name, "must be a string".to_owned())),
            None => "",
        };
        if value.is_empty() && argument.required {
            return Err(invalid(&argument.name, format!("is required: {}", argument.description)));
        }
        values.insert(argument.name.as_str(), if value.is_empty() { NOT_GIVEN } else { value });
    }
    Ok(values)
}

/// Whether `prompt` has an argument called `name`; if not, what it has.
pub(crate) fn argument(prompt: &Prompt, name: &str) -> Result<(), ErrorData> {
    let names = || prompt.arguments.iter().map(|it| it.name.as_str());
    if names().any(|it| it == name) {
        return Ok(());
    }
    let hint = match nearest(cut(name), names()) {
        Some(like) => format!("did you mean `{like}`?"),
        None if prompt.arguments.is_empty() => "it has none".to_owned(),
        None => format!("it has: {}", names().collect::<Vec<_>>().join(", ")),
    };
    let message = format!("the prompt `{}` has no argument `{}`: {hint}", prompt.name, cut(name));
    Err(ErrorData::invalid_params(message, None))
}

/// `text` with each `{{name}}` replaced; what is put in is not looked at again.
fn fill(text: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        match after.split_once("}}") {
            Some((name, after)) if values.contains_key(name) => {
                filled.push_str(values[name]);
                rest = after;
            }
            _ => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Gadgets of the catalogue that prompts may name, whether a server offers them or not.
const CATALOGUE: [&str; 25] = [
    "advise_seccomp",
    "profile_blockio",
    "profile_cpu",
    "profile_tcprtt",
    "snapshot_file",
    "snapshot_process",
    "snapshot_socket",
    "top_blockio",
    "top_file",
    "top_process",
    "top_tcp",
    "trace_bind",
    "trace_capabilities",
    "trace_dns",
    "trace_exec",
    "trace_init_module",
    "trace_mount",
    "trace_oomkill",
    "trace_open",
    "trace_signal",
    "trace_ssl",
    "trace_tcp",
    "trace_tcpdrop",
    "trace_tcpretrans",
    "traceloop",
];

/// The tools of the catalogue that `prompt` names and `offered` does not: told below the text, so that the assistant
/// neither calls nor looks for them.
pub(crate) fn missing(prompt: &Prompt, offered: impl Fn(&str) -> bool) -> Vec<&str> {
    let quoted = prompt.text.split('`').skip(1).step_by(2);
    let mut missing: Vec<_> = quoted.filter(|it| CATALOGUE.contains(it) && !offered(it)).collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str) -> Prompt {
        let argument = |name: &str, required| gadget_registry::descriptor::PromptArgument {
            name: name.into(),
            description: format!("The {name}"),
            required,
        };
        Prompt {
            name: "why".into(),
            title: "Why?".into(),
            description: "Asks.".into(),
            arguments: vec![argument("what", true), argument("who", false)],
            text: text.into(),
        }
    }

    fn text(prompt: &Prompt, given: Value) -> Result<String, String> {
        let got = get(prompt, given.as_object().unwrap(), &[]).map_err(|error| error.message.into_owned())?;
        Ok(serde_json::to_value(&got.messages[0]).unwrap()["content"]["text"].as_str().unwrap().to_owned())
    }

    #[test]
    fn arguments_are_put_in_once() {
        let why = prompt("{{what}} {{who}} {{what}} {{ what }} {{");
        for (given, found) in [
            (serde_json::json!({"what": "this"}), "this (not given) this {{ what }} {{"),
            (serde_json::json!({"what": " a ", "who": ""}), "a (not given) a {{ what }} {{"),
            (serde_json::json!({"what": "{{who}}", "who": "me"}), "{{who}} me {{who}} {{ what }} {{"),
        ] {
            assert_eq!(text(&why, given.clone()).unwrap(), found, "{given}");
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (given, part) in [
            (serde_json::json!({}), "argument `what` of the prompt `why` is required: The what"),
            (serde_json::json!({"what": "  "}), "is required"),
            (serde_json::json!({"what": 5}), "`what` of the prompt `why` must be a string"),
            (serde_json::json!({"what": "x", "waht": "y"}), "no argument `waht`: did you mean `what`?"),
            (serde_json::json!({"what": "x", "zzz": "y"}), "no argument `zzz`: it has: what, who"),
            (serde_json::json!({"what": "x".repeat(5000)}), "has 5000 bytes; at most 4096"),
        ] {
            let error = text(&prompt("{{what}}"), given.clone()).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn tools_that_are_not_offered_are_told() {
        let why = prompt("Call `trace_open`, then `trace_exec` with `failed`, then `trace_open`.");
        assert_eq!(missing(&why, |it| it == "trace_exec"), ["trace_open"]);
        assert!(missing(&why, |_| true).is_empty());
    }

    #[test]
    fn the_hosts_prompts_name_tools_of_the_catalogue_only() {
        for prompt in HOST.iter() {
            let named = missing(prompt, |_| false);
            assert!(!named.is_empty(), "{} names no tool", prompt.name);
            // Whatever looks like a gadget is one.
            for word in prompt.text.split('`').skip(1).step_by(2) {
                let family = ["trace_", "top_", "snapshot_", "profile_", "advise_"];
                if family.iter().any(|it| word.starts_with(it)) {
                    assert!(CATALOGUE.contains(&word), "{}: `{word}`", prompt.name);
                }
            }
        }
    }
}
