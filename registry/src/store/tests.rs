//! The store under use, misuse and competition.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::*;
use crate::media::{self, Annotations, Index, Link, Manifest};

/// Set for the children that [`many_processes_share_a_store`] starts: the store they work on, and their number.
const CHILD: &str = "GADGET_REGISTRY_TEST_CHILD";

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    (folder, store)
}

/// A whole image whose content is told apart by `mark`.
fn put_image(lease: &Lease, mark: &str) -> Link {
    let config = format!("{{\"config\":\"{mark}\"}}");
    let layer = format!("layer {mark}");
    lease.put(config.as_bytes()).unwrap();
    lease.put(layer.as_bytes()).unwrap();
    let manifest = serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: Some(media::MANIFEST.into()),
        artifact_type: Some(media::GADGET.into()),
        config: Link::to(media::DESCRIPTOR, config.as_bytes()),
        layers: vec![Link::to(media::WASM, layer.as_bytes())],
        subject: None,
        annotations: Annotations::new(),
    })
    .unwrap();
    lease.put(&manifest).unwrap();
    let index = serde_json::to_vec(&Index {
        schema_version: 2,
        media_type: Some(media::INDEX.into()),
        artifact_type: Some(media::GADGET.into()),
        manifests: vec![Link::to(media::MANIFEST, &manifest)],
        annotations: Annotations::new(),
    })
    .unwrap();
    lease.put(&index).unwrap();
    Link::to(media::INDEX, &index)
}

#[test]
fn a_blob_comes_back_as_it_went_in() {
    let (_folder, store) = store();
    let digest = store.lease().unwrap().put(b"hello").unwrap();
    assert!(store.has(&digest));
    assert_eq!(store.read(&digest, 5).unwrap(), b"hello");
    assert!(matches!(store.read(&digest, 4), Err(StoreError::TooLarge { size: 5, cap: 4, .. })));
    assert!(matches!(store.read(&Digest::of(b"other"), 9), Err(StoreError::Missing { .. })));
}

#[test]
fn nothing_is_stored_unless_size_and_digest_match() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let digest = Digest::of(b"hello");

    let mut short = lease.begin_blob(&digest, 5).unwrap();
    short.write_all(b"hell").unwrap();
    assert!(matches!(short.commit(), Err(StoreError::WrongSize { expected: 5, found: 4, .. })));

    let mut long = lease.begin_blob(&digest, 5).unwrap();
    assert!(long.write_all(b"hello!").unwrap_err().to_string().contains("expected 5 bytes, got 6"));

    let mut wrong = lease.begin_blob(&digest, 5).unwrap();
    wrong.write_all(b"jello").unwrap();
    assert!(matches!(wrong.commit(), Err(StoreError::WrongDigest { expected, .. }) if expected == digest));

    assert!(!store.has(&digest));
    drop(long);
    assert_eq!(fs::read_dir(store.root().join("ingest")).unwrap().count(), 0);
}

#[test]
fn a_blob_changed_on_disk_is_an_error_that_names_it_and_is_repaired_by_writing_it_again() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let digest = lease.put(b"hello").unwrap();
    fs::write(store.blob_path(&digest), b"jello").unwrap();
    let error = store.read(&digest, 100).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { found, .. } if found == Digest::of(b"jello")));
    assert!(error.to_string().contains(&digest.to_string()));
    lease.put(b"hello").unwrap();
    assert_eq!(store.read(&digest, 100).unwrap(), b"hello");
}

#[test]
fn a_name_means_its_last_image_and_removal_collects_what_nothing_else_uses() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let one = put_image(&lease, "one");
    let two = put_image(&lease, "two");
    lease.tag("example.org/a:1", &one).unwrap();
    lease.tag("example.org/b:1", &two).unwrap();
    assert!(store.collect().unwrap().busy, "a lease is held");
    drop(lease);
    assert_eq!(store.resolve("example.org/a:1").unwrap().unwrap().digest, one.digest);
    assert_eq!(store.collect().unwrap(), Collected::default());

    store.lease().unwrap().tag("example.org/a:1", &two).unwrap();
    let names: Vec<_> = store.list().unwrap().into_iter().map(|tag| (tag.reference, tag.digest)).collect();
    assert_eq!(names, [("example.org/a:1".into(), two.digest), ("example.org/b:1".into(), two.digest)]);
    assert_eq!(store.collect().unwrap().blobs, 4);
    assert!(!store.has(&one.digest) && store.has(&two.digest));

    assert!(store.remove("example.org/a:1").unwrap());
    assert!(!store.remove("example.org/a:1").unwrap());
    assert_eq!(store.collect().unwrap().blobs, 0);
    assert!(store.remove("example.org/b:1").unwrap());
    assert_eq!(store.collect().unwrap().blobs, 4);
    assert!(store.resolve("example.org/b:1").unwrap().is_none());
}

