//! The gadgets of an agent: fetched and verified by its own policy, whoever asks for them, and kept ready.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Result;
use gadget_registry::reference::Reference;
use gadgetry_control::source::{Found, Source};
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::Node;
use gadgetry_run::supply::Supply;
use tokio::runtime::Handle;

use crate::commands::mcp::register;

/// Gadgets kept ready; beyond, those asked for first are made ready again when they are asked for.
const KEPT: usize = 256;

/// The gadgets.
pub(super) struct Own {
    supply: Arc<Supply>,
    node: Arc<Node>,
    known: Mutex<HashMap<String, Arc<Gadget>>>,
    /// One at a time, so that many calls for a new image fetch it once.
    fetching: tokio::sync::Mutex<()>,
    ready: OnceLock<()>,
}

impl Own {
    pub(super) fn new(supply: Supply, node: Arc<Node>) -> Self {
        let (known, fetching) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { supply: Arc::new(supply), node, known, fetching, ready: OnceLock::new() }
    }

    /// Makes `images` ready, all built-in ones if none is named. One that can't be had is told of, and is no reason not to
    /// serve the others.
    pub(super) async fn prepare(&self, images: &[String]) -> Result<()> {
        let all = || self.supply.built_ins().keys().cloned().collect();
        let images = if images.is_empty() { all() } else { images.to_vec() };
        for image in images {
            if let Err(error) = self.fetched(&image).await {
                tracing::error!(image, error = format!("{error:#}"), "the gadget is not ready");
            }
        }
        let _ = self.ready.set(());
        Ok(())
    }

    /// Whether it can work.
    pub(super) fn ready(&self) -> Result<(), String> {
        self.ready.get().copied().ok_or_else(|| "gadgets are being made ready".to_owned())
    }

    fn kept(&self, key: &str) -> Option<Arc<Gadget>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    async fn fetched(&self, text: &str) -> Result<Arc<Gadget>> {
        let _one = self.fetching.lock().await;
        if let Some(gadget) = self.kept(text) {
            return Ok(gadget);
        }
        // A thread of its own, for the way to a registry is no future that may go from thread to thread.
        let (supply, name, runtime) = (self.supply.clone(), text.to_owned(), Handle::current());
        let image = tokio::task::spawn_blocking(move || runtime.block_on(supply.fetch(&name))).await??;
        let gadget = register(&self.node, image).await?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(text.to_owned(), gadget.clone());
        Ok(gadget)
    }
}

impl Source for Own {
    async fn find(&self, reference: &str, digest: &str) -> Result<Found, String> {
        let told = |error: anyhow::Error| format!("{error:#}");
        let parsed: Reference = reference.parse().map_err(|error| format!("{reference}: {error}"))?;
        let built_in = parsed.built_in().and_then(|name| Some((name, self.supply.built_ins().get(name)?)));
        if let Some((name, link)) = built_in {
            let gadget = self.fetched(name).await.map_err(told)?;
            let own = link.digest.to_string();
            let same = digest.is_empty() || digest == own;
            let note = (!same).then(|| {
                format!(
                    "ran the {name} that is built into it ({own}), which is of another version than the one asked for ({digest})"
                )
            });
            return Ok(Found { gadget, note });
        }
        if digest.is_empty() {
            return Err(format!(
                "{reference}: a digest is needed, for a tag may mean another image each time"
            ));
        }
        let digest = digest.parse().map_err(|error| format!("{reference}: `{digest}`: {error}"))?;
        let gadget = self.fetched(&parsed.pinned(&digest).to_string()).await.map_err(told)?;
        Ok(Found { gadget, note: None })
    }

    fn gadgets(&self) -> Vec<Arc<Gadget>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
