//! Words of flag bits as arrays of names.

use crate::{Schema, Value, json};

/// A name for one or more bits.
pub type Name = (u64, &'static str);

/// Flag bits with names: in a row an array of them. Bits without a name are told by [`Bits::unknown`].
#[derive(Clone, Copy, Debug)]
pub struct Bits {
    table: &'static [Name],
    bits: u64,
}

impl Bits {
    /// `bits` by the names of `table`: those of several bits first, each bit named once.
    pub const fn new(table: &'static [Name], bits: u64) -> Self {
        Self { table, bits }
    }

    /// Only those of `bits` that `table` names.
    pub fn named(table: &'static [Name], bits: u64) -> Self {
        let unknown = Self { table, bits }.unknown().unwrap_or(0);
        Self { table, bits: bits & !unknown }
    }

    /// Itself, or `None` when no bit is set: for a row's optional field.
    pub fn non_empty(self) -> Option<Self> {
        if self.bits == 0 { None } else { Some(self) }
    }

    /// The bits that no name stands for, if any.
    pub fn unknown(self) -> Option<u64> {
        let left = self.table.iter().fold(self.bits, |left, &(bits, _)| left & !bits);
        if left == 0 { None } else { Some(left) }
    }

    /// The names of the bits that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let mut left = self.bits;
        self.table.iter().filter_map(move |&(bits, name)| {
            if left & bits != bits {
                return None;
            }
            left &= !bits;
            Some(name)
        })
    }
}

impl Value for Bits {
    const WIDTH: u16 = 24;

    fn write(&self, out: &mut Vec<u8>) {
        names(out, self.names());
    }

    fn schema() -> Schema {
        Schema::array(&Schema::of("string"))
    }
}

/// Writes names, none of which needs escaping, as an array.
pub(crate) fn names(out: &mut Vec<u8>, names: impl Iterator<Item = &'static str>) {
    let start = out.len();
    for name in names {
        out.push(b',');
        json::plain(out, name);
    }
    match out.get_mut(start) {
        Some(comma) => *comma = b'[',
        None => out.push(b'['),
    }
    out.push(b']');
}
