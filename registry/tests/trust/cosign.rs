//! Both generations of stock cosign, both ways: what we sign they verify, what they sign we verify.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use gadget_registry::key::PrivateKey;
use gadget_registry::reference::Reference;
use gadget_registry::remote::{Platforms, Remote};
use gadget_registry::sign::{Format, sign};
use gadget_registry::verify::{Kind, Reason, Why, verify};
use gadget_registry::{remote::Problem, signature};
use zeroize::Zeroizing;

use super::image::{TestImage, key, options, policy, remote, store};
use super::local::Local;

const PASSWORD: &str = "pw-7";

/// Where the two are, fetched once for all tests and kept for the next run.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    let folder = cache.join("gadgetry/cosign");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tools/cosign.sh");
    assert!(Command::new(script).arg(&folder).status().unwrap().success(), "cosign could not be fetched");
    folder
});

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generation {
    Two,
    Three,
}

use Generation::{Three, Two};

/// A registry with an image in it, and a key in files.
struct Scene {
    local: Local,
    folder: tempfile::TempDir,
    key: PrivateKey,
    image: TestImage,
    remote: Remote,
}

impl Scene {
    async fn new(seed: &str) -> Self {
        let local = Local::start();
        let folder = tempfile::tempdir().unwrap();
        let key = key();
        key.write_pair(&folder.path().join("k.key"), &folder.path().join("k.pub"), PASSWORD).unwrap();
        let image = TestImage::new(seed);
        let remote = remote(options(&[&local.host]));
        let (_store, store) = store();
        image.store_as(&store, "x");
        let scene = Self { local, folder, key, image, remote };
        scene.remote.push(&store, &scene.image.link.digest, &scene.reference()).await.unwrap();
        scene
    }

    fn reference(&self) -> Reference {
        self.local.reference("me/mine:v1")
    }

    async fn sign(&self, format: Format) {
        let reference = self.reference();
        let made = sign(&self.image.link, &reference.name(), &self.key, format).unwrap();
        self.remote.publish_signatures(&reference, &self.image.link.digest, &made).await.unwrap();
    }

    fn cosign(&self, generation: Generation, arguments: &[&str]) -> Output {
        let name = if generation == Two { "cosign2" } else { "cosign3" };
        let reference = self.reference();
        Command::new(FOLDER.join(name))
            .args(arguments)
            .arg(format!("{}@{}", reference.name(), self.image.link.digest))
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("COSIGN_PASSWORD", PASSWORD)
            .output()
            .unwrap()
    }

