//! `filter`: an expression in CEL over a row's fields, checked against the row's schema before the run and evaluated
//! on each row's bytes during it.
//!
//! The language and its parser are the `cel` crate's; the evaluation is ours, for three reasons. Its interpreter wants
//! each row as a tree of its own values, which costs several times what the pump costs per row. It ends with an error
//! where a row lacks a field, and rows leave out what has no value. And it learns of a wrong name or type when the
//! first row comes, where a caller wants to know before anything runs. So the parsed expression is checked and turned
//! into a small tree of [`eval::Node`]s that read fields straight from the row's JSON.
//!
//! A comparison with a field that the row lacks is false, `!=` included; `has(field)` asks for it.

mod calls;
mod check;
mod eval;
mod units;

use cel::Env;
use cel::parser::ParseErrors;

use super::extract::Plan;
use super::fields::RowFields;
use eval::Node;

/// Longest expression, in bytes.
pub(crate) const MAX_FILTER: usize = 4096;

/// Words and marks in an expression: what bounds how deep its tree can be.
const MAX_PARTS: usize = 500;
/// Brackets within brackets.
const MAX_NESTING: usize = 24;
/// Stack for the parser.
const STACK: usize = 16 << 20;

/// Whether the parser can be trusted with `source`: it is not too long or deep, counted outside of texts.
fn simple(source: &str) -> bool {
    let (mut parts, mut depth, mut word) = (0, 0_usize, false);
    let mut chars = source.chars();
    while let Some(it) = chars.next() {
        match it {
            '"' | '\'' => {
                while let Some(inner) = chars.next().filter(|inner| *inner != it) {
                    if inner == '\\' {
                        chars.next();
                    }
                }
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let letter = it.is_alphanumeric() || it == '_';
        let goes_on = it.is_whitespace() || (letter && word);
        parts += usize::from(!goes_on);
        word = letter;
        if parts > MAX_PARTS || depth > MAX_NESTING {
            return false;
        }
    }
    true
}

/// A checked expression.
#[derive(Debug)]
pub(crate) struct Filter {
    test: Node,
    plan: Plan,
}

impl Filter {
    /// Checks `source` against `fields`; the error says where and what is wrong.
    pub(crate) fn compile(source: &str, fields: &RowFields) -> Result<Self, String> {
        if source.len() > MAX_FILTER {
            return Err(format!("is {} bytes long; at most {MAX_FILTER}", source.len()));
        }
        if !simple(source) {
            return Err(format!(
                "is too complex: at most {MAX_PARTS} words and marks, brackets {MAX_NESTING} deep"
            ));
        }
        // The parser recurses, with large frames; the stack of a worker is not for it to use up.
        let compile = || {
            // An environment without macros: `has` and `exists` stay calls, and have a meaning of their own here.
            let tree = Env::default().parser().parse(source).map_err(|errors| syntax(source, &errors))?;
            let (test, plan) = check::check(&tree, fields)?;
            Ok(Self { test, plan })
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, compile);
            let thread = thread.map_err(|error| format!("cannot be compiled: {error}"))?;
            thread.join().unwrap_or_else(|_| Err("cannot be compiled: the parser failed on it".into()))
        })
    }

    /// Whether `row` passes. `slots` is scratch space.
    pub(crate) fn passes<'a>(&self, row: &'a [u8], slots: &mut Vec<&'a [u8]>) -> bool {
        self.plan.read(row, slots);
        self.test.test(slots, None)
    }
}

/// The first syntax error, at its place.
fn syntax(source: &str, errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else { return "is not CEL".into() };
    let (line, column) =
        (usize::try_from(error.pos.0).unwrap_or(1).max(1), usize::try_from(error.pos.1).unwrap_or(1).max(1));
    let text = source.lines().nth(line - 1).unwrap_or_default();
    let rest: String = text.chars().skip(column - 1).take(24).collect();
    let rest = if rest.is_empty() { "at its end".to_owned() } else { format!("at `{rest}`") };
    let line = if source.lines().count() > 1 { format!("line {line}, ") } else { String::new() };
    let what: String = error.msg.chars().take(160).collect();
    format!("is not CEL: {line}character {column}, {rest}: {what}")
}

#[cfg(test)]
mod tests;
