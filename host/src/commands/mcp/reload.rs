//! The gadgets that are served, and how they change while the server runs: the list is read again on SIGHUP and when
//! its file changes, and tags are resolved again on SIGHUP and as often as the operator says.
//!
//! An image is fetched, verified and compiled before anything is replaced, and the catalogue is replaced whole; calls
//! that run keep the gadget they began with. What cannot be had leaves what there was in place and is told in the log:
//! a registry that is down must not take tools away.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gadgetry_run::catalog::Catalog;
use gadgetry_run::gadget::Gadget;
use gadgetry_run::node::{Node, Verified};
use gadgetry_run::supply::Supply;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use super::gate::Gate;

/// How often the file of images is looked at. It is read whole, since it is small and may be a link to another file
/// each time, as in a cluster's configuration volume.
const LOOK: Duration = Duration::from_secs(1);

/// Which images the operator wants.
pub(super) struct Images {
    /// Those of the flag.
    pub(super) flag: Vec<String>,
    /// A file that names more.
    pub(super) file: Option<PathBuf>,
}

impl Images {
    /// The references, each once. Without any, all built-in gadgets.
    fn read(&self, supply: &Supply) -> Result<Vec<String>> {
        let mut names = self.flag.clone();
        if let Some(file) = &self.file {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read --gadget-images-file {}", file.display()))?;
            names.extend(parse(&text));
        }
        if self.file.is_none() && names.is_empty() {
            names = supply.built_ins().keys().cloned().collect();
            if names.is_empty() {
                bail!(
                    "there is no gadget to serve: this gadgetry carries none, and --gadget-images names none"
                );
            }
        }
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }
}

/// One reference a line; what follows a `#` is a comment.
fn parse(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .map(|line| line.split_once('#').map_or(line, |(line, _)| line).trim())
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
}

/// The gadgets that are served.
pub(super) struct Served {
    images: Images,
    supply: Arc<Supply>,
    node: Arc<Node>,
    catalog: Arc<Catalog>,
    names: Vec<String>,
    hangup: Signal,
    gate: Option<Arc<Gate>>,
    /// What would be served if gadgets can run.
    offered: Vec<Arc<Gadget>>,
    /// Whether they can; `None` for always.
    available: Option<watch::Receiver<bool>>,
}

/// Whether tags are looked up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tags {
    /// As --pull says: what is in the store is taken from there.
    AsBefore,
    /// In the registry, unless --pull forbids it.
    Again,
}

impl Served {
    /// Fetches, verifies and registers all images; one that fails is fatal, as a tool that is silently not there is
    /// found out about far too late.
    pub(super) async fn new(
        images: Images,
        supply: Arc<Supply>,
        node: Arc<Node>,
        gate: Option<Arc<Gate>>,
    ) -> Result<Self> {
        // From here on a SIGHUP is a wish, and no longer the end of the process.
        let hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        let names = images.read(&supply)?;
        let mut gadgets = Vec::with_capacity(names.len());
        for gadget in registered(&node, &supply, &names).await? {
            gadgets.push(admitted(gate.as_deref(), gadget)?);
        }
        let offered = gadgets.clone();
        let catalog = Arc::new(Catalog::new(gadgets)?);
        Ok(Self { images, supply, node, catalog, names, hangup, gate, offered, available: None })
    }

