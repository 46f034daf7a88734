//! Push, pull and trust with Debian's docker-registry.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use gadget_registry::digest::Digest;
use gadget_registry::key::PrivateKey;
use gadget_registry::remote::{Options, Platforms, Problem, Progress, Pushed, Remote};
use gadget_registry::sign::{Format, sign};
use gadget_registry::store::Store;
use gadget_registry::verify::{Kind, Reason, VerifyError, Why, verify_stored};

use super::image::{TestImage, key, options, policy, remote, store};
use super::local::Local;

/// Puts the image into a store, signs it there with each key, and pushes all of it.
async fn publish(local: &Local, image: &TestImage, tag: &str, keys: &[&PrivateKey]) -> Pushed {
    let (_folder, store) = store();
    image.store_as(&store, tag);
    let reference = local.reference(tag);
    let lease = store.lease().unwrap();
    for key in keys {
        for signature in sign(&image.link, &reference.name(), key, Format::Both).unwrap() {
            signature.keep(&lease, &image.link.digest).unwrap();
        }
    }
    drop(lease);
    remote(options(&[&local.host])).push(&store, &image.link.digest, &reference).await.unwrap()
}

fn refusal(problem: &Problem) -> &VerifyError {
    match problem {
        Problem::Refused { refused, .. } => refused,
        problem => panic!("{problem}"),
    }
}

#[derive(Default)]
struct Counted(Mutex<BTreeMap<Digest, (u64, u64, bool)>>);

impl Progress for Counted {
    fn begin(&self, blob: &Digest, _: &str, size: u64) {
        self.0.lock().unwrap().insert(*blob, (size, 0, false));
    }
    fn advance(&self, blob: &Digest, bytes: u64) {
        self.0.lock().unwrap().get_mut(blob).unwrap().1 += bytes;
    }
    fn end(&self, blob: &Digest) {
        self.0.lock().unwrap().get_mut(blob).unwrap().2 = true;
    }
}

#[tokio::test]
async fn there_and_back() {
    let local = Local::start();
    let image = TestImage::new("there");
    let (_here, store) = store();
    image.store_as(&store, "x");
    let reference = local.reference("me/mine:v1");
    let progress = Arc::new(Counted::default());
    let remote = Remote::new(options(&[&local.host]), Arc::clone(&progress) as Arc<dyn Progress>);

    let pushed = remote.push(&store, &image.link.digest, &reference).await.unwrap();
    // Two manifests: one config and one component they share, and an object each.
    assert_eq!(pushed, Pushed { digest: image.link.digest, sent: 4, skipped: 0, signatures: 0 });
    let done = std::mem::take(&mut *progress.0.lock().unwrap());
    assert_eq!(done.len(), 4);
    assert!(done.values().all(|(size, bytes, ended)| size == bytes && *ended), "{done:?}");
    let again = remote.push(&store, &image.link.digest, &reference).await.unwrap();
    assert_eq!((again.sent, again.skipped), (0, 4));
    progress.0.lock().unwrap().clear();

    assert_eq!(remote.resolve(&reference).await.unwrap(), image.link.digest);
    let (_there, other) = self::store();
    let pulled = remote.pull(&reference, &other, &Platforms::All, None).await.unwrap();
    assert_eq!((pulled.link.digest, pulled.signatures), (image.link.digest, 0));
    assert_eq!(pulled.signature_troubles, Vec::<String>::new());
    for (digest, bytes) in &image.content {
        assert_eq!(&other.read(digest, bytes.len() as u64).unwrap(), bytes);
    }
    let done = progress.0.lock().unwrap();
    assert!(done.len() == 4 && done.values().all(|(size, bytes, ended)| size == bytes && *ended), "{done:?}");
}

#[tokio::test]
async fn signatures_travel_with_the_image() {
    let local = Local::start();
    let (first, second, stranger) = (key(), key(), key());
    let image = TestImage::new("signed");
    let reference = local.reference("me/mine:v1");
    let pull = async |policy: &_, store: &Store| {
        remote(options(&[&local.host])).pull(&reference, store, &Platforms::All, Some(policy)).await
    };

    publish(&local, &image, "me/mine:v1", &[]).await;
    let (_folder, store) = store();
    let error = pull(&policy(&first.public()), &store).await.unwrap_err();
    assert!(matches!(refusal(&error.problem).why, Why::Unsigned(_)), "{error}");

    assert_eq!(publish(&local, &image, "me/mine:v1", &[&stranger]).await.signatures, 2);
    let error = pull(&policy(&first.public()), &store).await.unwrap_err();
    let Why::Refused(refusals) = &refusal(&error.problem).why else { panic!("{error}") };
    assert_eq!(refusals.len(), 2, "one of each form: {error}");
    assert!(refusals.iter().all(|refusal| matches!(refusal.reason, Reason::OtherKey { .. })), "{error}");

    // Several signatures, one of them the one wanted: published one after the other, none displaces another.
    publish(&local, &image, "me/mine:v1", &[&first]).await;
    publish(&local, &image, "me/mine:v1", &[&second]).await;
    for key in [&first, &second, &stranger] {
        let (_folder, store) = self::store();
        let policy = policy(&key.public());
        let pulled = pull(&policy, &store).await.unwrap();
        assert_eq!(pulled.signatures, 6);
        assert_eq!(pulled.verdict.as_ref().unwrap().kind, Kind::Key);
        assert_eq!(pulled.verdict.unwrap().digest, image.link.digest);

        // Offline from here: another policy is answered from what was kept.
        let name = reference.name();
        for other in [&first, &second, &stranger] {
            assert!(
                verify_stored(&store, &image.link.digest, &name, &super::image::policy(&other.public()))
                    .is_ok()
            );
        }
        let unknown = super::image::policy(&self::key().public());
        let error = verify_stored(&store, &image.link.digest, &name, &unknown).unwrap_err().to_string();
        assert!(error.contains("no signature found is one that a rule wants"), "{error}");
    }
}

