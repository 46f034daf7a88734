//! The gadgets that can be called now. Process-wide, replaced whole, so that a listing is one consistent view and
//! never waits: images are resolved, verified and compiled before they are put here.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::gadget::{Gadget, Tool};

/// The catalogue.
pub struct Catalog {
    gadgets: ArcSwap<Vec<Arc<Gadget>>>,
    version: watch::Sender<u64>,
}

/// Two gadgets that cannot be in one catalogue.
#[derive(Debug, thiserror::Error)]
#[error(
    "the tool `{tool}` is offered by both {first} and {second}: leave one of the two out of --gadget-images"
)]
pub struct Conflict {
    tool: String,
    first: String,
    second: String,
}

impl Catalog {
    /// A catalogue of `gadgets`, ordered by tool name.
    pub fn new(gadgets: Vec<Arc<Gadget>>) -> Result<Self, Conflict> {
        let gadgets = ordered(gadgets)?;
        Ok(Self { gadgets: ArcSwap::from_pointee(gadgets), version: watch::Sender::new(0) })
    }

    /// Replaces the whole content and tells those who [`Self::watch`].
    pub fn replace(&self, gadgets: Vec<Arc<Gadget>>) -> Result<(), Conflict> {
        self.gadgets.store(Arc::new(ordered(gadgets)?));
        self.version.send_modify(|version| *version += 1);
        Ok(())
    }

    /// All gadgets, ordered by their first tool's name.
    pub fn gadgets(&self) -> Arc<Vec<Arc<Gadget>>> {
        self.gadgets.load_full()
    }

    /// The gadget that offers `tool`, and its index among the gadget's tools.
    pub fn find(&self, tool: &str) -> Option<(Arc<Gadget>, usize)> {
        self.gadgets.load().iter().find_map(|gadget| {
            let at = gadget.tools.iter().position(|it| it.name == tool)?;
            Some((gadget.clone(), at))
        })
    }

    /// Changes of the content.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

fn ordered(mut gadgets: Vec<Arc<Gadget>>) -> Result<Vec<Arc<Gadget>>, Conflict> {
    gadgets.sort_by(|a, b| first_tool(a).cmp(first_tool(b)));
    let mut seen: Vec<(&Tool, &Gadget)> = Vec::new();
    for gadget in &gadgets {
        for tool in &gadget.tools {
            if let Some((_, other)) = seen.iter().find(|(it, _)| it.name == tool.name) {
                return Err(Conflict {
                    tool: tool.name.clone(),
                    first: other.identity.reference.clone(),
                    second: gadget.identity.reference.clone(),
                });
            }
            seen.push((tool, gadget));
        }
    }
    Ok(gadgets)
}

fn first_tool(gadget: &Gadget) -> &str {
    gadget.tools.first().map_or("", |tool| tool.name.as_str())
}