    /// The catalogue.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.catalog.clone()
    }

    /// The same, but served only while gadgets can run, as `available` tells.
    pub(super) fn while_available(mut self, available: Option<watch::Receiver<bool>>) -> Self {
        self.available = available;
        let offered = self.offered.clone();
        self.publish(&offered);
        self
    }

    fn is_available(&self) -> bool {
        self.available.as_ref().is_none_or(|it| *it.borrow())
    }

    /// Keeps the catalogue up to date for as long as it is polled. `refresh`: how often tags are resolved again.
    pub(super) async fn follow(mut self, refresh: Option<Duration>) -> Infallible {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A tick that never comes is simplest as one that nobody waits for.
        let every = refresh.unwrap_or(LOOK);
        let mut again = interval_at(Instant::now() + every, every);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = String::new();
        loop {
            let can_change = async |it: &mut Option<watch::Receiver<bool>>| match it {
                Some(it) => it.changed().await.is_ok(),
                None => std::future::pending().await,
            };
            let tags = tokio::select! {
                changed = can_change(&mut self.available) => {
                    if !changed {
                        self.available = None;
                    }
                    let offered = self.offered.clone();
                    self.publish(&offered);
                    continue;
                }
                Some(()) = self.hangup.recv() => Tags::Again,
                _ = again.tick(), if refresh.is_some() => Tags::Again,
                _ = look.tick(), if self.images.file.is_some() => Tags::AsBefore,
                // No signal can come any more, and nothing else was asked for.
                else => std::future::pending().await,
            };
            let names = match self.images.read(&self.supply) {
                Ok(names) => {
                    told.clear();
                    names
                }
                // A file that is being replaced may be away for a moment; told once, not each second.
                Err(error) => {
                    let error = format!("{error:#}");
                    if error != told {
                        tracing::error!(error, "the gadgets stay as they are");
                        told = error;
                    }
                    continue;
                }
            };
            if tags == Tags::AsBefore && names == self.names {
                continue;
            }
            self.names = names;
            self.update(tags).await;
        }
    }

    /// Makes the catalogue that of `self.names`: what is at hand at once, the others as each has been fetched, so that
    /// a registry that does not answer holds up neither a removal nor what comes before it in the list.
    async fn update(&mut self, tags: Tags) {
        let before = self.offered.clone();
        let present = |name: &String| before.iter().find(|it| it.identity.reference == *name);
        let mut gadgets: Vec<_> = self.names.iter().filter_map(present).cloned().collect();
        self.publish(&gadgets);
        for name in &self.names.clone() {
            let present = present(name);
            match self.gadget(name, present, tags).await {
                Ok(gadget) => {
                    let mut changed = gadgets.clone();
                    changed.retain(|it| present.is_none_or(|present| !Arc::ptr_eq(it, present)));
                    changed.push(gadget);
                    if self.publish(&changed) {
                        gadgets = changed;
                    }
                }
                Err(error) => {
                    let kept = if present.is_some() { "stays as it was" } else { "is not offered" };
                    tracing::error!(image = name, error = format!("{error:#}"), "the gadget {kept}");
                }
            }
        }
        self.node.forget_others(&self.offered);
    }

    /// Puts `gadgets` into the catalogue, where they are not what is there; whether they can be.
    fn publish(&mut self, gadgets: &[Arc<Gadget>]) -> bool {
        let offered = gadgets;
        let gadgets = if self.is_available() { offered } else { &[] };
        let before = self.catalog.gadgets();
        let same = before.len() == gadgets.len()
            && gadgets.iter().all(|gadget| before.iter().any(|it| Arc::ptr_eq(it, gadget)));
        if same {
            self.offered = offered.to_vec();
            return true;
        }
        let replaced = self.catalog.replace(gadgets.to_vec());
        match &replaced {
            Ok(()) => {
                let names: Vec<_> = gadgets.iter().map(|it| it.identity.name.as_str()).collect();
                tracing::info!(gadgets = names.join(", "), "the gadgets have changed");
            }
            Err(error) => tracing::error!(%error, "the gadgets stay as they are"),
        }
        if replaced.is_ok() {
            self.offered = offered.to_vec();
        }
        replaced.is_ok()
    }

    /// The gadget of `name`: the `present` one where nothing has changed.
    async fn gadget(&self, name: &str, present: Option<&Arc<Gadget>>, tags: Tags) -> Result<Arc<Gadget>> {
        let image = match (tags, present) {
            (Tags::AsBefore, Some(present)) => return Ok(present.clone()),
            (Tags::AsBefore, None) => self.supply.fetch(name).await?,
            (Tags::Again, _) => self.supply.fetch_again(name).await?,
        };
        match present {
            Some(present)
                if (&present.identity.digest, &present.identity.signed_by)
                    == (&image.identity.digest, &image.identity.signed_by) =>
            {
                Ok(present.clone())
            }
            _ => admitted(self.gate.as_deref(), register(&self.node, image).await?),
        }
    }
}

/// All images, in the order of their names. While one is fetched and verified, those before it are registered, as many
/// at once as there are CPUs; what is told is the first that fails.
async fn registered(node: &Arc<Node>, supply: &Supply, names: &[String]) -> Result<Vec<Arc<Gadget>>> {
    let _registering = node.registering();
    let at_once = std::thread::available_parallelism().map_or(1, NonZero::get);
    let (mut gadgets, mut begun) = (Vec::with_capacity(names.len()), VecDeque::new());
    for name in names {
        let image = supply.fetch(name).await;
        if image.is_err() || begun.len() == at_once {
            // An image that could not be had waits for those before it: one of them may fail, too.
            let most = if image.is_err() { 0 } else { at_once - 1 };
            finish(&mut begun, most, &mut gadgets).await?;
        }
        let (node, image) = (node.clone(), image?);
        begun.push_back(tokio::spawn(async move { register(&node, image).await }));
    }
    finish(&mut begun, 0, &mut gadgets).await?;
    Ok(gadgets)
}

/// Waits until no more than `most` are left.
async fn finish(
    begun: &mut VecDeque<JoinHandle<Result<Arc<Gadget>>>>,
    most: usize,
    gadgets: &mut Vec<Arc<Gadget>>,
) -> Result<()> {
    while begun.len() > most {
        let Some(first) = begun.pop_front() else { break };
        gadgets.push(first.await??);
    }
    Ok(())
}

/// Compiling takes a moment the first time an image is seen; clients are served meanwhile.
pub(in crate::commands) async fn register(node: &Arc<Node>, image: Verified) -> Result<Arc<Gadget>> {
    let node = node.clone();
    Ok(tokio::task::spawn_blocking(move || node.register(image)).await??)
}

/// The gadget, if the operator's guard lets it in.
pub(super) fn admitted(gate: Option<&Gate>, gadget: Arc<Gadget>) -> Result<Arc<Gadget>> {
    if let Some(gate) = gate {
        gate.admit(&gadget)?;
    }
    Ok(gadget)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_of_images_has_one_a_line_and_comments() {
        let text = "# ours\n\ntrace_open\n  reg.example/me/mine:v1   # new\r\n#off\n";
        assert_eq!(parse(text).collect::<Vec<_>>(), ["trace_open", "reg.example/me/mine:v1"]);
    }
}
