//! What a section says a program is for: `uprobe/SSL_read,SSL_write`, `uretprobe/SSL_read,SSL_write`, and of Go
//! `uprobe/go:crypto/tls.(*Conn).Read`, `uprobe/go-return:crypto/tls.(*Conn).Read`.

use gadgetry_symbols::find::{Function, Language, Place};

/// Most functions of one program.
const MAX_FUNCTIONS: usize = 32;
/// Longest name.
const MAX_NAME: usize = 256;

/// The functions of a program; a program learns which one it was called for by its place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) functions: Vec<Function>,
    /// At their returns, not at their entries.
    pub(crate) returns: bool,
}

impl Target {
    /// Takes a section's name apart; `None` when it has not the form.
    pub(crate) fn parse(section: &str) -> Option<Self> {
        let (kind, list) = section.split_once('/')?;
        let functions = list.split(',').map(|text| function(kind, text)).collect::<Option<Vec<_>>>()?;
        let (first, returns) = functions.first()?.clone();
        let same = functions.iter().all(|it| (it.0.language, it.1) == (first.language, returns));
        let functions = functions.into_iter().map(|it| it.0).collect::<Vec<_>>();
        (same && functions.len() <= MAX_FUNCTIONS).then_some(Self { functions, returns })
    }

    /// Where in the file it attaches for a function found there. The kernel finds the returns of C's functions by itself,
    /// from their entry.
    pub(crate) fn offsets(&self, place: &Place) -> Vec<u64> {
        if self.returns && self.is_go() { place.returns.clone() } else { vec![place.entry] }
    }

    /// Whether the kernel is to find the returns.
    pub(crate) fn at_return(&self) -> bool {
        self.returns && !self.is_go()
    }

    /// All functions are of one language.
    fn is_go(&self) -> bool {
        self.functions.iter().all(|it| it.language == Language::Go)
    }
}

/// A function, and whether its returns are meant: `SSL_write`, which the kind of the section says; or, of Go,
/// `go:crypto/tls.(*Conn).Write` and `go-return:crypto/tls.(*Conn).Write`, both in a section for instructions.
fn function(kind: &str, text: &str) -> Option<(Function, bool)> {
    let (prefix, name) = text.split_once(':').unwrap_or(("", text));
    let (language, returns) = match (kind, prefix) {
        ("uprobe", "") => (Language::C, false),
        ("uretprobe", "") => (Language::C, true),
        ("uprobe", "go") => (Language::Go, false),
        ("uprobe", "go-return") => (Language::Go, true),
        _ => return None,
    };
    let fits = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|it| it.is_ascii_graphic());
    fits.then(|| (Function { name: name.to_owned(), language }, returns))
}

/// The functions of all programs, each once.
pub(crate) fn all<'a>(targets: impl Iterator<Item = &'a Target>) -> Vec<Function> {
    let mut all = Vec::new();
    for function in targets.flat_map(|it| &it.functions) {
        if !all.contains(function) {
            all.push(function.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_name_functions() {
        let place = Place { function: 0, entry: 5, returns: vec![7, 9] };
        let cases = [
            ("uprobe/SSL_read,SSL_write", Language::C, "SSL_read", vec![5]),
            ("uretprobe/SSL_read", Language::C, "SSL_read", vec![5]),
            ("uprobe/go:crypto/tls.(*Conn).Read", Language::Go, "crypto/tls.(*Conn).Read", vec![5]),
            ("uprobe/go-return:crypto/tls.(*Conn).Read", Language::Go, "crypto/tls.(*Conn).Read", vec![7, 9]),
        ];
        for (section, language, name, offsets) in cases {
            let target = Target::parse(section).expect(section);
            assert_eq!((target.functions[0].language, target.functions[0].name.as_str()), (language, name));
            assert_eq!((target.offsets(&place), target.at_return()), (offsets, section.starts_with("uret")));
        }
        let long = format!("uprobe/{}", "x".repeat(257));
        let many = format!("uprobe/{}", ["f"; 33].join(","));
        let bad = [
            "uprobe",
            "uprobe/",
            "uprobe/a,",
            "uprobe/a b",
            "uprobe/go:",
            "uprobe/a,go:b",
            "uprobe/go:a,go-return:b",
        ];
        for section in bad.into_iter().chain(["uretprobe/go:a", "uprobe/rust:a", "kprobe/f", &long, &many]) {
            assert_eq!(Target::parse(section), None, "{section}");
        }
    }
}
