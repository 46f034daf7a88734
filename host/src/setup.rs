//! Sets the parts up as the flags say: where images come from, and the node that runs them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use gadget_registry::bundle::Bundle;
use gadget_registry::key::PublicKey;
use gadget_registry::policy::{Granted, Pattern, Policy};
use gadget_registry::remote::{Options, Remote};
use gadget_registry::store::Store;
use gadgetry_run::Lending;
use gadgetry_run::node::{Config, Node};
use gadgetry_run::supply::{Pull, Supply};

use crate::cli::lend::Lend;
use crate::cli::trust::Trust;
use crate::output::transfer::Transfer;

/// Environment variable that names the folder for compiled components.
const CACHE_VAR: &str = "GADGETRY_CACHE";

/// Where images come from, under the policy that the flags name, with what they lend.
pub(crate) fn lending(trust: &Trust, lend: &Lend, built_ins: &'static [u8]) -> Result<Supply> {
    let supply = supply_under(policy(trust)?.granting(granted(lend)?), trust, built_ins)?;
    supply.check_granted()?;
    Ok(supply)
}

/// Where images come from, under the policy that the flags name.
pub(crate) fn supply(trust: &Trust, built_ins: &'static [u8]) -> Result<Supply> {
    supply_under(policy(trust)?, trust, built_ins)
}

fn supply_under(policy: Policy, trust: &Trust, built_ins: &'static [u8]) -> Result<Supply> {
    let built_ins =
        Bundle::parse(built_ins).context("the built-in gadgets cannot be read; build gadgetry again")?;
    let pull = match trust.pull {
        crate::cli::trust::Pull::Always => Pull::Always,
        crate::cli::trust::Pull::Missing => Pull::Missing,
        crate::cli::trust::Pull::Never => Pull::Never,
    };
    Ok(Supply::new(built_ins, store(trust)?, remote(trust), policy, pull))
}

/// The local store.
pub(crate) fn store(trust: &Trust) -> Result<Store> {
    let root = match &trust.store {
        Some(root) => root.clone(),
        None => Store::default_root()?,
    };
    Ok(Store::open(root)?)
}

/// Access to registries.
pub(crate) fn remote(trust: &Trust) -> Remote {
    let options = Options { insecure: trust.insecure_registry.clone(), ..Options::new() };
    Remote::new(options, Arc::new(Transfer::new()))
}

/// The policy file, and what the flags add to it.
pub(crate) fn policy(trust: &Trust) -> Result<Policy> {
    let mut policy = match &trust.policy {
        Some(file) => Policy::load(file)?,
        None => Policy::load_system()?,
    };
    for file in &trust.public_key {
        let key = PublicKey::load(file)?;
        let Ok(everywhere) = Pattern::new("**") else {
            bail!("the pattern for every repository is not valid")
        };
        policy = policy.with_key(format!("--public-key {}", file.display()), everywhere, key);
    }
    if trust.allow_unsigned {
        tracing::warn!("--allow-unsigned: images that nobody signed may run as this user");
        policy = policy.allowing_unsigned();
    }
    Ok(policy)
}

/// What the flags grant and bind.
fn granted(lend: &Lend) -> Result<Vec<Granted>> {
    let all = |flag: &'static str, list: &[String], read: fn(&str) -> Result<Granted, String>| {
        let given = list.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
        given
            .map(|text| read(text).map_err(|reason| anyhow::anyhow!("--{flag} {reason}")))
            .collect::<Result<Vec<_>>>()
    };
    let everything = |name: &str| Ok(Granted { everything: true, ..Granted::to(name)? });
    let mut granted = all("grant", &lend.grant, Granted::grant)?;
    granted.extend(all("bind", &lend.bind, Granted::bind)?);
    granted.extend(all("lend", &lend.lend, everything)?);
    Ok(granted)
}

/// The node agent of this machine; `kernel`: whether it runs gadgets itself, or has others do it.
pub(crate) fn node(lend: &Lend, name: Option<String>, kernel: bool) -> Result<Node> {
    let config = Config { name, cache: cache()?, files: gadgetry_enrich::Config::local(), kernel };
    let authorities = match &lend.http_ca_file {
        Some(file) => {
            std::fs::read(file).with_context(|| format!("cannot read --http-ca-file {}", file.display()))?
        }
        None => Vec::new(),
    };
    let lending = Lending { authorities, state: lend.state_dir.clone(), ..Lending::default() };
    Ok(Node::lending(config, lending)?)
}

/// Folder for compiled components; beside the store for root, in the user's cache for others.
fn cache() -> Result<Option<PathBuf>> {
    if let Some(folder) = std::env::var_os(CACHE_VAR) {
        return Ok(Some(folder.into()));
    }
    let user = |variable: &str| std::env::var_os(variable).filter(|it| !it.is_empty()).map(PathBuf::from);
    if let Some(folder) = user("XDG_CACHE_HOME") {
        return Ok(Some(folder.join("gadgetry/components")));
    }
    if let Some(home) = user("HOME") {
        return Ok(Some(home.join(".cache/gadgetry/components")));
    }
    Ok(None)
}

/// Folder for what can be made again: the unpacked SDK, build output.
pub(crate) fn scratch() -> PathBuf {
    let user = |variable: &str| std::env::var_os(variable).filter(|it| !it.is_empty()).map(PathBuf::from);
    user("XDG_CACHE_HOME")
        .or_else(|| user("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("gadgetry")
}