#[test]
fn signatures_and_verifications_live_as_long_as_their_image() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    let image = put_image(&lease, "image");
    let signature = put_image(&lease, "signature");
    lease.tag("example.org/a:1", &image).unwrap();
    lease.attach(&image.digest, "bundle", &signature).unwrap();
    lease.attach(&image.digest, "bundle", &signature).unwrap();
    drop(lease);
    let record = Verification {
        digest: image.digest,
        policy: Digest::of(b"policy"),
        rule: "me".into(),
        signer: "key".into(),
        at: 1,
    };
    store.record_verification(&record).unwrap();
    assert_eq!(store.collect().unwrap().blobs, 0);
    assert_eq!(
        store.attached(&image.digest).unwrap(),
        [Attached { role: "bundle".into(), link: signature.clone() }]
    );
    assert_eq!(store.verification(&image.digest, &record.policy).unwrap().as_ref(), Some(&record));
    assert_eq!(store.verification(&image.digest, &Digest::of(b"changed")).unwrap(), None);

    store.remove("example.org/a:1").unwrap();
    assert_eq!(store.collect().unwrap().blobs, 8);
    assert!(store.attached(&image.digest).unwrap().is_empty());
    assert_eq!(store.verification(&image.digest, &record.policy).unwrap(), None);
}

#[test]
fn a_record_moved_to_another_image_is_refused() {
    let (_folder, store) = store();
    let policy = Digest::of(b"policy");
    let (good, evil) = (Digest::of(b"good"), Digest::of(b"evil"));
    let record = Verification { digest: good, policy, rule: "r".into(), signer: "s".into(), at: 1 };
    store.record_verification(&record).unwrap();
    let name = |digest: Digest| {
        store.root().join("verified").join(format!("{}.{}.json", digest.hex(), policy.hex()))
    };
    fs::rename(name(good), name(evil)).unwrap();
    assert!(matches!(store.verification(&evil, &policy), Err(StoreError::Damaged { .. })));
}

#[test]
fn only_what_is_stored_gets_a_name() {
    let (_folder, store) = store();
    let lease = store.lease().unwrap();
    assert!(matches!(lease.tag("a", &Link::to(media::INDEX, b"absent")), Err(StoreError::Missing { .. })));
    let image = put_image(&lease, "image");
    for name in ["", "a b", "a\n", &"x".repeat(513)] {
        assert!(matches!(lease.tag(name, &image), Err(StoreError::BadName { .. })), "{name}");
    }
}

#[test]
fn damaged_and_foreign_folders_are_refused() {
    let (_folder, store) = store();
    fs::write(store.root().join("index.json"), b"{").unwrap();
    assert!(matches!(store.list(), Err(StoreError::Damaged { .. })));
    fs::write(store.root().join("oci-layout"), br#"{"imageLayoutVersion":"9.0.0"}"#).unwrap();
    let error = Store::open(store.root()).unwrap_err().to_string();
    assert!(error.contains("found `9.0.0`"), "{error}");
    fs::set_permissions(store.root(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Store::open(store.root()), Err(StoreError::Unsafe { .. })));
}

/// One of the competing processes: adds images, names them, removes every other one and collects.
fn compete(store: &Store, me: &str) {
    for round in 0..20 {
        let lease = store.lease().unwrap();
        // Everyone writes the shared image too, so that the same blobs are written at once.
        let shared = put_image(&lease, "shared");
        let own = put_image(&lease, &format!("{me} {round}"));
        lease.tag(&format!("example.org/shared-{me}:1"), &shared).unwrap();
        lease.tag(&format!("example.org/{me}:{round}"), &own).unwrap();
        drop(lease);
        if round % 2 == 1 {
            assert!(store.remove(&format!("example.org/{me}:{round}")).unwrap());
        }
        if round % 5 == 0 {
            store.collect().unwrap();
        }
    }
}

#[test]
fn many_processes_share_a_store() {
    if let Ok(child) = std::env::var(CHILD) {
        let (me, root) = child.split_once(' ').unwrap();
        compete(&Store::open(root).unwrap(), me);
        return;
    }
    let (_folder, store) = store();
    let children: Vec<_> = (0..4)
        .map(|n| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "store::tests::many_processes_share_a_store"])
                .env(CHILD, format!("child{n} {}", store.root().display()))
                .spawn()
                .unwrap()
        })
        .collect();
    let threads: Vec<_> = (0..2)
        .map(|n| {
            let store = store.clone();
            std::thread::spawn(move || compete(&store, &format!("thread{n}")))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let list = store.list().unwrap();
    assert_eq!(list.len(), 6 * (10 + 1));
    store.collect().unwrap();
    for tag in list {
        let index: Index = serde_json::from_slice(&store.read(&tag.digest, 1 << 20).unwrap()).unwrap();
        let manifest = store.read(&index.manifests[0].digest, 1 << 20).unwrap();
        let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
        store.read(&manifest.config.digest, 1 << 20).unwrap();
        store.read(&manifest.layers[0].digest, 1 << 20).unwrap();
    }
    assert_eq!(fs::read_dir(store.root().join("blobs/sha256")).unwrap().count(), 4 * (6 * 10 + 1));
}
