//! The pass over a row: JSON syntax and schema at once.

use super::MAX_DEPTH;
use super::fault::{Fault, Segment};
use super::scan::{self, Number, Space};
use super::table::{Array, Node, Object, Table, Types};

type Walked = Result<usize, Box<Fault>>;

/// Walks values in `bytes`; each step takes where it starts and returns where it ended.
pub(super) struct Walk<'a> {
    table: &'a Table,
    bytes: &'a [u8],
    space: Space,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(table: &'a Table, bytes: &'a [u8], space: Space) -> Self {
        Self { table, bytes, space }
    }

    /// The row at `at`, and the space behind it.
    #[inline]
    pub(super) fn row(&self, at: usize) -> Walked {
        let at = self.space(at);
        if self.byte(at) != Some(b'{') {
            return Err(Fault::syntax(at, "a JSON object"));
        }
        let end = self.value(at, self.table.node(self.table.root), MAX_DEPTH)?;
        Ok(self.space(end))
    }

    #[inline(always)]
    fn space(&self, at: usize) -> usize {
        scan::space(self.bytes, at, self.space)
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn value(&self, at: usize, node: &Node, depth: u32) -> Walked {
        match self.byte(at) {
            Some(b'"') => self.string(at, node),
            Some(b'-' | b'0'..=b'9') => self.number(at, node),
            Some(b'{') => {
                allow(at, node, Types::OBJECT)?;
                self.object(at + 1, node.object.as_deref(), deeper(at, depth)?)
            }
            Some(b'[') => {
                allow(at, node, Types::ARRAY)?;
                self.array(at + 1, node.array, deeper(at, depth)?)
            }
            Some(b't') => self.literal(at, node, Types::BOOL, b"true"),
            Some(b'f') => self.literal(at, node, Types::BOOL, b"false"),
            Some(b'n') => self.literal(at, node, Types::NULL, b"null"),
            _ => Err(Fault::syntax(at, "a JSON value")),
        }
    }

    #[inline(always)]
    fn literal(&self, at: usize, node: &Node, types: Types, literal: &[u8]) -> Walked {
        if !self.bytes[at..].starts_with(literal) {
            return Err(Fault::syntax(at, "a JSON value"));
        }
        allow(at, node, types)?;
        Ok(at + literal.len())
    }

    #[inline(always)]
    fn string(&self, at: usize, node: &Node) -> Walked {
        allow(at, node, Types::STRING)?;
        let text = scan::string(self.bytes, at)?;
        if let Some(allowed) = &node.strings {
            let token = &self.bytes[at..text.end];
            let among = if text.plain {
                let inner = &token[1..token.len() - 1];
                allowed.iter().any(|it| it.as_bytes() == inner)
            } else {
                decoded(token).is_some_and(|text| allowed.iter().any(|it| **it == *text))
            };
            if !among {
                return Err(Fault::new(at, || one_of(allowed)));
            }
        }
        Ok(text.end)
    }

    #[inline(always)]
    fn number(&self, at: usize, node: &Node) -> Walked {
        let (number, end) = scan::number(self.bytes, at)?;
        let types = match number {
            Number::Integer(_) => Types::INTEGER,
            // As JSON Schema has it, 1.0 is an integer.
            Number::Real(value) if value.fract() == 0.0 => Types::INTEGER,
            Number::Real(_) => Types::FRACTION,
        };
        allow(at, node, types)?;
        if let Some(range) = &node.range {
            let inside = match number {
                Number::Integer(value) => value >= range.low && value <= range.high,
                Number::Real(value) => range.holds(value),
            };
            if !inside {
                return Err(Fault::new(at, || format!("a number, {}", range.describe())));
            }
        }
        Ok(end)
    }

    fn array(&self, at: usize, array: Option<Array>, depth: u32) -> Walked {
        let array = array.unwrap_or(Array { items: Table::ANY, least: 0, most: usize::MAX });
        let node = self.table.node(array.items);
        let mut count = 0;
        let mut at = self.space(at);
        let end = if self.byte(at) == Some(b']') {
            at + 1
        } else {
            loop {
                at = self.value(at, node, depth).map_err(|it| it.inside(Segment::Index(count)))?;
                count += 1;
                at = self.space(at);
                match self.byte(at) {
                    Some(b',') => at = self.space(at + 1),
                    Some(b']') => break at + 1,
                    _ => return Err(Fault::syntax(at, "`,` or `]`")),
                }
            }
        };
        if count < array.least || count > array.most {
            return Err(Fault::new(at, || format!("{} to {} items, not {count}", array.least, array.most)));
        }
        Ok(end)
    }

    fn object(&self, at: usize, object: Option<&Object>, depth: u32) -> Walked {
        const ANY: &Object = &Object { fields: Vec::new(), required: 0, rest: Some(Table::ANY) };
        let object = object.unwrap_or(ANY);
        let mut seen = 0_u64;
        let mut next = 0;
        let mut at = self.space(at);
        let end = if self.byte(at) == Some(b'}') {
            at + 1
        } else {
            loop {
                let key = at;
                let found =
                    self.next_field(at, object, next).map_or_else(|| self.any_field(at, object), Ok)?;
                let (node, name) = match found.index {
                    Some(index) => {
                        let field = &object.fields[index];
                        if seen & 1 << index != 0 {
                            return Err(Fault::new(key, || format!("the field `{}` once", field.name)));
                        }
                        seen |= 1 << index;
                        next = index + 1;
                        (self.table.node(field.node), Some(&field.name))
                    }
                    None => match object.rest {
                        Some(rest) => (self.table.node(rest), None),
                        None => return Err(Fault::syntax(key, "no field that the schema does not declare")),
                    },
                };
                at = self.space(found.value);
                at = self.value(at, node, depth).map_err(|it| {
                    it.inside(Segment::Field(match name {
                        Some(name) => name.to_string(),
                        None => decoded(&self.bytes[key..found.key_end]).unwrap_or_default(),
                    }))
                })?;
                at = self.space(at);
                match self.byte(at) {
                    Some(b',') => at = self.space(at + 1),
                    Some(b'}') => break at + 1,
                    _ => return Err(Fault::syntax(at, "`,` or `}`")),
                }
            }
        };
        if seen & object.required != object.required {
            return Err(Fault::new(at, || missing(object, seen)));
        }
        Ok(end)
    }

    /// The field at `at` when it is a declared one, not before the `next`th: the usual case, a few comparisons.
    #[inline(always)]
    fn next_field(&self, at: usize, object: &Object, next: usize) -> Option<Found> {
        let rest = self.bytes.get(at..)?;
        let skipped = object.fields.get(next..)?.iter().position(|field| rest.starts_with(&field.key))?;
        let index = next + skipped;
        let value = at + object.fields[index].key.len();
        Some(Found { index: Some(index), key_end: value - 1, value })
    }

    /// The field at `at`, whatever it is.
    #[inline(never)]
    fn any_field(&self, at: usize, object: &Object) -> Result<Found, Box<Fault>> {
        if self.byte(at) != Some(b'"') {
            return Err(Fault::syntax(at, "the name of a field"));
        }
        let text = scan::string(self.bytes, at)?;
        let colon = self.space(text.end);
        if self.byte(colon) != Some(b':') {
            return Err(Fault::syntax(colon, "`:`"));
        }
        let token = &self.bytes[at..text.end];
        let index = if text.plain {
            let name = &token[1..token.len() - 1];
            object.fields.iter().position(|field| field.name.as_bytes() == name)
        } else {
            decoded(token).and_then(|name| object.fields.iter().position(|field| *field.name == *name))
        };
        Ok(Found { index, key_end: text.end, value: colon + 1 })
    }
}

