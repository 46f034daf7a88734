//! Where a field of a kernel struct lies, by the name of a global: `task_struct__real_parent`,
//! `mnt_namespace__ns__inum`.
//!
//! Two underscores separate the parts of a path, and may also belong to a name (`task_struct.__state`), so a part is
//! tried with as many pieces as it takes to name something. Anonymous structs and unions are looked through, as C
//! does. Where the kernel has several structs of one name, all that have the field must agree on where it is.

use super::{Btf, Type, kind};

/// Why a field's place can't be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The kernel has no such struct.
    #[error("kernel {release} has no struct or union `{name}`")]
    NoStruct {
        /// The struct.
        name: String,
        /// The kernel.
        release: String,
    },
    /// The struct has no such field.
    #[error("struct `{name}` of kernel {release} has no field `{field}`")]
    NoField {
        /// The struct.
        name: String,
        /// The field, dotted when it lies deeper.
        field: String,
        /// The kernel.
        release: String,
    },
    /// The path goes on behind a pointer, a number or an array.
    #[error(
        "`{field}` of struct `{name}` is no struct in kernel {release}, so it has no `{rest}`; what is behind a \
         pointer takes a global of its own"
    )]
    NotInside {
        /// The struct.
        name: String,
        /// The field that was found.
        field: String,
        /// What was to be found in it.
        rest: String,
        /// The kernel.
        release: String,
    },
    /// The field has no byte offset.
    #[error("`{field}` of struct `{name}` is a bit field in kernel {release}; it has no byte offset")]
    BitField {
        /// The struct.
        name: String,
        /// The field.
        field: String,
        /// The kernel.
        release: String,
    },
    /// Several structs share the name.
    #[error("kernel {release} has several structs `{name}`, with `{field}` in different places")]
    Ambiguous {
        /// The struct.
        name: String,
        /// The field.
        field: String,
        /// The kernel.
        release: String,
    },
}

impl FieldError {
    /// Whether the kernel lacks the field, rather than that it was asked for wrongly.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::NoStruct { .. } | Self::NoField { .. })
    }
}

/// The byte offset of the field that `path` names.
pub(crate) fn offset(btf: &Btf, path: &str, release: &str) -> Result<u32, FieldError> {
    let pieces: Vec<&str> = path.split("__").collect();
    let release = release.to_owned();
    for (name, rest) in parts(&pieces) {
        let found = composites(btf, &name);
        if found.is_empty() {
            continue;
        }
        let mut offsets = Vec::new();
        let mut error = None;
        for composite in found {
            match walk(btf, composite, rest) {
                Ok(bits) => offsets.push(bits / 8),
                Err(stop) => error = error.or(Some(stop)),
            }
        }
        let field = dotted(rest);
        offsets.dedup();
        return match (offsets.as_slice(), error) {
            (&[offset], _) => Ok(offset),
            ([_, ..], _) => Err(FieldError::Ambiguous { name, field, release }),
            ([], Some(Stop::BitField)) => Err(FieldError::BitField { name, field, release }),
            ([], Some(Stop::NotInside { field, rest })) => {
                Err(FieldError::NotInside { name, field, rest, release })
            }
            ([], _) => Err(FieldError::NoField { name, field, release }),
        };
    }
    let name = parts(&pieces).next().map_or_else(|| path.to_owned(), |(name, _)| name);
    Err(FieldError::NoStruct { name, release })
}

/// The size in bytes of the struct or union called `name`.
pub(crate) fn size(btf: &Btf, name: &str, release: &str) -> Result<u32, FieldError> {
    let mut sizes: Vec<u32> = composites(btf, name).iter().map(|found| found.size_or_type).collect();
    sizes.dedup();
    let (name, release) = (name.to_owned(), release.to_owned());
    match sizes.as_slice() {
        &[size] => Ok(size),
        [] => Err(FieldError::NoStruct { name, release }),
        _ => Err(FieldError::Ambiguous { name, field: "its size".into(), release }),
    }
}

enum Stop {
    NoField,
    BitField,
    NotInside { field: String, rest: String },
}

/// The structs and unions of this name, and what typedefs of this name stand for.
fn composites<'a>(btf: &'a Btf, name: &'a str) -> Vec<Type<'a>> {
    let mut found: Vec<_> = btf.composites(name).collect();
    if found.is_empty() {
        let behind = btf.named(kind::TYPEDEF, name).filter_map(|(id, _)| btf.resolve(id));
        found = behind.map(|(_, found)| found).filter(Type::is_composite).collect();
    }
    found
}

/// Follows the path's pieces from a struct; the offset in bits.
fn walk(btf: &Btf, composite: Type<'_>, pieces: &[&str]) -> Result<u32, Stop> {
    let mut stop = Stop::NoField;
    for (name, rest) in parts(pieces) {
        let Some((member, bits)) = member(btf, composite, &name, 0) else { continue };
        if rest.is_empty() {
            return if member.bitfield || bits % 8 != 0 { Err(Stop::BitField) } else { Ok(bits) };
        }
        let inner = btf.resolve(member.id).map(|(_, inner)| inner).filter(Type::is_composite);
        let Some(inner) = inner else {
            stop = Stop::NotInside { field: name, rest: dotted(rest) };
            continue;
        };
        match walk(btf, inner, rest) {
            Ok(more) => return Ok(bits.saturating_add(more)),
            Err(deeper) => stop = deeper,
        }
    }
    Err(stop)
}

/// A member by name, also inside of anonymous members; with its offset in bits.
fn member(btf: &Btf, composite: Type<'_>, name: &str, depth: u8) -> Option<(super::Member, u32)> {
    let mut inside = Vec::new();
    for mut member in composite.members() {
        if btf.is_named(member.name, name) {
            let int =
                btf.resolve(member.id).and_then(|(_, found)| Some((found.int_bits()?, found.size_or_type)));
            let narrow =
                int.is_some_and(|((offset, bits), size)| offset != 0 || bits != size.saturating_mul(8));
            // `_Bool` has 8 bits; kernels before `flag` told bit fields by integers narrower than their storage.
            member.bitfield |= narrow;
            return Some((member, member.bits));
        }
        if btf.name(member.name).is_empty() {
            inside.push(member);
        }
    }
    if depth == 16 {
        return None;
    }
    inside.into_iter().find_map(|anonymous| {
        let (_, inner) = btf.resolve(anonymous.id).filter(|(_, inner)| inner.is_composite())?;
        let (found, bits) = member(btf, inner, name, depth + 1)?;
        Some((found, anonymous.bits.checked_add(bits)?))
    })
}

/// The ways to take a name off the front: one piece, two pieces joined, and so on.
fn parts<'a>(pieces: &'a [&'a str]) -> impl Iterator<Item = (String, &'a [&'a str])> {
    (1..=pieces.len())
        .map(|count| (pieces[..count].join("__"), &pieces[count..]))
        .filter(|(name, _)| !name.is_empty())
}

/// The rest of a path as a person would write it; only for messages.
fn dotted(pieces: &[&str]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match text.as_str() {
            "" => {}
            _ if text.ends_with("__") => {}
            _ => text.push('.'),
        }
        text.push_str(if piece.is_empty() { "__" } else { piece });
    }
    text
}
