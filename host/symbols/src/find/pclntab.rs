//! Go's own table of functions, which its runtime needs to unwind stacks and so is in every program, stripped or not.
//!
//! The form is that of Go 1.18 to at least 1.25 (`runtime.pcHeader`): a head with the places of the parts, the names as
//! one text, and for each function, in the order of addresses, where it begins and where more is said of it.

use std::ops::Range;

use memchr::memmem;

/// First bytes of the table, of Go 1.18 and 1.20; those before differ, and so does how functions are called.
const MAGIC: [u32; 2] = [0xffff_fff0, 0xffff_fff1];
/// Those before: 1.2 and 1.16.
const OLD_MAGIC: [u32; 2] = [0xffff_fffb, 0xffff_fffa];
/// Bytes of the head.
const HEAD: usize = 72;
/// Most functions.
const MAX_FUNCTIONS: usize = 4 << 20;

/// Why a table can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Old,
    Damaged,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table<'d> {
    bytes: &'d [u8],
    text_start: u64,
    names: Range<usize>,
    functions: usize,
    count: usize,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|it| u32::from_le_bytes(*it))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|it| u64::from_le_bytes(*it))
}

/// Whether the table is of a Go that passes arguments on the stack.
pub(super) fn is_old(bytes: &[u8]) -> bool {
    u32_at(bytes, 0).is_some_and(|magic| OLD_MAGIC.contains(&magic))
}

impl<'d> Table<'d> {
    pub(super) fn parse(bytes: &'d [u8]) -> Result<Self, Unusable> {
        if is_old(bytes) {
            return Err(Unusable::Old);
        }
        let table = Self::fields(bytes).ok_or(Unusable::Damaged)?;
        // An entry for each function, and where the last one ends.
        let end = table.functions.checked_add(table.count * 8 + 4);
        if table.count > MAX_FUNCTIONS || end.is_none_or(|end| end > bytes.len()) {
            return Err(Unusable::Damaged);
        }
        Ok(table)
    }

    fn fields(bytes: &'d [u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        // Two zeroes, what addresses are multiples of, and the size of a pointer.
        if !MAGIC.contains(&u32_at(head, 0)?) || head[7] != 8 {
            return None;
        }
        let place = |at: usize| usize::try_from(u64_at(head, at)?).ok().filter(|it| *it <= bytes.len());
        let names = place(32)?..place(40)?;
        bytes.get(names.clone())?;
        let count = usize::try_from(u64_at(head, 8)?).ok().filter(|it| *it <= MAX_FUNCTIONS)?;
        Some(Self { bytes, text_start: u64_at(head, 24)?, names, functions: place(64)?, count })
    }

    /// Where the function `name` begins and ends, counted from the start of the code.
    pub(super) fn find(&self, name: &str) -> Option<Range<u64>> {
        let names = &self.bytes[self.names.clone()];
        let with_end = [name.as_bytes(), b"\0"].concat();
        let whole = |at: &usize| at.checked_sub(1).is_none_or(|before| names[before] == 0);
        let name = u32::try_from(memmem::find_iter(names, &with_end).find(whole)?).ok()?;
        let entry = |n: usize, word: usize| u32_at(self.bytes, self.functions + n * 8 + word * 4);
        for n in 0..self.count {
            let more = self.functions.checked_add(entry(n, 1)? as usize)?;
            if u32_at(self.bytes, more.checked_add(4)?) == Some(name) {
                let (start, end) = (entry(n, 0)?, entry(n + 1, 0)?);
                return (start < end).then_some(u64::from(start)..u64::from(end));
            }
        }
        None
    }

    /// Where in memory the code may begin: what the table says, which may be left for the loader to fill in; and the
    /// section of code, which may begin with C's.
    pub(super) fn text_starts(&self, text: Option<u64>) -> Vec<u64> {
        let told = (self.text_start != 0).then_some(self.text_start);
        told.into_iter().chain(text).collect()
    }
}
