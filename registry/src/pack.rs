//! Writing an image: the blobs, a manifest for each machine, the index. The same parts give the same bytes, and so
//! the same digest: nothing here knows the time or the place.

use serde::Serialize;

use crate::descriptor::Descriptor;
use crate::media::{self, Annotations, Index, Link, Manifest, Platform};
use crate::store::{Lease, StoreError};

/// The parts of an image.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What the gadget says of itself.
    pub descriptor: Descriptor,
    /// The component.
    pub component: Vec<u8>,
    /// The eBPF object for each architecture, in Go's words. For a tool: the architectures, without objects.
    pub objects: Vec<(String, Option<Vec<u8>>)>,
    /// The README, if there is one.
    pub readme: Option<Vec<u8>>,
}

/// Stores the image; returns the link to its index.
pub fn pack(lease: &Lease, parts: &Parts) -> Result<Link, StoreError> {
    let annotations = annotations(&parts.descriptor);
    let put = |media_type: &str, bytes: &[u8], title: &str| -> Result<Link, StoreError> {
        lease.put(bytes)?;
        let mut link = Link::to(media_type, bytes);
        // Tools like oras save a layer under its title.
        link.annotations.insert("org.opencontainers.image.title".into(), title.into());
        Ok(link)
    };
    let config = to_json(&parts.descriptor)?;
    lease.put(&config)?;
    let config = Link::to(media::DESCRIPTOR, &config);
    let component = put(media::WASM, &parts.component, "gadget.wasm")?;
    let readme = parts.readme.as_ref().map(|readme| put(media::README, readme, "README.md")).transpose()?;

    let mut manifests = Vec::new();
    for (architecture, object) in &parts.objects {
        let mut layers = Vec::new();
        if let Some(object) = object {
            layers.push(put(media::EBPF, object, "gadget.bpf.o")?);
        }
        layers.push(component.clone());
        layers.extend(readme.clone());
        let manifest = to_json(&Manifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.into()),
            artifact_type: Some(media::GADGET.into()),
            config: config.clone(),
            layers,
            subject: None,
            annotations: annotations.clone(),
        })?;
        lease.put(&manifest)?;
        let mut link = Link::to(media::MANIFEST, &manifest);
        link.artifact_type = Some(media::GADGET.into());
        link.platform = Some(Platform { architecture: architecture.clone(), os: "linux".into() });
        manifests.push(link);
    }
    let index = to_json(&Index {
        schema_version: 2,
        media_type: Some(media::INDEX.into()),
        artifact_type: Some(media::GADGET.into()),
        manifests,
        annotations,
    })?;
    lease.put(&index)?;
    Ok(Link::to(media::INDEX, &index))
}

fn annotations(descriptor: &Descriptor) -> Annotations {
    let links = &descriptor.links;
    let named = [
        ("title", Some(&descriptor.name)),
        ("description", Some(&descriptor.title)),
        ("version", Some(&descriptor.version)),
        ("url", links.homepage.as_ref()),
        ("source", links.source.as_ref()),
        ("licenses", links.license.as_ref()),
    ];
    let with_value = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    with_value.map(|(name, value)| (format!("org.opencontainers.image.{name}"), value.clone())).collect()
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(|e| StoreError::Damaged { path: "image".into(), reason: e.to_string() })
}
