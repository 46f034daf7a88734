//! Where functions of a given name lie in a program or library: what a probe is attached to.
//!
//! A function is found by its symbol, of the dynamic table or, for what is linked statically, of the full one. Go's
//! functions are also found in a program without symbols: Go keeps a table of its own ([`pclntab`]), which no stripping
//! takes away. They are only taken from programs whose Go passes arguments in registers (1.18 or newer), and their
//! returns are found one by one: Go moves its stacks, so the kernel can't put an address of its own in place of the
//! caller's, as it does for other languages.
//!
//! The files belong to others and may hold anything. A probe in the middle of an instruction would crash the program, so
//! what is not certain is refused. Sizes are limited, and what is not looked at is an error that says so.

mod elf;
mod pclntab;
mod returns;

use std::ops::Range;

use object::read::ReadRef;

use elf::Elf;

/// Largest table of symbols, or of their names, or of Go's functions.
const MAX_TABLE: u64 = 256 << 20;
/// Largest function whose returns are looked for.
const MAX_FUNCTION: u64 = 64 << 10;
/// Most places of one name: libraries may have several versions of a function.
const MAX_PLACES: usize = 4;
/// Most returns of one function.
const MAX_RETURNS: usize = 64;

/// What a function is written in: how it is called, and where its name is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Anything with symbols that is called as C is.
    C,
    /// Go.
    Go,
}

/// A function that is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// Its symbol: `SSL_write`, `crypto/tls.(*Conn).Write`.
    pub name: String,
    /// Its language.
    pub language: Language,
}

/// A function that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of those wanted.
    pub function: usize,
    /// Where in the file its first instruction lies.
    pub entry: u64,
    /// Where in the file its return instructions lie; only for Go.
    pub returns: Vec<u64>,
}

/// What a file holds of what was wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The functions found.
    pub places: Vec<Place>,
    /// Functions that are there and can't be probed: which of those wanted, and why.
    pub refused: Vec<(usize, Refused)>,
}

/// Why a function that is there can't be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The program's Go passes arguments on the stack.
    #[error("the program is made with Go 1.17 or older")]
    OldGo,
    /// Where it begins is told, but what lies there is no beginning of a Go function.
    #[error("where it begins is not certain")]
    NoBeginning,
    /// Its instructions can't be told apart, or there are too many.
    #[error("its return instructions can't be found")]
    NoReturns,
}

/// Why a file was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unread {
    /// It is no ELF file: nothing to look for.
    #[error("no program")]
    NoProgram,
    /// It is for another machine, or a 32-bit one.
    #[error("a program for another kind of machine (32 bits, say)")]
    Foreign,
    /// One of its tables is larger than is read.
    #[error("a table of symbols of more than {} MiB", MAX_TABLE >> 20)]
    TooLarge,
    /// It can't be opened: its name leads nowhere, and the mapping itself takes a capability.
    #[error(
        "it has no name any more (replaced, deleted or made in memory), and opening it takes the capability \
         CHECKPOINT_RESTORE"
    )]
    Nameless,
    /// It can't be read, or contradicts itself.
    #[error("a damaged or unreadable file")]
    Damaged,
}

/// Where a function begins and ends by Go's own table, counted from the start of the code.
pub fn in_go_table(table: &[u8], name: &str) -> Option<Range<u64>> {
    pclntab::Table::parse(table).ok()?.find(name)
}

/// Looks for functions in a file.
pub fn functions<'d, R: ReadRef<'d>>(file: R, wanted: &[Function]) -> Result<Findings, Unread> {
    let elf = Elf::parse(file)?;
    let go = if wanted.iter().any(|it| it.language == Language::Go) { elf.pclntab()? } else { None };
    let looked_for: Vec<_> = wanted
        .iter()
        .enumerate()
        // A program without Go's table is not made with Go, whatever its symbols are called.
        .filter(|(_, it)| it.language == Language::C || go.is_some())
        .map(|(at, it)| (at, it.name.as_str()))
        .collect();
    let symbols = elf.symbols(&looked_for)?;
    let mut findings = Findings::default();
    for symbol in &symbols {
        match wanted[symbol.function].language {
            Language::C => findings.places.extend(elf.offset(symbol.address).map(|entry| Place {
                function: symbol.function,
                entry,
                returns: Vec::new(),
            })),
            Language::Go => findings.go(
                &elf,
                symbol.function,
                symbol.address,
                symbol.size,
                go.is_some_and(pclntab::is_old),
            ),
        }
    }
    let Some(bytes) = go else { return Ok(findings) };
    let missing: Vec<_> = looked_for
        .iter()
        .filter(|(at, _)| wanted[*at].language == Language::Go && symbols.iter().all(|it| it.function != *at))
        .collect();
    if missing.is_empty() {
        return Ok(findings);
    }
    let table = pclntab::Table::parse(bytes);
    for (at, name) in missing {
        match &table {
            // Whether it has the function is not known; but it may.
            Err(pclntab::Unusable::Old) => findings.refused.push((*at, Refused::OldGo)),
            Err(pclntab::Unusable::Damaged) => return Err(Unread::Damaged),
            Ok(table) => {
                let Some(span) = table.find(name) else { continue };
                let starts = table.text_starts(elf.text());
                let certain = starts
                    .into_iter()
                    .map(|text| text.wrapping_add(span.start))
                    .find(|address| elf.is_go_function(*address));
                match certain {
                    Some(address) => findings.go(&elf, *at, address, span.end - span.start, false),
                    None => findings.refused.push((*at, Refused::NoBeginning)),
                }
            }
        }
    }
    Ok(findings)
}

impl Findings {
    /// Adds a function of Go's.
    fn go<'d, R: ReadRef<'d>>(
        &mut self,
        elf: &Elf<'d, R>,
        function: usize,
        address: u64,
        size: u64,
        old: bool,
    ) {
        if old {
            return self.refused.push((function, Refused::OldGo));
        }
        let Some(entry) = elf.offset(address) else {
            return self.refused.push((function, Refused::NoBeginning));
        };
        let code = if size <= MAX_FUNCTION { elf.code(address, size) } else { None };
        let returns = code.and_then(returns::of).filter(|it| !it.is_empty() && it.len() <= MAX_RETURNS);
        match returns {
            Some(returns) => {
                let returns = returns.into_iter().map(|at| entry + at).collect();
                self.places.push(Place { function, entry, returns });
            }
            None => self.refused.push((function, Refused::NoReturns)),
        }
    }
}

#[cfg(test)]
mod tests;
