//! The kernel's symbols, its modules' and its eBPF programs'.

use crate::table::Table;

/// Read when the first stack of the kernel comes; what is loaded later has no names in this run.
pub(crate) struct Kernel(Table);

impl Kernel {
    pub(crate) fn read() -> Self {
        Self::parse(&std::fs::read_to_string("/proc/kallsyms").unwrap_or_default())
    }

    fn parse(kallsyms: &str) -> Self {
        let symbols = kallsyms.lines().filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let address = u64::from_str_radix(words.next()?, 16).ok()?;
            let (kind, name) = (words.next()?, words.next()?);
            // Code; and without the right to see them, all addresses are 0.
            (matches!(kind, "t" | "T" | "w" | "W") && address != 0).then_some((address, 0, name))
        });
        Self(Table::collect(symbols))
    }

    pub(crate) fn name(&self, address: u64) -> String {
        self.0.name(address).unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_alone_has_names() {
        let kernel = Kernel::parse(
            "ffffffff81000000 T _stext\nffffffff81000100 t helper\t[module]\nffffffff81000200 D data\ngarbage\n",
        );
        assert_eq!(kernel.name(0xffff_ffff_8100_0050), "_stext");
        assert_eq!(kernel.name(0xffff_ffff_8100_0300), "helper");
        assert_eq!(kernel.name(5), "");
        assert_eq!(Kernel::parse("0000000000000000 T hidden\n").name(0), "");
    }
}
