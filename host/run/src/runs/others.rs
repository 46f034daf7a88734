//! Runs that other servers keep. Several servers may stand behind one address, and any of them may be asked for a run: the
//! one that started it has its rows, and the others ask that one.

use std::pin::Pin;

use super::{Ask, Asker, Page, Run, RunsError};

/// What will be answered.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The other servers of the same cluster.
pub trait Others: Send + Sync + 'static {
    /// Runs of all of them.
    fn list<'a>(&'a self, asker: Asker<'a>) -> Answering<'a, Listed>;

    /// Rows of a run that one of them keeps.
    ///
    /// # Errors
    /// [`RunsError::Unknown`] if none does, [`RunsError::Unreached`] if one that might did not answer.
    fn get<'a>(&'a self, asker: Asker<'a>, ask: Ask<'a>) -> Answering<'a, Result<Page, RunsError>>;

    /// Stops such a run.
    ///
    /// # Errors
    /// As [`Self::get`].
    fn stop<'a>(&'a self, asker: Asker<'a>, id: &'a str) -> Answering<'a, Result<Run, RunsError>>;
}

/// Runs of others.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that were told of.
    pub runs: Vec<Run>,
    /// Who did not answer, and why: a sentence each.
    pub notes: Vec<String>,
}
