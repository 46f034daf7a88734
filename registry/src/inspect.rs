//! What an image is, for people and programs: everything that can be said without running it.

use serde::Serialize;

use crate::component::Interfaces;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::elf::{KernelObject, map_type_name};
use crate::image::{Blobs, Image, ImageError, Top, host_architecture};
use crate::media::{Annotations, Link};
use crate::permissions::{self, Reason, Refused};
use crate::policy::Grants;
use crate::store::Attached;

/// An image, laid open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The image: what is verified and pinned.
    pub digest: Digest,
    /// Its notes.
    pub annotations: Annotations,
    /// What the gadget says of itself: tools, schemas, hooks, permissions, prompts.
    pub descriptor: Descriptor,
    /// Where the descriptor is.
    pub config: Content,
    /// The post-processor.
    pub component: Component,
    /// The kernel half for each architecture; empty for a tool.
    pub architectures: Vec<Architecture>,
    /// What it uses beyond what it may use without anyone's leave.
    pub needs: Needs,
    /// The signatures kept with it. Whether one of them is any good is for the policy to say.
    pub signatures: Vec<Signature>,
    /// The README.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Its address.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

impl From<&Link> for Content {
    fn from(link: &Link) -> Self {
        Self { digest: link.digest, size: link.size }
    }
}

/// The post-processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Where it is.
    #[serde(flatten)]
    pub content: Content,
    /// Interfaces it imports.
    pub imports: Vec<String>,
    /// Interfaces it exports.
    pub exports: Vec<String>,
}

/// The image for one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Architecture {
    /// In Go's words.
    pub name: String,
    /// Its manifest.
    pub manifest: Digest,
    /// The eBPF object, unless it is a tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebpf: Option<Ebpf>,
}

/// The kernel half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ebpf {
    /// Where it is.
    #[serde(flatten)]
    pub content: Content,
    /// Its programs.
    pub programs: Vec<Program>,
    /// Its maps.
    pub maps: Vec<Map>,
    /// Its read-only globals: parameters, filters, offsets of kernel fields.
    pub globals: Vec<String>,
    /// Whether it has type information.
    pub btf: bool,
    /// The license it declares to the kernel.
    pub license: Option<String>,
}

/// An eBPF program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// What it is attached to, where its section says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How many instructions it has.
    pub instructions: usize,
    /// The kernel's helpers it calls.
    pub helpers: Vec<String>,
}

/// A map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Map {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub map_type: String,
    /// Bytes in a key.
    pub key_size: u32,
    /// Bytes in a value.
    pub value_size: u32,
    /// Room for how many, or for how many bytes.
    pub max_entries: u32,
}

/// What an operator must know before letting it run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// What the operator must grant, or bind.
    pub grants: Vec<String>,
    /// What makes it unusable, whatever the policy says.
    pub faults: Vec<String>,
}

/// A signature kept with the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signature {
    /// Its artifact type, or what it is to the image.
    pub format: String,
    /// Its manifest.
    pub digest: Digest,
}