/// A field's name, found.
struct Found {
    /// Which declared field it is.
    index: Option<usize>,
    /// Behind the name's closing quote.
    key_end: usize,
    /// Behind the colon.
    value: usize,
}

#[inline(always)]
fn allow(at: usize, node: &Node, types: Types) -> Result<(), Box<Fault>> {
    if node.types.has(types) { Ok(()) } else { Err(Fault::new(at, || node.types.describe())) }
}

#[inline(always)]
fn deeper(at: usize, depth: u32) -> Result<u32, Box<Fault>> {
    depth.checked_sub(1).ok_or_else(|| Fault::new(at, || format!("at most {MAX_DEPTH} levels")))
}

/// What a string token with escapes means. `None` when its bytes are not UTF-8, which is reported elsewhere.
fn decoded(token: &[u8]) -> Option<String> {
    serde_json::from_slice(token).ok()
}

fn one_of(allowed: &[Box<str>]) -> String {
    const SHOWN: usize = 8;
    let mut text = format!(
        "one of \"{}\"",
        allowed.iter().take(SHOWN).map(|it| &**it).collect::<Vec<_>>().join("\", \"")
    );
    if allowed.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

fn missing(object: &Object, seen: u64) -> String {
    let names: Vec<&str> = object
        .fields
        .iter()
        .enumerate()
        .filter(|(index, _)| object.required & !seen & 1 << index != 0)
        .map(|(_, field)| &*field.name)
        .collect();
    format!("the required field `{}`", names.join("`, `"))
}
