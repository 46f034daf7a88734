//! Flags of every command that may load an image: where images are kept, and whom to trust.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where images are kept, and whom to trust.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Trust {
    /// Folder of the local image store.
    #[arg(long, env = "GADGETRY_STORE", value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    /// Policy file: which keys, identities and digests may run. Without one, only built-in gadgets may.
    #[arg(long, env = "GADGETRY_POLICY", value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Trust images signed with this public key (PEM), beside the policy. May be given again.
    #[arg(long, env = "GADGETRY_PUBLIC_KEYS", value_name = "FILE", value_delimiter = ',')]
    pub(crate) public_key: Vec<PathBuf>,
    /// Run images that nobody signed. For development only.
    #[arg(long, env = "GADGETRY_ALLOW_UNSIGNED")]
    pub(crate) allow_unsigned: bool,
    /// Registry hosts that are spoken to over plain HTTP: `localhost:5000`. May be given again.
    #[arg(long, env = "GADGETRY_INSECURE_REGISTRIES", value_name = "HOST", value_delimiter = ',')]
    pub(crate) insecure_registry: Vec<String>,
    /// When to ask a registry for an image that may be in the store already.
    #[arg(long, env = "GADGETRY_PULL", value_enum, default_value_t)]
    pub(crate) pull: Pull,
}

/// When a registry is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pull {
    /// Every time: a tag may have moved.
    Always,
    /// Only when the store has no image of that name.
    #[default]
    Missing,
    /// Never: only built-in gadgets and what is in the store.
    Never,
}
