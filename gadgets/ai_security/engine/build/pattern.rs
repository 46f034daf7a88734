//! The pattern language of the rules: a linear-time regular expression, with four things more.
//!
//! * `{name}` stands for what the rule file defines under that name, `{{` is not needed: a repetition has digits.
//! * A space stands for what separates words, which may be any of the signs that evasion puts there.
//! * `~3` between two parts stands for up to three words of any kind (characters, in scripts without spaces). The
//!   parts are automata of their own, so that this costs nothing.
//! * What is not ASCII is folded as the text will be, so that a rule in Russian matches Russian.
//!
//! A pattern of a rule with `case = true` is taken literally instead: nothing is folded and a space is a space.

use std::collections::BTreeMap;

use super::fold::Folder;

/// Between words. No full stop: a phrase does not cross the end of a sentence.
const SEPARATOR: &str = r#"[\t\n\r\x20"'*_,;:<>()\[\]{}~`/\\|#=+-]+"#;

/// Definitions may use others, but not without end.
const DEPTH: usize = 8;

/// The parts of a pattern, each with the number of words that may be before it.
pub(crate) fn parts(pattern: &str) -> Result<Vec<(&str, u8)>, String> {
    let (mut parts, mut gap, mut rest) = (Vec::new(), 0, pattern);
    while let Some((part, after)) = rest.split_once(" ~") {
        parts.push((part, gap));
        let (words, after) =
            after.split_once(' ').ok_or("`~` and a number stand between two parts, with spaces")?;
        gap = words.parse().map_err(|_| format!("`~{words}` is no number of words"))?;
        rest = after;
    }
    parts.push((rest, gap));
    if parts.iter().any(|(part, _)| part.is_empty()) {
        return Err("a part of the pattern is empty".into());
    }
    Ok(parts)
}

/// The regular expression that a pattern stands for.
pub(crate) fn expand(
    pattern: &str,
    defines: &BTreeMap<String, String>,
    case: bool,
    folder: &Folder,
) -> Result<String, String> {
    let named = names(pattern, defines, DEPTH)?;
    Ok(if case { named } else { fold(&named, folder) })
}

fn names(pattern: &str, defines: &BTreeMap<String, String>, depth: usize) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let name = from[1..].split('}').next().unwrap_or("");
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_name || before.ends_with('\\') {
            out.push('{');
            rest = &from[1..];
            continue;
        }
        let defined = defines.get(name).ok_or_else(|| format!("`{{{name}}}` is not defined"))?;
        if depth == 0 {
            return Err(format!("`{{{name}}}` is defined by itself"));
        }
        out.push_str("(?:");
        out.push_str(&names(defined, defines, depth - 1)?);
        out.push(')');
        rest = &from[name.len() + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

fn fold(pattern: &str, folder: &Folder) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    let mut class = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                out.push('\\');
                out.extend(chars.next());
            }
            ' ' if !class => out.push_str(SEPARATOR),
            '[' if !class => {
                class = true;
                out.push('[');
            }
            ']' => {
                class = false;
                out.push(']');
            }
            _ if char.is_ascii() => out.push(char.to_ascii_lowercase()),
            _ => {
                for folded in folder.fold(char).chars() {
                    if folded.is_ascii_punctuation() {
                        out.push('\\');
                    }
                    out.push(folded.to_ascii_lowercase());
                }
            }
        }
    }
    out
}
