//! Images that are whole, and images someone tampered with.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::descriptor::tests::stream;
use crate::pack::{Parts, pack};
use crate::store::Lease;

const OBJECT: &[u8] = include_bytes!("../../tests/fixtures/counter.bpf.o");

pub(crate) fn component() -> Vec<u8> {
    wat::parse_str(
        r#"(component
            (import "gadgetry:gadget/log@0.1.0" (instance $i (export "log" (func))))
            (export "gadgetry:gadget/describe@0.1.0" (instance $i))
            (export "gadgetry:gadget/stream@0.1.0" (instance $i)))"#,
    )
    .unwrap()
}

pub(crate) fn parts() -> Parts {
    Parts {
        descriptor: stream(),
        component: component(),
        objects: ["amd64", "arm64"].map(|arch| (arch.to_owned(), Some(OBJECT.to_vec()))).into(),
        readme: Some(b"# Counter\n".to_vec()),
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

fn blob_file(store: &Store, digest: &Digest) -> PathBuf {
    store.root().join("blobs/sha256").join(digest.hex())
}

/// Stores a changed copy of a JSON document; returns the copy's address and size.
fn changed(store: &Store, lease: &Lease, of: &Digest, change: impl FnOnce(&mut Value)) -> (Digest, usize) {
    let mut json: Value = serde_json::from_slice(&store.read(of, 1 << 20).unwrap()).unwrap();
    change(&mut json);
    let bytes = serde_json::to_vec(&json).unwrap();
    (lease.put(&bytes).unwrap(), bytes.len())
}

#[test]
fn what_is_packed_is_read_and_packing_again_gives_the_same() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let link = pack(&lease, &parts()).unwrap();
    let (_other, other) = self::store();
    assert_eq!(pack(&other.lease().unwrap(), &parts()).unwrap(), link);

    for architecture in ["amd64", "arm64"] {
        let image = Image::open(&store, &link.digest, architecture).unwrap();
        assert_eq!(image.descriptor, stream());
        assert_eq!(image.digest, link.digest);
        assert_eq!(image.component, component());
        assert_eq!(image.ebpf.as_ref().unwrap().bytes, OBJECT);
        assert_eq!(image.readme(&store).unwrap().as_deref(), Some("# Counter\n"));
        assert_eq!(image.annotations["org.opencontainers.image.version"], "0.1.0");
        // A manifest alone is an image too.
        assert_eq!(Image::open(&store, &image.manifest, architecture).unwrap().manifest, image.manifest);
    }
    let error = Image::open(&store, &link.digest, "riscv64").unwrap_err().to_string();
    assert!(error.ends_with("no manifest for linux/riscv64; it has: linux/amd64, linux/arm64"), "{error}");
}

#[test]
fn one_changed_byte_anywhere_is_found_and_named() {
    let (_folder, store) = store();
    let link = pack(&store.lease().unwrap(), &parts()).unwrap();
    let image = Image::open(&store, &link.digest, "amd64").unwrap();
    let blobs = [
        link.digest,
        image.manifest,
        image.config.digest,
        image.component_link.digest,
        image.ebpf.unwrap().link.digest,
    ];
    for digest in blobs {
        let file = blob_file(&store, &digest);
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let error = Image::open(&store, &link.digest, "amd64").unwrap_err();
        assert!(
            matches!(error, ImageError::Store(StoreError::Corrupt { digest: named, .. }) if named == digest)
        );
        fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        let error = Image::open(&store, &link.digest, "amd64").unwrap_err();
        assert!(matches!(error, ImageError::Store(StoreError::Corrupt { .. })), "truncated");
        fs::remove_file(&file).unwrap();
        let error = Image::open(&store, &link.digest, "amd64").unwrap_err();
        assert!(matches!(error, ImageError::Store(StoreError::Missing { .. })));
        fs::write(&file, &whole).unwrap();
    }
    Image::open(&store, &link.digest, "amd64").unwrap();
}

#[test]
fn a_swapped_child_is_found() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let link = pack(&lease, &parts()).unwrap();
    let mut evil = parts();
    evil.descriptor.description = "Evil.".into();
    let evil = Image::open(&store, &pack(&lease, &evil).unwrap().digest, "amd64").unwrap();
    let good = Image::open(&store, &link.digest, "amd64").unwrap();
    // The evil manifest under the good one's name.
    fs::copy(blob_file(&store, &evil.manifest), blob_file(&store, &good.manifest)).unwrap();
    let error = Image::open(&store, &link.digest, "amd64").unwrap_err();
    assert!(matches!(error, ImageError::Store(StoreError::Corrupt { digest, found, .. })
            if digest == good.manifest && found == evil.manifest));
    // An index that names the evil one is another image.
    let (swapped, _) = changed(&store, &lease, &link.digest, |index| {
        index["manifests"][0]["digest"] = json!(evil.manifest);
    });
    assert_ne!(swapped, link.digest);
}

