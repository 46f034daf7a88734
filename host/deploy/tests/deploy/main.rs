//! What is installed, and how it gets there: the manifests as they are, as kubectl renders them, as Kubernetes' own types
//! know them; and installs against an API server. That is one in memory, or with KUBECONFIG set a real one, for the same
//! tests.

mod container;
mod documents;
mod kustomize;
mod lifecycle;
mod manifests;
mod shell;
mod world;
mod yaml;

use std::path::{Path, PathBuf};

use gadgetry_deploy::Object;

/// The repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the crate is in the repository")
}

/// An overlay without values.
fn rendered(overlay: &str) -> Vec<Object> {
    gadgetry_deploy::rendered(
        &[overlay.to_owned()],
        gadgetry_deploy::NAMESPACE,
        &gadgetry_deploy::Values::default(),
    )
    .unwrap_or_else(|error| panic!("{overlay}: {error}"))
}
