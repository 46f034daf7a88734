//! Symbols by address: names in one text, so that a hundred thousand of them are two allocations.

/// Bytes of all names of a table; what is beyond has no name.
const MOST_BYTES: usize = 256 << 20;
/// Symbols of a table.
const MOST: usize = 4 << 20;

struct Symbol {
    address: u64,
    /// 0: up to the next symbol.
    size: u64,
    name: (u32, u32),
}

/// Symbols, sorted by address.
#[derive(Default)]
pub(crate) struct Table {
    symbols: Vec<Symbol>,
    names: String,
}

impl Table {
    pub(crate) fn collect<'a>(symbols: impl Iterator<Item = (u64, u64, &'a str)>) -> Self {
        let mut table = Self::default();
        for (address, size, name) in symbols {
            if table.symbols.len() == MOST || table.names.len() + name.len() > MOST_BYTES {
                break;
            }
            let (Ok(start), Ok(len)) = (u32::try_from(table.names.len()), u32::try_from(name.len())) else {
                break;
            };
            table.names.push_str(name);
            table.symbols.push(Symbol { address, size, name: (start, len) });
        }
        table.symbols.sort_by_key(|it| it.address);
        table
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.symbols.is_empty()
    }

    /// The symbol that `address` lies in.
    pub(crate) fn name(&self, address: u64) -> Option<&str> {
        let after = self.symbols.partition_point(|it| it.address <= address);
        let last = self.symbols.get(after.checked_sub(1)?)?;
        // Several may begin at the same address; one of them may be without a size.
        let same = self.symbols[..after].iter().rev().take_while(|it| it.address == last.address);
        let symbol = same.into_iter().find(|it| it.size == 0 || address - it.address < it.size)?;
        let (start, len) = (symbol.name.0 as usize, symbol.name.1 as usize);
        self.names.get(start..start + len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_the_symbol_before_it() {
        let table = Table::collect([(30, 0, "open"), (10, 5, "sized"), (10, 2, "short")].into_iter());
        let cases = [
            (9, None),
            (10, Some("short")),
            (13, Some("sized")),
            (15, None),
            (30, Some("open")),
            (99, Some("open")),
        ];
        for (address, name) in cases {
            assert_eq!(table.name(address), name, "{address}");
        }
        assert_eq!(Table::default().name(1), None);
    }
}
