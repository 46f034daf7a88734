//! Flags of `gadgetry gadget`: the author's commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::trust::Trust;

/// Make, build, publish and inspect gadgets.
#[derive(Debug, Subcommand)]
pub(crate) enum Gadget {
    /// Make a gadget that builds and runs, to start from.
    New {
        /// Name, `[a-z][a-z0-9_]*`; also the folder.
        name: String,
        /// Folder to make it in; default: the name, here.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
        /// A gadgetry checkout whose SDK to use instead of the one this binary carries.
        #[arg(long, env = "GADGETRY_SDK", value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Compile both halves, describe, pack, and put the image into the local store.
    Build(Build),
    /// Run the post-processor's unit tests.
    Test {
        /// The gadget's folder.
        #[arg(default_value = ".")]
        path: PathBuf,
        /// As for `new`.
        #[arg(long, env = "GADGETRY_SDK", value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Show what an image is: descriptor, schemas, programs, maps, helpers, permissions, digests, signatures.
    Inspect {
        /// A reference in the local store, a built-in name, or a reference to pull.
        image: String,
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = InspectOutput::Text)]
        output: InspectOutput,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Send an image from the local store to its registry.
    Push {
        /// The reference.
        image: String,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Fetch an image and its signatures into the local store.
    Pull {
        /// The reference.
        image: String,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Make a key pair to sign with, as cosign does. The password is taken from COSIGN_PASSWORD.
    Keygen {
        /// Files to write: PREFIX.key and PREFIX.pub.
        #[arg(long, default_value = "gadgetry", value_name = "PREFIX")]
        output_key_prefix: PathBuf,
    },
    /// Sign an image in its registry, as cosign does.
    Sign {
        /// The reference; its tag is resolved once.
        image: String,
        /// Private key (PEM); the password of an encrypted one is taken from COSIGN_PASSWORD.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Which of cosign's two formats to write.
        #[arg(long, value_enum, default_value_t = SignatureFormat::Both)]
        format: SignatureFormat,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Say whether an image may run here, and by which rule of the policy.
    Verify {
        /// The reference.
        image: String,
        /// Public key (PEM), as for cosign; may be given again. The same as --public-key.
        #[arg(long, value_name = "FILE")]
        key: Vec<PathBuf>,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Approve the present definition of an image whose tag has moved, for servers with a guard.
    Approve {
        /// The reference; it is resolved anew.
        image: String,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// List the built-in gadgets and the images in the local store.
    List {
        /// How to print it.
        #[arg(short, long, value_enum, default_value_t = ListOutput::Columns)]
        output: ListOutput,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
    /// Remove images from the local store.
    #[command(visible_alias = "rm")]
    Remove {
        /// References or digests.
        #[arg(required = true)]
        images: Vec<String>,
        /// Where images are kept, and whom to trust.
        #[command(flatten)]
        trust: Trust,
    },
}

/// Compile both halves, describe, pack, and put the image into the local store.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The gadgets' folders.
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Reference to give the image: `localhost:5000/me/mine:v1`. Default: its name and version. One folder only.
    #[arg(short, long, value_name = "REFERENCE")]
    pub(crate) tag: Option<String>,
    /// Write one tar file of an OCI image layout with all of them, instead of to the store.
    #[arg(long, value_name = "FILE", conflicts_with = "tag")]
    pub(crate) bundle: Option<PathBuf>,
    /// As for `new`.
    #[arg(long, env = "GADGETRY_SDK", value_name = "DIR")]
    pub(crate) sdk: Option<PathBuf>,
    /// Where images are kept, and whom to trust.
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// How an image is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectOutput {
    /// For people.
    Text,
    /// Everything, as one JSON object.
    Json,
}

/// How a list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListOutput {
    /// For people.
    Columns,
    /// As a JSON array.
    Json,
}

/// The two formats of cosign's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignatureFormat {
    /// Both of them.
    Both,
    /// A signature beside the image, under the tag `sha256-<digest>.sig` (cosign 1 and 2).
    Legacy,
    /// A Sigstore bundle that refers to the image (cosign 3).
    Bundle,
}
