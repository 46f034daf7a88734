//! As much of BTF as it takes to read the maps that an object declares in `.maps`: a struct whose members say, by
//! the types they point to, what the map is like.
//!
//! Every index is looked up, never trusted; a walk that goes on too long ends.

/// How many typedefs, qualifiers or arrays may stand between a name and what it means.
const MAX_DEPTH: usize = 32;
/// Most types read; the kernel's own BTF has fewer.
const MAX_TYPES: usize = 1 << 18;

/// Types, by number. Number 0 is `void`.
pub(super) struct Btf<'a> {
    types: Vec<Type<'a>>,
    strings: &'a [u8],
}

#[derive(Clone, Copy)]
struct Type<'a> {
    name: u32,
    kind: u8,
    /// Its size or the type it refers to, whichever its kind has.
    size_or_type: u32,
    /// What follows the head: members, elements, variables.
    tail: &'a [u8],
}

const PTR: u8 = 2;
const ARRAY: u8 = 3;
const STRUCT: u8 = 4;
const UNION: u8 = 5;
const ENUM: u8 = 6;
const TYPEDEF: u8 = 8;
const RESTRICT: u8 = 11;
const FUNC_PROTO: u8 = 13;
const VAR: u8 = 14;
const DATASEC: u8 = 15;
const DECL_TAG: u8 = 17;
const TYPE_TAG: u8 = 18;
const ENUM64: u8 = 19;
const INT: u8 = 1;

/// A map as BTF declares it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MapDefinition {
    pub(super) name: String,
    pub(super) map_type: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
}

impl<'a> Btf<'a> {
    /// Reads the `.BTF` section of a little-endian object.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.get(..24)?;
        if head[..2] != [0x9f, 0xeb] {
            return None;
        }
        let part = |at: usize| {
            let start = usize::try_from(word(head, 4)?.checked_add(word(head, at)?)?).ok()?;
            bytes.get(start..)?.get(..usize::try_from(word(head, at + 4)?).ok()?)
        };
        let (mut rest, strings) = (part(8)?, part(16)?);
        let mut types = vec![Type { name: 0, kind: 0, size_or_type: 0, tail: &[] }];
        while !rest.is_empty() {
            if types.len() >= MAX_TYPES {
                return None;
            }
            let info = word(rest, 4)?;
            let (kind, n) = ((info >> 24 & 0x1f) as u8, (info & 0xffff) as usize);
            let tail = match kind {
                INT | VAR | DECL_TAG => 4,
                ARRAY => 12,
                STRUCT | UNION | DATASEC | ENUM64 => 12 * n,
                ENUM | FUNC_PROTO => 8 * n,
                _ => 0,
            };
            types.push(Type {
                name: word(rest, 0)?,
                kind,
                size_or_type: word(rest, 8)?,
                tail: rest.get(12..)?.get(..tail)?,
            });
            rest = &rest[12 + tail..];
        }
        Some(Self { types, strings })
    }

    /// The maps declared in `.maps`.
    pub(super) fn maps(&self) -> Vec<MapDefinition> {
        let section = self.types.iter().find(|it| it.kind == DATASEC && self.name(it.name) == Some(".maps"));
        let variables = section.map_or(&[][..], |section| section.tail).chunks_exact(12);
        variables
            .filter_map(|variable| {
                let variable = self.at(word(variable, 0)?)?;
                if variable.kind != VAR {
                    return None;
                }
                self.map(self.name(variable.name)?, variable.size_or_type)
            })
            .collect()
    }

    fn map(&self, name: &str, definition: u32) -> Option<MapDefinition> {
        let mut map =
            MapDefinition { name: name.to_owned(), map_type: 0, key_size: 0, value_size: 0, max_entries: 0 };
        for (member, of) in self.members(self.unwrap(definition)?) {
            match member {
                "type" => map.map_type = self.number(of)?,
                "max_entries" => map.max_entries = self.number(of)?,
                "key_size" => map.key_size = self.number(of)?,
                "value_size" => map.value_size = self.number(of)?,
                "key" => map.key_size = self.pointee_size(of)?,
                "value" => map.value_size = self.pointee_size(of)?,
                _ => {}
            }
        }
        Some(map)
    }

    /// The struct that holds a map's members: Rust wraps it in structs of one field.
    fn unwrap(&self, definition: u32) -> Option<Type<'a>> {
        let mut it = self.plain(definition)?;
        for _ in 0..MAX_DEPTH {
            if it.kind != STRUCT {
                return None;
            }
            let mut members = self.members(it);
            match (members.next(), members.next()) {
                (Some(("__0" | "value", inner)), None) => match self.plain(inner)? {
                    inner if inner.kind == STRUCT => it = inner,
                    _ => return Some(it),
                },
                _ => return Some(it),
            }
        }
        None
    }

    /// Names and types of a struct's members.
    fn members(&self, of: Type<'a>) -> impl Iterator<Item = (&'a str, u32)> + use<'a, '_> {
        of.tail.chunks_exact(12).filter_map(|member| Some((self.name(word(member, 0)?)?, word(member, 4)?)))
    }

    /// A number, written as the length of the array that a member points to.
    fn number(&self, member: u32) -> Option<u32> {
        let pointer = self.plain(member)?;
        let array = self.plain(pointer.size_or_type)?;
        (pointer.kind == PTR && array.kind == ARRAY).then(|| word(array.tail, 8))?
    }

    fn pointee_size(&self, member: u32) -> Option<u32> {
        let pointer = self.plain(member)?;
        if pointer.kind != PTR {
            return None;
        }
        // A pointer to `void` (or Rust's `()`) stands for a map without keys or values.
        if pointer.size_or_type == 0 { Some(0) } else { self.size(pointer.size_or_type, 0) }
    }

    fn size(&self, number: u32, depth: usize) -> Option<u32> {
        if depth > MAX_DEPTH {
            return None;
        }
        let it = self.plain(number)?;
        match it.kind {
            PTR => Some(8),
            ARRAY => self.size(word(it.tail, 0)?, depth + 1)?.checked_mul(word(it.tail, 8)?),
            _ => Some(it.size_or_type),
        }
    }

    /// The type behind typedefs and qualifiers.
    fn plain(&self, number: u32) -> Option<Type<'a>> {
        let mut it = self.at(number)?;
        for _ in 0..MAX_DEPTH {
            if !matches!(it.kind, TYPEDEF..=RESTRICT | TYPE_TAG) {
                return Some(it);
            }
            it = self.at(it.size_or_type)?;
        }
        None
    }

    fn at(&self, number: u32) -> Option<Type<'a>> {
        self.types.get(usize::try_from(number).ok()?).copied()
    }

    fn name(&self, offset: u32) -> Option<&'a str> {
        let rest = self.strings.get(usize::try_from(offset).ok()?..)?;
        std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.get(..4)?.try_into().ok()?))
}