#[test]
fn documents_that_do_not_fit_are_refused() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let link = pack(&lease, &parts()).unwrap();
    let manifest = Image::open(&store, &link.digest, "amd64").unwrap().manifest;
    type Change = fn(&mut Value);
    let in_index: [(Change, &str); 6] = [
        (|it| it["manifests"][0]["size"] = json!(5_000_000_000_u64), "states 5000000000 bytes, more than"),
        (|it| it["manifests"][0]["size"] = json!(-1), "can't be read"),
        (|it| it["manifests"][0]["digest"] = json!("sha256:../../etc/passwd"), "is no digest"),
        (
            |it| it["manifests"][1]["platform"]["architecture"] = json!("amd64"),
            "several manifests for linux/amd64",
        ),
        (|it| it["layers"] = json!([]), "an index and a manifest at once"),
        (|it| it["mediaType"] = json!("text/plain"), "its media type is `text/plain`"),
    ];
    for (change, expected) in in_index {
        let (digest, _) = changed(&store, &lease, &link.digest, change);
        let error = Image::open(&store, &digest, "amd64").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let in_manifest: [(Change, &str); 8] = [
        (
            |it| it["config"]["size"] = json!(5_000_000_000_u64),
            "states 5000000000 bytes, more than the 1048576",
        ),
        (|it| it["layers"][0]["size"] = json!(1), "states 1 bytes and has"),
        (|it| it["layers"][0]["mediaType"] = json!("x/y"), "needs an eBPF object, but the image has none"),
        (|it| it["layers"][1]["mediaType"] = json!("x/y"), "no layer of type application/wasm"),
        (|it| it["layers"][2] = it["layers"][1].clone(), "several layers of type application/wasm"),
        (|it| it["layers"] = json!(vec![it["layers"][0].clone(); 17]), "it has 17 layers"),
        (|it| it["config"]["mediaType"] = json!("application/vnd.oci.image.config.v1+json"), "its config is"),
        (|it| it["artifactType"] = json!("application/vnd.other"), "its artifact type is"),
    ];
    for (change, expected) in in_manifest {
        let (digest, _) = changed(&store, &lease, &manifest, change);
        let error = Image::open(&store, &digest, "amd64").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    // What a later version may add is passed over.
    let (digest, _) = changed(&store, &lease, &manifest, |it| {
        it["layers"][2]["mediaType"] = json!("application/vnd.gadgetry.future");
        it["future"] = json!(true);
    });
    assert!(Image::open(&store, &digest, "amd64").unwrap().readme.is_none());
}

#[test]
fn the_content_must_be_what_its_type_says() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    type Change = fn(&mut Parts);
    let cases: [(Change, &str); 5] = [
        (|it| it.objects[0].1 = Some(b"\x7fELF garbage".to_vec()), "the eBPF object can't be read"),
        (|it| it.component = wat::parse_str("(module)").unwrap(), "is a core module"),
        (|it| it.component = wat::parse_str("(component)").unwrap(), "a stream must export `describe`"),
        (|it| it.descriptor.tools[0].params = json!({"$ref": "https://example.org"}), "may only point into"),
        (|it| it.descriptor.hooks[0].prefer = vec!["absent".into()], "no program `absent`"),
    ];
    for (change, expected) in cases {
        let mut parts = parts();
        change(&mut parts);
        let link = pack(&lease, &parts).unwrap();
        let error = Image::open(&store, &link.digest, "amd64").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