    fn cosign_signs(&self, generation: Generation) {
        let mut arguments = vec!["sign", "--key", "k.key", "--tlog-upload=false", "-y"];
        if generation == Three {
            arguments.push("--use-signing-config=false");
        }
        let output = self.cosign(generation, &arguments);
        assert!(output.status.success(), "{generation:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn cosign_verifies(&self, generation: Generation, public: &str) -> Result<(), String> {
        let output = self.cosign(generation, &["verify", "--key", public, "--insecure-ignore-tlog=true"]);
        if output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(&self.image.link.digest.to_string()), "{said}");
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[tokio::test]
async fn cosign_verifies_what_we_sign() {
    for (format, generations) in
        [(Format::Simple, &[Two][..]), (Format::Bundle, &[Three][..]), (Format::Both, &[Two, Three][..])]
    {
        let scene = Scene::new(&format!("{format:?}")).await;
        let stranger = key();
        stranger
            .write_pair(&scene.folder.path().join("s.key"), &scene.folder.path().join("s.pub"), "")
            .unwrap();
        for generation in [Two, Three] {
            assert!(scene.cosign_verifies(generation, "k.pub").is_err(), "{generation:?} took it unsigned");
        }
        scene.sign(format).await;
        for generation in generations {
            scene
                .cosign_verifies(*generation, "k.pub")
                .unwrap_or_else(|e| panic!("{generation:?} {format:?}: {e}"));
            assert!(
                scene.cosign_verifies(*generation, "s.pub").is_err(),
                "{generation:?} took the wrong key"
            );
        }
    }
}

#[tokio::test]
async fn we_verify_what_cosign_signs() {
    for generation in [Two, Three] {
        let scene = Scene::new(&format!("{generation:?}")).await;
        // With a key that we made, and that cosign can therefore open.
        scene.cosign_signs(generation);
        let (_folder, store) = store();
        let policy = policy(&scene.key.public());
        let pulled =
            scene.remote.pull(&scene.reference(), &store, &Platforms::All, Some(&policy)).await.unwrap();
        assert_eq!((pulled.signatures, pulled.verdict.unwrap().kind), (1, Kind::Key), "{generation:?}");

        let stranger = super::image::policy(&key().public());
        let (_folder, other) = self::store();
        let error = scene
            .remote
            .pull(&scene.reference(), &other, &Platforms::All, Some(&stranger))
            .await
            .unwrap_err();
        let Problem::Refused { refused, .. } = &error.problem else { panic!("{error}") };
        let Why::Refused(refusals) = &refused.why else { panic!("{error}") };
        assert!(matches!(refusals[0].reason, Reason::OtherKey { .. }), "{error}");

        // A statement about the image that is not its signature, by the same key, is none.
        let found = signature::stored(&store, &scene.image.link.digest).unwrap();
        let name = scene.reference().name();
        assert!(verify(&scene.image.link.digest, &name, &found, &policy).is_ok());
    }
}

#[tokio::test]
async fn an_attestation_is_no_signature() {
    for generation in [Two, Three] {
        let scene = Scene::new(&format!("attested {generation:?}")).await;
        std::fs::write(scene.folder.path().join("scan.json"), r#"{"result":"full of holes"}"#).unwrap();
        let mut arguments = vec![
            "attest",
            "--key",
            "k.key",
            "--predicate",
            "scan.json",
            "--type",
            "custom",
            "--tlog-upload=false",
            "-y",
        ];
        if generation == Three {
            arguments.push("--use-signing-config=false");
        }
        let output = scene.cosign(generation, &arguments);
        assert!(output.status.success(), "{generation:?}: {}", String::from_utf8_lossy(&output.stderr));
        let (_folder, store) = store();
        let policy = policy(&scene.key.public());
        let error =
            scene.remote.pull(&scene.reference(), &store, &Platforms::All, Some(&policy)).await.unwrap_err();
        let Problem::Refused { refused, .. } = &error.problem else { panic!("{error}") };
        match &refused.why {
            // cosign 2 keeps attestations under a tag of their own, where nobody looks for signatures.
            Why::Unsigned(_) => assert_eq!(generation, Two, "{error}"),
            Why::Refused(refusals) => {
                assert!(matches!(refusals[0].reason, Reason::OtherPurpose(_)), "{error}");
            }
            _ => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn all_sign_one_image_and_all_verify() {
    let scene = Scene::new("all").await;
    scene.cosign_signs(Two);
    scene.sign(Format::Both).await;
    scene.cosign_signs(Three);
    scene.sign(Format::Both).await;
    for generation in [Two, Three] {
        scene.cosign_verifies(generation, "k.pub").unwrap();
    }
    let (_folder, store) = store();
    let policy = policy(&scene.key.public());
    let pulled = scene.remote.pull(&scene.reference(), &store, &Platforms::All, Some(&policy)).await.unwrap();
    assert_eq!(pulled.signatures, 6, "none displaced another");

    // All of them move along when the image is pushed to another registry.
    let elsewhere = Local::start();
    let there = elsewhere.reference("other/name:v2");
    let remote = remote(options(&[&elsewhere.host]));
    remote.push(&store, &scene.image.link.digest, &there).await.unwrap();
    let moved = Scene { local: elsewhere, ..scene };
    let (_folder, store) = self::store();
    let pulled = remote.pull(&there, &store, &Platforms::All, Some(&policy)).await.unwrap();
    assert_eq!(pulled.signatures, 6);
    drop(moved);
}

#[test]
fn a_key_that_cosign_made_is_ours_too() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["cosign2", "cosign3"] {
        let home = folder.path().join(name);
        std::fs::create_dir(&home).unwrap();
        let output = Command::new(FOLDER.join(name))
            .arg("generate-key-pair")
            .current_dir(&home)
            .env("HOME", &home)
            .env("COSIGN_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let password = || Some(Zeroizing::new(PASSWORD.to_owned()));
        let private = PrivateKey::load(&home.join("cosign.key"), password).unwrap();
        let public = gadget_registry::key::PublicKey::load(&home.join("cosign.pub")).unwrap();
        assert_eq!(private.public(), public);
    }
}