#[tokio::test]
async fn an_image_swapped_under_its_tag_is_refused() {
    let local = Local::start();
    let key = key();
    let good = TestImage::new("good");
    publish(&local, &good, "me/mine:v1", &[&key]).await;

    // The attacker may push: an index with one child swapped, under the same tag, and the signature of the good one
    // copied to where the bad one's would be.
    let mut bad = TestImage::new("bad");
    let mut index = good.index();
    index.manifests[0] = bad.index().manifests[0].clone();
    let bytes = serde_json::to_vec(&index).unwrap();
    bad.link = gadget_registry::media::Link::to(gadget_registry::media::INDEX, &bytes);
    bad.content.insert(bad.link.digest, bytes);
    bad.content.extend(good.content.clone());
    let (_folder, store) = store();
    bad.store_as(&store, "x");
    let lease = store.lease().unwrap();
    let reference = local.reference("me/mine:v1");
    for signature in sign(&good.link, &reference.name(), &key, Format::Both).unwrap() {
        signature.keep(&lease, &bad.link.digest).unwrap();
    }
    let remote = remote(options(&[&local.host]));
    remote.push(&store, &bad.link.digest, &reference).await.unwrap();

    let (_folder, victim) = self::store();
    let policy = policy(&key.public());
    let error = remote.pull(&reference, &victim, &Platforms::All, Some(&policy)).await.unwrap_err();
    let Why::Refused(refusals) = &refusal(&error.problem).why else { panic!("{error}") };
    let other = Reason::OtherImage(good.link.digest.to_string());
    assert!(refusals.iter().all(|refusal| refusal.reason == other), "{error}");
    assert!(!bad.manifest(0).1.layers.iter().any(|layer| victim.has(&layer.digest)));

    // By its digest the good one is still to be had.
    let pinned = reference.pinned(&good.link.digest);
    remote.pull(&pinned, &victim, &Platforms::All, Some(&policy)).await.unwrap();
}

#[tokio::test]
async fn content_changed_in_the_registry_is_refused() {
    let local = Local::start();
    let key = key();
    let image = TestImage::new("changed");
    publish(&local, &image, "me/mine:v1", &[&key]).await;
    let layer = image.layer().digest;
    let mut bytes = fs::read(local.blob(&layer)).unwrap();
    bytes[77] ^= 1;
    fs::write(local.blob(&layer), &bytes).unwrap();

    let (_folder, store) = store();
    let reference = local.reference("me/mine:v1");
    let error = remote(options(&[&local.host]))
        .pull(&reference, &store, &Platforms::All, Some(&policy(&key.public())))
        .await
        .unwrap_err();
    assert!(matches!(error.problem, Problem::WrongDigest { .. }), "{error}");
    assert!(error.to_string().contains(&layer.to_string()), "{error}");
    assert!(!store.has(&layer));
    assert!(store.list().unwrap().is_empty());

    // Mended, it is fetched; what is damaged in the store afterwards is fetched again.
    bytes[77] ^= 1;
    fs::write(local.blob(&layer), &bytes).unwrap();
    let remote = remote(options(&[&local.host]));
    remote.pull(&reference, &store, &Platforms::All, None).await.unwrap();
    let path = store.root().join("blobs/sha256").join(layer.hex());
    fs::write(&path, b"damaged").unwrap();
    remote.pull(&reference, &store, &Platforms::All, None).await.unwrap();
    assert_eq!(store.read(&layer, bytes.len() as u64).unwrap(), bytes);
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password() {
    let local = Local::with_password();
    let image = TestImage::new("private");
    let (_folder, store) = store();
    image.store_as(&store, "x");
    let reference = local.reference("me/mine:v1");
    let folder = tempfile::tempdir().unwrap();
    let auth_file = |name: &str, auth: &str| {
        let file = folder.path().join(name);
        fs::write(&file, format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, local.host)).unwrap();
        Options { auth_file: Some(file), ..options(&[&local.host]) }
    };
    // user-7:pass-7 and user-7:pass-8
    let (right, wrong) =
        (auth_file("right.json", "dXNlci03OnBhc3MtNw=="), auth_file("wrong.json", "dXNlci03OnBhc3MtOA=="));

    for (options, known) in [(options(&[&local.host]), "none are configured"), (wrong, "wrong.json")] {
        let remote = remote(options);
        for error in [
            remote.push(&store, &image.link.digest, &reference).await.unwrap_err(),
            remote.pull(&reference, &store, &Platforms::All, None).await.unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(matches!(error.problem, Problem::Denied { status: 401, .. }), "{text}");
            assert!(text.contains(known) && text.contains(&format!("docker login {}", local.host)), "{text}");
            assert!(!text.contains("pass-8") && !text.contains("dXNlci03OnBhc3MtOA"), "{text}");
        }
    }
    let remote = remote(right);
    remote.push(&store, &image.link.digest, &reference).await.unwrap();
    let (_folder, other) = self::store();
    remote.pull(&reference, &other, &Platforms::All, None).await.unwrap();
    assert!(image.content.keys().all(|digest| other.has(digest)));
}
