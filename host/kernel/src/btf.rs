//! The running kernel's type information, read where it lies: five megabytes of bytes, an index of where each type
//! starts, and nothing kept afterwards. A full parse costs some 50 ms and over ten megabytes that stay; the few
//! questions asked here (where is this field, which id has this function) do not need one.

use std::ops::Range;
use std::path::Path;

pub(crate) mod field;
pub(crate) mod stand_in;
mod types;

pub use types::KernelTypes;

/// Where the kernel shows its types.
pub(crate) const KERNEL_BTF: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
/// A type's first three words: name, info, size or type.
const TYPE: usize = 12;

/// The kinds of types that are told apart here; the numbers are the format's.
pub(crate) mod kind {
    pub(crate) const INT: u32 = 1;
    pub(crate) const ARRAY: u32 = 3;
    pub(crate) const STRUCT: u32 = 4;
    pub(crate) const UNION: u32 = 5;
    pub(crate) const ENUM: u32 = 6;
    pub(crate) const FWD: u32 = 7;
    pub(crate) const TYPEDEF: u32 = 8;
    pub(crate) const VOLATILE: u32 = 9;
    pub(crate) const CONST: u32 = 10;
    pub(crate) const RESTRICT: u32 = 11;
    pub(crate) const FUNC: u32 = 12;
    pub(crate) const FUNC_PROTO: u32 = 13;
    pub(crate) const VAR: u32 = 14;
    pub(crate) const DATASEC: u32 = 15;
    pub(crate) const DECL_TAG: u32 = 17;
    pub(crate) const TYPE_TAG: u32 = 18;
    pub(crate) const ENUM64: u32 = 19;
}

/// Why type information can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// The file can't be read.
    #[error("the kernel's type information at {path} can't be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no BTF, or of a form that this version does not know.
    #[error("the kernel's type information can't be understood: {reason} at byte {at}")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
        /// Where.
        at: usize,
    },
}

/// Type information: the bytes, and where each type starts.
pub(crate) struct Btf {
    bytes: Vec<u8>,
    /// Byte offset of type `i + 1`.
    types: Vec<u32>,
    /// Ids of the structs and unions that have names, by name: a gadget asks for dozens of their fields.
    composites: Vec<u32>,
    strings: Range<usize>,
}

/// One type, as it lies in the bytes.
#[derive(Clone, Copy)]
pub(crate) struct Type<'a> {
    pub(crate) name: u32,
    pub(crate) kind: u32,
    /// For structs and unions: members' offsets carry a bit field's size.
    pub(crate) flag: bool,
    /// Size in bytes, or the id of the type it refers to, by kind.
    pub(crate) size_or_type: u32,
    /// What follows: members, of [`TYPE`] bytes each, for a struct or union.
    rest: &'a [u8],
}

/// A member of a struct or union.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) name: u32,
    pub(crate) id: u32,
    pub(crate) bits: u32,
    /// Whether it is known to be a bit field.
    pub(crate) bitfield: bool,
}

impl Btf {
    /// The running kernel's.
    pub(crate) fn of_kernel() -> Result<Self, BtfError> {
        let bytes = std::fs::read(Path::new(KERNEL_BTF))
            .map_err(|source| BtfError::Read { path: KERNEL_BTF.into(), source })?;
        Self::index(bytes)
    }

    /// Finds where each type starts.
    pub(crate) fn index(bytes: Vec<u8>) -> Result<Self, BtfError> {
        let malformed = |reason, at| BtfError::Malformed { reason, at };
        let header = bytes.get(..24).ok_or_else(|| malformed("it ends in its header", bytes.len()))?;
        if header[..2] != MAGIC.to_le_bytes() || header[2] != 1 {
            return Err(malformed("there is no little-endian BTF of version 1", 0));
        }
        let section = |at: usize| {
            let base = word(&bytes, 4)? as usize;
            let start = base.checked_add(word(&bytes, at)? as usize)?;
            let range = start..start.checked_add(word(&bytes, at + 4)? as usize)?;
            (range.end <= bytes.len()).then_some(range)
        };
        let all = section(8).ok_or_else(|| malformed("its types lie outside of it", 8))?;
        let strings = section(16).ok_or_else(|| malformed("its names lie outside of it", 16))?;
        let mut types = Vec::with_capacity(all.len() / 36);
        let mut at = all.start;
        while at < all.end {
            types.push(u32::try_from(at).map_err(|_| malformed("it is larger than 4 GiB", at))?);
            let info = word(&bytes, at + 4).ok_or_else(|| malformed("it ends in a type", at))?;
            let rest = rest_len(info).ok_or_else(|| malformed("there is an unknown kind of type", at))?;
            at += TYPE + rest;
        }
        if at != all.end {
            return Err(malformed("it ends in a type", at));
        }
        let mut btf = Self { bytes, types, composites: Vec::new(), strings };
        let named = [kind::STRUCT, kind::UNION].into_iter().flat_map(|kind| btf.of_kind(kind));
        let mut named: Vec<_> = named.map(|(id, found)| (btf.name(found.name), id)).collect();
        named.retain(|(name, _)| !name.is_empty());
        named.sort_unstable();
        btf.composites = named.iter().map(|(_, id)| *id).collect();
        Ok(btf)
    }

