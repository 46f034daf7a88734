//! An image to move around: an index of two manifests that share a layer. What it holds is no gadget, which neither
//! registries nor signatures mind.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gadget_registry::digest::Digest;
use gadget_registry::key::{PrivateKey, PublicKey};
use gadget_registry::media::{self, Annotations, Index, Link, Manifest, Platform};
use gadget_registry::policy::Policy;
use gadget_registry::remote::{Options, Remote};
use gadget_registry::store::Store;

/// Documents and blobs by digest, and the top.
pub(crate) struct TestImage {
    pub(crate) link: Link,
    pub(crate) content: BTreeMap<Digest, Vec<u8>>,
}

impl TestImage {
    /// `seed` makes it differ from others.
    pub(crate) fn new(seed: &str) -> Self {
        let mut content = BTreeMap::new();
        let mut put = |media_type: &str, bytes: Vec<u8>| {
            let link = Link::to(media_type, &bytes);
            content.insert(link.digest, bytes);
            link
        };
        let shared = put(media::WASM, format!("component {seed} ").repeat(20_000).into_bytes());
        let mut manifests = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = put(media::DESCRIPTOR, format!(r#"{{"seed":"{seed}"}}"#).into_bytes());
            let object = put(media::EBPF, format!("object {seed} {architecture} ").repeat(1000).into_bytes());
            let manifest = Manifest {
                schema_version: 2,
                media_type: Some(media::MANIFEST.into()),
                artifact_type: Some(media::GADGET.into()),
                config,
                layers: vec![object, shared.clone()],
                subject: None,
                annotations: Annotations::new(),
            };
            let mut link = put(media::MANIFEST, serde_json::to_vec(&manifest).unwrap());
            link.platform = Some(Platform { architecture: architecture.into(), os: "linux".into() });
            manifests.push(link);
        }
        let index = Index {
            schema_version: 2,
            media_type: Some(media::INDEX.into()),
            artifact_type: Some(media::GADGET.into()),
            manifests,
            annotations: Annotations::new(),
        };
        let link = put(media::INDEX, serde_json::to_vec(&index).unwrap());
        Self { link, content }
    }

    pub(crate) fn index(&self) -> Index {
        serde_json::from_slice(&self.content[&self.link.digest]).unwrap()
    }

    pub(crate) fn manifest(&self, at: usize) -> (Digest, Manifest) {
        let digest = self.index().manifests[at].digest;
        (digest, serde_json::from_slice(&self.content[&digest]).unwrap())
    }

    /// The layer that both manifests share.
    pub(crate) fn layer(&self) -> Link {
        self.manifest(0).1.layers[1].clone()
    }

    /// Puts it into a store under a name.
    pub(crate) fn store_as(&self, store: &Store, name: &str) {
        let lease = store.lease().unwrap();
        for bytes in self.content.values() {
            lease.put(bytes).unwrap();
        }
        lease.tag(name, &self.link).unwrap();
    }
}

pub(crate) fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

/// Options fit for loopback: nothing takes long, and a hang is noticed soon.
pub(crate) fn options(insecure: &[&str]) -> Options {
    Options {
        insecure: insecure.iter().map(|host| (*host).to_owned()).collect(),
        // Whoever runs the tests may be logged in somewhere; that must not matter.
        auth_file: Some("/nonexistent".into()),
        connect_timeout: Duration::from_secs(2),
        read_timeout: Duration::from_millis(500),
        deadline: Duration::from_secs(20),
        attempts: 3,
        backoff: Duration::from_millis(10),
    }
}

pub(crate) fn remote(options: Options) -> Remote {
    Remote::new(options, Arc::new(()))
}

/// A policy of one rule that names a key, everywhere.
pub(crate) fn policy(key: &PublicKey) -> Policy {
    let pem = key.to_pem();
    let text = format!(
        "version = 1\n[[rule]]\nname = \"ours\"\nrepositories = [\"**\"]\nkey = {{ pem = \"\"\"\n{pem}\"\"\" }}\n"
    );
    Policy::parse(&text, Path::new("policy.toml")).unwrap()
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate().unwrap()
}
