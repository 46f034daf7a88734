//! Several images in one tar file: an OCI image layout, as skopeo's `oci-archive:` reads it. The binary carries its
//! built-in gadgets as one, and reads them in place, without unpacking.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::Range;

use crate::digest::Digest;
use crate::image::{Blobs, ImageError, Top};
use crate::media::{self, Annotations, Index, Link, Manifest, cap};
use crate::store::{Store, StoreError};

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const BLOBS: &str = "blobs/sha256/";

/// Why a bundle can't be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file can't be written, or is no tar file.
    #[error("the bundle: {0}")]
    Io(#[from] io::Error),
    /// An image can't be read from the store.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It has no list of images, or one that can't be read.
    #[error("the bundle's index.json can't be read: {0}")]
    Index(#[from] serde_json::Error),
}

impl From<StoreError> for BundleError {
    fn from(e: StoreError) -> Self {
        Self::Image(e.into())
    }
}

/// Writes the named images, in the order of their names, as one tar file. The same images give the same bytes.
pub fn write(store: &Store, images: &BTreeMap<String, Link>, out: impl Write) -> Result<(), BundleError> {
    let mut index = Index {
        schema_version: 2,
        media_type: Some(media::INDEX.into()),
        artifact_type: None,
        manifests: Vec::new(),
        annotations: Annotations::new(),
    };
    let mut digests = BTreeSet::new();
    for (name, link) in images {
        let mut link = link.clone();
        link.annotations = Annotations::from([(media::REF_NAME.into(), name.clone())]);
        reach(store, &link.digest, &mut digests)?;
        index.manifests.push(link);
    }
    let mut tar = tar::Builder::new(out);
    add(&mut tar, "oci-layout", LAYOUT)?;
    add(&mut tar, "index.json", &serde_json::to_vec(&index)?)?;
    for digest in digests {
        let cap = cap::WASM.max(cap::EBPF).max(cap::OTHER);
        add(&mut tar, &format!("{BLOBS}{}", digest.hex()), &store.read(&digest, cap)?)?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

/// Collects every blob of an image.
fn reach(store: &Store, digest: &Digest, digests: &mut BTreeSet<Digest>) -> Result<(), ImageError> {
    digests.insert(*digest);
    match Top::read(store, digest)? {
        Top::Index(index) => index.manifests.iter().try_for_each(|link| reach(store, &link.digest, digests)),
        Top::Manifest(manifest) => {
            let Manifest { config, layers, .. } = *manifest;
            digests.extend(layers.iter().chain([&config]).map(|link| link.digest));
            Ok(())
        }
    }
}

fn add(tar: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, name, bytes)
}

/// A bundle in memory.
#[derive(Clone, Debug)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    blobs: BTreeMap<Digest, Range<usize>>,
    images: BTreeMap<String, Link>,
}

impl<'a> Bundle<'a> {
    /// Reads the list of what a bundle holds. An empty tar file holds nothing.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let mut bundle = Self { bytes, blobs: BTreeMap::new(), images: BTreeMap::new() };
        let mut index = None;
        for entry in tar::Archive::new(bytes).entries()? {
            let entry = entry?;
            let start = usize::try_from(entry.raw_file_position()).map_err(io::Error::other)?;
            let size = usize::try_from(entry.size()).map_err(io::Error::other)?;
            let range = start..start.saturating_add(size);
            let path = entry.path_bytes();
            if *path == *b"index.json" {
                index = bytes.get(range);
            } else if let Some(hex) =
                std::str::from_utf8(&path).ok().and_then(|path| path.strip_prefix(BLOBS))
                && let Ok(digest) = format!("sha256:{hex}").parse()
            {
                bundle.blobs.insert(digest, range);
            }
        }
        let Some(index) = index else { return Ok(bundle) };
        let index: Index = serde_json::from_slice(index)?;
        for mut link in index.manifests {
            if let Some(name) = link.annotations.remove(media::REF_NAME) {
                bundle.images.insert(name, link);
            }
        }
        Ok(bundle)
    }

    /// The images in it, by name.
    pub const fn images(&self) -> &BTreeMap<String, Link> {
        &self.images
    }
}

impl Blobs for Bundle<'_> {
    fn read_blob(&self, digest: &Digest, cap: u64) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Missing { digest: *digest };
        let bytes =
            self.blobs.get(digest).and_then(|range| self.bytes.get(range.clone())).ok_or_else(missing)?;
        let size = bytes.len() as u64;
        if size > cap {
            return Err(StoreError::TooLarge { digest: *digest, size, cap });
        }
        let found = Digest::of(bytes);
        if found != *digest {
            return Err(StoreError::Corrupt { digest: *digest, found, path: "the bundle".into() });
        }
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, tests::parts};
    use crate::pack::pack;

    #[test]
    fn images_are_read_from_a_bundle_as_from_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("store")).unwrap();
        let link = pack(&store.lease().unwrap(), &parts()).unwrap();
        let images = BTreeMap::from([("counter".to_owned(), link.clone())]);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write(&store, &images, &mut one).unwrap();
        write(&store, &images, &mut two).unwrap();
        assert_eq!(one, two);

        let bundle = Bundle::parse(&one).unwrap();
        assert_eq!(bundle.images()["counter"].digest, link.digest);
        let image = Image::open(&bundle, &link.digest, "arm64").unwrap();
        assert_eq!(image.descriptor, parts().descriptor);

        let component = image.component_link.digest;
        let at = bundle.blobs[&component].start;
        one[at] ^= 1;
        let changed = Bundle::parse(&one).unwrap();
        let error = Image::open(&changed, &link.digest, "arm64").unwrap_err();
        assert!(
            matches!(error, ImageError::Store(StoreError::Corrupt { digest, .. }) if digest == component)
        );
    }

    #[test]
    fn an_empty_bundle_holds_nothing_and_a_broken_one_is_an_error() {
        assert!(Bundle::parse(&[]).unwrap().images().is_empty());
        assert!(Bundle::parse(&[0; 1024]).unwrap().images().is_empty());
        assert!(Bundle::parse(&[7; 1024]).is_err());
    }
}
