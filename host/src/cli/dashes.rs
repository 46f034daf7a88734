//! `-gadget-images=a,b` as well as `--gadget-images=a,b`: the flags of `gadgetry mcp` are those of a server whose
//! flag parser takes one dash, and configurations written for it must work unchanged.

use std::ffi::OsString;

/// `arguments` with a second dash where a long flag of `gadgetry mcp` was given with one.
///
/// A cluster of short flags (`-hv`) is never a long flag's name, so nothing that clap understands changes meaning.
pub(crate) fn normalise(arguments: impl IntoIterator<Item = OsString>, long_flags: &[&str]) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|command| command == "run") {
        gadget_help(&mut arguments);
        return arguments;
    }
    if arguments.get(1).is_none_or(|command| command != "mcp") {
        return arguments;
    }
    arguments
        .into_iter()
        .map(|argument| {
            let Some(text) = argument.to_str() else { return argument };
            let Some(rest) = text.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
                return argument;
            };
            let name = rest.split_once('=').map_or(rest, |(name, _)| name);
            if long_flags.contains(&name) { format!("-{text}").into() } else { argument }
        })
        .collect()
}

/// `gadgetry run GADGET --help` is a question about the gadget, not about `run`.
fn gadget_help(arguments: &mut [OsString]) {
    let mut named = false;
    for argument in &mut arguments[2..] {
        if argument == "--" {
            return;
        }
        if named && (argument == "--help" || argument == "-h") {
            *argument = "--gadget-help".into();
        }
        named |= !argument.to_string_lossy().starts_with('-');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dash_becomes_two_for_known_flags_of_mcp() {
        let flags = ["gadget-images", "read-only"];
        let cases: [(&[&str], &[&str]); 6] = [
            (
                &["gadgetry", "mcp", "-gadget-images=a,b", "-read-only"],
                &["gadgetry", "mcp", "--gadget-images=a,b", "--read-only"],
            ),
            (&["gadgetry", "mcp", "-gadget-images", "a"], &["gadgetry", "mcp", "--gadget-images", "a"]),
            (&["gadgetry", "mcp", "-h", "-v=1", "--x"], &["gadgetry", "mcp", "-h", "-v=1", "--x"]),
            (&["gadgetry", "run", "-read-only"], &["gadgetry", "run", "-read-only"]),
            (&["gadgetry", "run", "--help"], &["gadgetry", "run", "--help"]),
            (&["gadgetry", "run", "t", "-h"], &["gadgetry", "run", "t", "--gadget-help"]),
        ];
        for (given, wanted) in cases {
            assert_eq!(normalise(given.iter().map(OsString::from), &flags), wanted);
        }
    }
}
