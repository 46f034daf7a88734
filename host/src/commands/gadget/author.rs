//! New, build, test: what an author does before anything is published.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use gadget_registry::build::{self, Build as BuildOne, Built};
use gadget_registry::bundle;
use gadget_registry::reference::Reference;
use gadget_registry::sdk::Sdk;
use gadget_registry::{scaffold, store};
use gadget_sdk_sources::FILES;

use crate::cli::gadget::Build;
use crate::cli::lend::Lend;
use crate::setup;

pub(super) fn new(name: &str, path: Option<PathBuf>, sdk: Option<PathBuf>) -> Result<()> {
    let folder = path.unwrap_or_else(|| PathBuf::from(name));
    scaffold::create(name, &folder, &chosen(sdk))?;
    println!("{}", folder.display());
    let at = folder.display();
    eprintln!(
        "next: edit {at}/src, then\n  gadgetry gadget test {at}\n  gadgetry gadget build {at} --tag localhost:5000/me/{name}:v1\n  \
         gadgetry run localhost:5000/me/{name}:v1 --allow-unsigned"
    );
    Ok(())
}

pub(super) fn build(flags: Build) -> Result<()> {
    if flags.tag.is_some() && flags.paths.len() > 1 {
        bail!("--tag names one image, but {} folders were given", flags.paths.len());
    }
    // A bundle's images have no names in the user's store; they pass through one that is gone afterwards.
    let target = target_dir();
    let store = match &flags.bundle {
        Some(_) => store::Store::open(target.join("store"))?,
        None => setup::store(&flags.trust)?,
    };
    let (sdk, node) = (chosen(flags.sdk), setup::node(&Lend::default(), None, true)?);
    let describe = |component: &[u8]| {
        let described = node.runtime().component(component)?.describe()?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(described)
    };
    let progress = |line: &str| {
        if std::io::stderr().is_terminal() || std::env::var_os("CI").is_none() {
            eprintln!("{}", crate::output::text::plain(line));
        }
    };
    let mut images = BTreeMap::new();
    let lease = store.lease()?;
    for path in &flags.paths {
        let one = BuildOne {
            gadget: path,
            target_dir: &target,
            sdk: &sdk,
            describe: &describe,
            progress: &progress,
        };
        let Built { link, descriptor, cached } =
            build::build(&one, &lease).with_context(|| format!("cannot build {}", path.display()))?;
        let tag = flags.tag.clone().unwrap_or_else(|| format!("{}:{}", descriptor.name, descriptor.version));
        let reference: Reference = tag.parse()?;
        if flags.bundle.is_none() {
            lease.tag(&reference.to_string(), &link)?;
        }
        println!("{}", reference.pinned(&link.digest));
        eprintln!("{}{}", descriptor.name, if cached { ": unchanged" } else { ": built" });
        if images.insert(descriptor.name.clone(), link).is_some() {
            bail!("two of the gadgets are named `{}`", descriptor.name);
        }
    }
    if let Some(file) = &flags.bundle {
        write(&store, &images, file)?;
    }
    Ok(())
}

/// A bundle that is the same is left alone, so that what embeds it is not built again.
fn write(
    store: &store::Store,
    images: &BTreeMap<String, gadget_registry::media::Link>,
    file: &Path,
) -> Result<()> {
    let mut bytes = Vec::new();
    bundle::write(store, images, &mut bytes)?;
    if std::fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let with = || format!("cannot write {}", file.display());
    std::io::Write::write_all(&mut File::create(file).with_context(with)?, &bytes).with_context(with)
}

pub(super) fn test(path: &Path, sdk: Option<PathBuf>) -> Result<ExitCode> {
    let target = target_dir();
    let describe = |_: &[u8]| Err("tests describe nothing".into());
    let progress = |line: &str| eprintln!("{}", crate::output::text::plain(line));
    let sdk = chosen(sdk);
    let one =
        BuildOne { gadget: path, target_dir: &target, sdk: &sdk, describe: &describe, progress: &progress };
    build::test(&one)?;
    Ok(ExitCode::SUCCESS)
}

fn chosen(sdk: Option<PathBuf>) -> Sdk {
    sdk.map_or(Sdk::Embedded(FILES), Sdk::Checkout)
}

/// Where compilers put their output: beside cargo's own where that is named, so that `cargo clean` finds it.
fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder).join("gadgets"),
        None => setup::scratch().join("build"),
    }
}