    /// The type with this id; `None` for 0, which stands for `void`.
    pub(crate) fn get(&self, id: u32) -> Option<Type<'_>> {
        let at = *self.types.get((id as usize).checked_sub(1)?)? as usize;
        let info = word(&self.bytes, at + 4)?;
        Some(Type {
            name: word(&self.bytes, at)?,
            kind: kind_of(info),
            flag: info >> 31 == 1,
            size_or_type: word(&self.bytes, at + 8)?,
            rest: self.bytes.get(at + TYPE..at + TYPE + rest_len(info)?)?,
        })
    }

    /// The name at an offset; empty for an anonymous type.
    pub(crate) fn name(&self, offset: u32) -> &[u8] {
        let names = &self.bytes[self.strings.clone()];
        let name = names.get(offset as usize..).unwrap_or_default();
        name.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// Every type of a kind, with its id.
    pub(crate) fn of_kind(&self, kind: u32) -> impl Iterator<Item = (u32, Type<'_>)> {
        self.types.iter().zip(1..).filter_map(move |(at, id)| {
            let found = kind_of(word(&self.bytes, *at as usize + 4)?) == kind;
            Some((id, if found { self.get(id)? } else { return None }))
        })
    }

    /// Every type of a kind and name, with its id.
    pub(crate) fn named<'a>(&'a self, kind: u32, name: &'a str) -> impl Iterator<Item = (u32, Type<'a>)> {
        self.of_kind(kind).filter(move |(_, found)| self.is_named(found.name, name))
    }

    /// The structs and unions of a name.
    pub(crate) fn composites(&self, name: &str) -> impl Iterator<Item = Type<'_>> {
        let name_of = |id: &u32| self.get(*id).map(|found| self.name(found.name)).unwrap_or_default();
        let first = self.composites.partition_point(|id| name_of(id) < name.as_bytes());
        let last = self.composites.partition_point(|id| name_of(id) <= name.as_bytes());
        self.composites[first..last].iter().filter_map(|id| self.get(*id))
    }

    /// Whether the name at an offset is this one; cheaper than reading it first.
    pub(crate) fn is_named(&self, offset: u32, name: &str) -> bool {
        let names = &self.bytes[self.strings.clone()];
        let found = names.get(offset as usize..).unwrap_or_default();
        found.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
    }

    /// What is behind typedefs and qualifiers.
    pub(crate) fn resolve(&self, mut id: u32) -> Option<(u32, Type<'_>)> {
        // No chain in a sound kernel is nearly this long; a circle ends here.
        for _ in 0..32 {
            let found = self.get(id)?;
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_type;
                }
                _ => return Some((id, found)),
            }
        }
        None
    }
}

impl Type<'_> {
    /// Whether it has members.
    pub(crate) fn is_composite(&self) -> bool {
        matches!(self.kind, kind::STRUCT | kind::UNION)
    }

    /// Its members, for a struct or union.
    pub(crate) fn members(&self) -> impl Iterator<Item = Member> {
        let rest = if self.is_composite() { self.rest } else { &[] };
        rest.as_chunks::<TYPE>().0.iter().filter_map(|bytes| {
            let offset = word(bytes, 8)?;
            let (bits, bitfield) =
                if self.flag { (offset & 0xff_ffff, offset >> 24 != 0) } else { (offset, false) };
            Some(Member { name: word(bytes, 0)?, id: word(bytes, 4)?, bits, bitfield })
        })
    }

    /// Its names and numbers, for an enum of 32 bits.
    pub(crate) fn enumerators(&self) -> impl Iterator<Item = (u32, u32)> {
        let rest = if self.kind == kind::ENUM { self.rest } else { &[] };
        rest.as_chunks::<8>().0.iter().filter_map(|bytes| Some((word(bytes, 0)?, word(bytes, 4)?)))
    }

    /// For an integer: its offset and size in bits; both stray from the natural ones in old-style bit fields.
    pub(crate) fn int_bits(&self) -> Option<(u32, u32)> {
        let word = word(self.rest, 0).filter(|_| self.kind == kind::INT)?;
        Some(((word >> 16) & 0xff, word & 0xff))
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

const fn kind_of(info: u32) -> u32 {
    (info >> 24) & 0x1f
}

/// Bytes after the first three words; `None` for a kind that is not known.
const fn rest_len(info: u32) -> Option<usize> {
    let count = (info & 0xffff) as usize;
    Some(match kind_of(info) {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => count * 12,
        kind::ENUM | kind::FUNC_PROTO => count * 8,
        0..=18 => 0,
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests;