/// Reads all that can be said of the image `digest`; `signatures` are those kept with it.
pub fn inspect(
    blobs: &impl Blobs,
    digest: &Digest,
    signatures: &[Attached],
) -> Result<Inspection, ImageError> {
    let names: Vec<String> = match Top::read(blobs, digest)? {
        Top::Manifest(_) => vec![host_architecture().to_owned()],
        Top::Index(index) => {
            let linux =
                index.manifests.into_iter().filter_map(|link| link.platform).filter(|it| it.os == "linux");
            linux.map(|platform| platform.architecture).collect()
        }
    };
    let images: Vec<_> =
        names.iter().map(|name| Image::open(blobs, digest, name)).collect::<Result<_, _>>()?;
    let Some(first) = images.first() else {
        return Err(ImageError::Platform {
            digest: *digest,
            wanted: host_architecture().into(),
            found: "none".into(),
        });
    };
    let mut needs = Needs::default();
    for image in &images {
        let object = image.ebpf.as_ref().map(|ebpf| &ebpf.object);
        for refused in check(&image.descriptor, object, &image.interfaces) {
            let (list, text) = match refused.reason {
                Reason::NotGranted | Reason::NotBound => (&mut needs.grants, refused.what),
                Reason::NotStated | Reason::Never => (&mut needs.faults, refused.to_string()),
            };
            if !list.contains(&text) {
                list.push(text);
            }
        }
    }
    Ok(Inspection {
        digest: *digest,
        annotations: first.annotations.clone(),
        descriptor: first.descriptor.clone(),
        config: (&first.config).into(),
        component: Component {
            content: (&first.component_link).into(),
            imports: first.interfaces.imports.clone(),
            exports: first.interfaces.exports.clone(),
        },
        architectures: images.iter().map(architecture).collect(),
        needs,
        signatures: signatures
            .iter()
            .map(|it| Signature {
                format: it.link.artifact_type.clone().unwrap_or_else(|| it.role.clone()),
                digest: it.link.digest,
            })
            .collect(),
        readme: first.readme(blobs)?,
    })
}

/// What it may not if nothing is granted.
fn check(descriptor: &Descriptor, object: Option<&KernelObject>, interfaces: &Interfaces) -> Vec<Refused> {
    permissions::check(descriptor, object, interfaces, &Grants::default(), &|_| None)
}

fn architecture(image: &Image) -> Architecture {
    Architecture {
        name: image.architecture.clone(),
        manifest: image.manifest,
        ebpf: image.ebpf.as_ref().map(|layer| ebpf(&layer.link, &layer.object)),
    }
}

fn ebpf(link: &Link, object: &KernelObject) -> Ebpf {
    let programs = object.programs.iter().map(|program| Program {
        name: program.name.clone(),
        kind: program.kind.name(),
        target: program.target.clone(),
        instructions: program.instructions,
        helpers: program.helper_names(),
    });
    let maps = object.maps.iter().map(|map| Map {
        name: map.name.clone(),
        map_type: map_type_name(map.map_type).map_or_else(|| format!("#{}", map.map_type), str::to_owned),
        key_size: map.key_size,
        value_size: map.value_size,
        max_entries: map.max_entries,
    });
    Ebpf {
        content: link.into(),
        programs: programs.collect(),
        maps: maps.collect(),
        globals: object.rodata.keys().cloned().collect(),
        btf: object.btf,
        license: object.license.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tests::parts;
    use crate::pack::pack;
    use crate::store::Store;

    #[test]
    fn everything_is_there_and_dangers_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        let lease = store.lease().unwrap();
        let mut parts = parts();
        parts.descriptor.permissions.programs = ["tracepoint", "uprobe"].map(str::to_owned).into();
        parts.descriptor.permissions.helpers = vec!["bpf_probe_write_user".into()];
        let link = pack(&lease, &parts).unwrap();
        lease.attach(&link.digest, "bundle", &link).unwrap();
        let signatures = store.attached(&link.digest).unwrap();
        let found = inspect(&store, &link.digest, &signatures).unwrap();

        assert_eq!(
            found.architectures.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["amd64", "arm64"]
        );
        assert_eq!(found.needs.grants, ["the helper `bpf_probe_write_user`"]);
        assert_eq!(found.needs.faults.len(), 2, "{:?}", found.needs.faults);
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["architectures"][0]["ebpf"]["maps"][0]["type"], "ringbuf");
        assert_eq!(json["architectures"][0]["ebpf"]["programs"][0]["kind"], "uprobe");
        assert_eq!(json["signatures"][0]["format"], "bundle");
        assert_eq!(json["component"]["imports"][0], "gadgetry:gadget/log@0.1.0");
        assert_eq!(json["readme"], "# Counter\n");
    }
}
