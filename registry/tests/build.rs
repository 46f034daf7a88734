//! Building gadgets with the real toolchain: the built-in ones, and the one that `gadget new` makes.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gadget_registry::build::{Build, BuildError, Built, build};
use gadget_registry::image::Image;
use gadget_registry::scaffold;
use gadget_registry::sdk::Sdk;
use gadget_registry::store::Store;
use gadget_sdk_sources::FILES;
use gadgetry_guest::{Config, Runtime};

fn describe(component: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    Ok(Runtime::new(Config { slots: 1, ..Config::default() })?.component(component)?.describe()?)
}

/// Output of the compilers: where `make build` has it too, so that its standard library is compiled once.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("gadgets")
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn built(store: &Store, gadget: &Path, target_dir: &Path) -> Result<Built, BuildError> {
    let lease = store.lease()?;
    let sdk = &Sdk::Embedded(FILES);
    build(
        &Build { gadget, target_dir, sdk, describe: &describe, progress: &|line| println!("{line}") },
        &lease,
    )
}

fn store(folder: &Path) -> Store {
    Store::open(folder.join("store")).unwrap()
}

/// Copies a folder, without what builds leave in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_built_in_gadget_becomes_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let built_now = built(&store, &in_repository("gadgets/trace_open"), &target()).unwrap();
    for architecture in ["amd64", "arm64"] {
        let image = Image::open(&store, &built_now.link.digest, architecture).unwrap();
        assert_eq!(image.descriptor.name, "trace_open");
        let object = &image.ebpf.as_ref().unwrap().object;
        assert!(object.btf && object.map("gadget_events").is_some());
        assert!(object.rodata.contains_key("param__failed"), "{:?}", object.rodata.keys());
        assert_eq!(image.interfaces.imports.len(), 1, "{:?}", image.interfaces);
        assert!(image.ebpf.unwrap().bytes.len() < 150_000, "debugging sections are gone");
    }
    // Nothing of this machine is in it.
    let image = Image::open(&store, &built_now.link.digest, "amd64").unwrap();
    let home = std::env::var("HOME").unwrap_or_default();
    let home = format!("{home}/");
    for bytes in [&image.component, &image.ebpf.unwrap().bytes] {
        for place in [env!("CARGO_MANIFEST_DIR"), env!("CARGO_TARGET_TMPDIR"), &home] {
            let place = place.as_bytes();
            assert!(!bytes.windows(place.len()).any(|it| it == place), "{}", String::from_utf8_lossy(place));
        }
    }
    // The second time nothing is compiled.
    let started = std::time::Instant::now();
    let again = built(&store, &in_repository("gadgets/trace_open"), &target()).unwrap();
    assert!(again.cached);
    assert_eq!(again.link, built_now.link);
    println!("unchanged: {:?}", started.elapsed());
}

#[test]
fn a_new_gadget_builds_and_does_so_to_the_same_digest_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let first = folder.path().join("mine");
    scaffold::create("mine", &first, &Sdk::Embedded(FILES)).unwrap();
    let built_first = built(&store, &first, &target()).unwrap();
    let image = Image::open(&store, &built_first.link.digest, "amd64").unwrap();
    assert_eq!(image.descriptor.tools[0].name, "mine");
    assert!(image.readme(&store).unwrap().unwrap().contains("# mine"));

    // Somewhere else, with nothing compiled before.
    let second = folder.path().join("quite/another/place");
    copy(&first, &second);
    let built_second = built(&store, &second, &folder.path().join("fresh")).unwrap();
    assert!(!built_second.cached);
    assert_eq!(built_second.link.digest, built_first.link.digest);

    // What git would take is what was made.
    let git = |args: &[&str]| Command::new("git").args(args).current_dir(&first).output().unwrap();
    assert!(git(&["init", "--quiet"]).status.success());
    let status = git(&["status", "--porcelain", "--untracked-files=all"]).stdout;
    let mut files: Vec<_> =
        String::from_utf8_lossy(&status).lines().map(|line| line[3..].to_owned()).collect();
    files.sort();
    let expected = [
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "gadget.toml",
        "src/event.rs",
        "src/kernel.rs",
        "src/lib.rs",
    ];
    assert_eq!(files, expected);
}

#[test]
fn mistakes_are_told_readably() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let gadget = folder.path().join("mine");
    let fails = |store: &Store| built(store, &gadget, &target()).unwrap_err().to_string();
    fs::create_dir(&gadget).unwrap();
    assert!(fails(&store).contains("gadget.toml: No such file"));
    scaffold::create("mine", &gadget, &Sdk::Embedded(FILES)).unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = gadget.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        fs::write(&path, text.replace(from, to)).unwrap();
    };

    change("gadget.toml", "[permissions]", "[permission]");
    assert!(fails(&store).contains("unknown field `permission`"));
    change("gadget.toml", "[permission]", "[permissions]");

    change("src/lib.rs", "let common = event.common();", "let common = event.commom();");
    let error = fails(&store);
    assert!(
        error.starts_with("cargo rustc failed:\nerror[E0599]") && error.contains("src/lib.rs"),
        "{error}"
    );
    change("src/lib.rs", "event.commom()", "event.common()");

    // Only the descriptor changes from here on: the halves are compiled once.
    change("gadget.toml", "programs = [\"tracepoint\"]", "programs = [\"iter\"]");
    let error = fails(&store);
    assert!(error.contains("uses the program type `tracepoint` (program `exec`)"), "{error}");
    assert!(error.contains("[permissions] in gadget.toml"), "{error}");
    change("gadget.toml", "programs = [\"iter\"]", "programs = [\"tracepoint\"]");
    change("gadget.toml", "prefer = [\"exec\"]", "prefer = [\"exce\"]");
    assert!(fails(&store).contains("hooks[0]: the eBPF object has no program `exce`"));
    change("gadget.toml", "prefer = [\"exce\"]", "prefer = [\"exec\"]");
    assert!(built(&store, &gadget, &target()).unwrap().cached);
}
