//! What was looked at for probes and what was not, kept small however long a run is.

use std::collections::{BTreeMap, HashSet};
use std::io;

use gadgetry_symbols::find::{Function, Unread};

/// Most files that are named, and most refusals.
const MOST: usize = 16;
/// Longest name of a file: others choose it.
const MAX_NAME: usize = 256;

/// What the probes of a run were attached to.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    /// Files with probes, as the process that had them mapped calls them; the first ones, if there are many.
    pub files: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// By program: in how many of them it is.
    pub programs: BTreeMap<String, u64>,
    /// What was not looked at or could not be probed, a sentence each.
    pub notes: Vec<String>,
}

/// The counts behind it.
pub(super) struct Report {
    functions: String,
    probed: Probed,
    unread: BTreeMap<Unread, u64>,
    refusals: Vec<String>,
    more_refusals: u64,
    beyond_files: bool,
    beyond_links: u64,
    left: usize,
    no_news: Option<String>,
}

impl Report {
    pub(super) fn new(functions: &[Function]) -> Self {
        Self {
            functions: functions.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", "),
            probed: Probed::default(),
            unread: BTreeMap::new(),
            refusals: Vec::new(),
            more_refusals: 0,
            beyond_files: false,
            beyond_links: 0,
            left: 0,
            no_news: None,
        }
    }

    /// A file was not looked at.
    pub(super) fn unread(&mut self, unread: Unread) {
        // Fonts and caches are mapped to run code from by mistake; they are nothing to tell of.
        if unread != Unread::NoProgram {
            *self.unread.entry(unread).or_default() += 1;
        }
    }

    /// A function that a file has was not probed.
    pub(super) fn refused(&mut self, file: &str, function: &str, why: &str) {
        if self.refusals.len() < MOST {
            self.refusals.push(format!("`{function}` of {} is not probed: {why}", name(file)));
        } else {
            self.more_refusals += 1;
        }
    }

    /// A file got probes of these programs.
    pub(super) fn probed(&mut self, file: &str, programs: HashSet<String>) {
        if programs.is_empty() {
            return;
        }
        self.probed.count += 1;
        if self.probed.files.len() < MOST {
            self.probed.files.push(name(file));
        }
        for program in programs {
            *self.probed.programs.entry(program).or_default() += 1;
        }
    }

    /// There are more files than are looked at.
    pub(super) fn beyond_files(&mut self) {
        self.beyond_files = true;
    }

    /// A place was not probed, for there are too many.
    pub(super) fn beyond_links(&mut self) {
        self.beyond_links += 1;
    }

    /// So many processes are still to be looked at.
    pub(super) fn left(&mut self, processes: usize) {
        self.left = processes;
    }

    /// The kernel does not tell of new mappings.
    pub(super) fn no_news(&mut self, error: &io::Error) {
        self.no_news = Some(error.to_string());
    }

    /// All of it.
    pub(super) fn told(&self) -> Probed {
        let mut probed = self.probed.clone();
        let notes = &mut probed.notes;
        if probed.count == 0 {
            notes.push(format!(
                "no process has run a file with any of the functions looked for ({})",
                self.functions
            ));
        }
        notes.extend(self.refusals.iter().cloned());
        if self.more_refusals > 0 {
            notes.push(format!("{} more functions are not probed", self.more_refusals));
        }
        let files = self.unread.iter().map(|(why, count)| match count {
            1 => format!("1 file that is run was not looked at: {why}"),
            count => format!("{count} files that are run were not looked at: {why}"),
        });
        notes.extend(files);
        if self.left > 0 {
            notes.push(format!("{} processes were not looked at before the run ended", self.left));
        }
        if self.beyond_files {
            notes.push(format!("only the first {} files that are run were looked at", super::MAX_FILES));
        }
        if self.beyond_links > 0 {
            let most = super::MAX_LINKS;
            notes.push(format!("{} places are not probed: a run has {most} at most", self.beyond_links));
        }
        if let Some(error) = &self.no_news {
            notes.push(format!(
                "processes that start during the run are found within a second, not at once: the kernel does not tell of \
                 their mappings ({error})"
            ));
        }
        probed
    }
}

/// A file's name, cut to what is shown.
fn name(file: &str) -> String {
    let mut end = file.len().min(MAX_NAME);
    while !file.is_char_boundary(end) {
        end -= 1;
    }
    file[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_has_a_short_report() {
        let mut report = Report::new(&[]);
        assert!(report.told().notes[0].starts_with("no process has run a file"));
        for n in 0..100 {
            report.refused(&format!("/bin/{n}ä{}", "x".repeat(500)), "f", "so");
            report.probed("/lib/a", HashSet::from(["p".to_owned()]));
            report.unread(Unread::NoProgram);
            report.unread(Unread::TooLarge);
            report.beyond_links();
        }
        report.beyond_files();
        report.left(3);
        report.no_news(&io::Error::from_raw_os_error(1));
        let told = report.told();
        assert_eq!((told.count, told.files.len(), told.programs["p"], told.notes.len()), (100, 16, 100, 22));
        assert!(told.notes.iter().all(|it| it.len() < 400), "{:?}", told.notes);
        assert_eq!(
            told.notes[17],
            "100 files that are run were not looked at: a table of symbols of more than 256 MiB"
        );
    }
}
