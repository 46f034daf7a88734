//! The host's own prompts: investigations that take several gadgets. Their texts are the files beside this one and
//! may only name tools of the catalogue and common parameters; tools that a server does not offer are told apart
//! when the prompt is got.

use gadget_registry::descriptor::{Prompt, PromptArgument};

/// Container, for prompts that can be narrowed to one.
const CONTAINER: (&str, &str, bool) =
    ("container", "Name or id of a container, to look at nothing else", false);
/// Time, for prompts that watch.
const SECONDS: (&str, &str, bool) = ("seconds", "How long to watch", false);

/// All of them, by name.
pub(super) fn all() -> Vec<Prompt> {
    vec![
        prompt(
            "dns_trouble",
            "Name resolution fails or is slow",
            "Walks through the queries of a process or container: unanswered, refused, misspelt or slow.",
            &[("name", "The name that does not resolve", false), CONTAINER],
            include_str!("dns_trouble.md"),
        ),
        prompt(
            "security_observability",
            "Is something suspicious going on?",
            "Looks for suspicious activity on this machine or cluster: processes, programs started, files, network.",
            &[CONTAINER, SECONDS],
            include_str!("security_observability.md"),
        ),
        prompt(
            "slow_service",
            "Why is a service slow?",
            "Finds where a service's time goes: network, names, processor, storage or memory.",
            &[("service", "Container or program that is slow", true), SECONDS],
            include_str!("slow_service.md"),
        ),
        prompt(
            "what_changed_on_disk",
            "What is being changed on disk?",
            "Finds which files are written, by which process and container, and how much.",
            &[CONTAINER, ("path", "Folder or file of interest", false), SECONDS],
            include_str!("what_changed_on_disk.md"),
        ),
    ]
}

fn prompt(name: &str, title: &str, description: &str, takes: &[(&str, &str, bool)], text: &str) -> Prompt {
    let argument = |&(name, description, required): &(&str, &str, bool)| PromptArgument {
        name: name.to_owned(),
        description: description.to_owned(),
        required,
    };
    Prompt {
        name: name.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        arguments: takes.iter().map(argument).collect(),
        text: text.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_take_what_the_prompts_declare() {
        let all = all();
        assert!(all.is_sorted_by_key(|it| it.name.clone()));
        for prompt in all {
            let mut named: Vec<_> =
                prompt.text.split("{{").skip(1).map(|it| it.split_once("}}").unwrap().0).collect();
            named.sort_unstable();
            named.dedup();
            let mut declared: Vec<_> = prompt.arguments.iter().map(|it| it.name.as_str()).collect();
            declared.sort_unstable();
            assert_eq!(named, declared, "{}", prompt.name);
        }
    }
}
