//! What a gadget logs while it runs. On its node it goes to the operator's log at once; from a node elsewhere it comes with
//! the run, so that whoever asked sees it too.

pub use gadgetry_guest::Level;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The node that it came from; `None` for this one, in whose log it is already.
    pub node: Option<String>,
    /// The gadget's name.
    pub gadget: String,
    /// How bad it is.
    pub level: Level,
    /// One line, without control characters.
    pub message: String,
}

impl Line {
    /// Writes it to this process's log, unless it is there.
    pub fn write(&self) {
        let Self { node: Some(node), gadget, level, message } = self else { return };
        match level {
            Level::Debug => tracing::debug!(target: "gadget", node, gadget, "{message}"),
            Level::Info => tracing::info!(target: "gadget", node, gadget, "{message}"),
            Level::Warn => tracing::warn!(target: "gadget", node, gadget, "{message}"),
            Level::Error => tracing::error!(target: "gadget", node, gadget, "{message}"),
        }
    }
}
