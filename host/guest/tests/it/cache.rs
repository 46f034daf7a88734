//! The folder of compiled components: used when sound, passed over when not, refused when open to others.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use gadgetry_guest::{Config, Origin, Runtime, RuntimeError};

use crate::component::Source;

fn runtime(dir: &Path) -> Runtime {
    Runtime::new(Config { cache_dir: Some(dir.to_owned()), slots: 1, ..Config::default() }).unwrap()
}

fn origin(dir: &Path) -> Origin {
    runtime(dir).component(&Source::rows("{}\n").wasm()).unwrap().origin()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A folder with one compiled component in it.
fn filled() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a/b");
    assert_eq!(origin(&dir), Origin::Compiled);
    let [file] = &files(&dir)[..] else { panic!("{:?}", files(&dir)) };
    let file = file.clone();
    (temp, dir, file)
}

#[test]
fn compiled_once() {
    let (_temp, dir, file) = filled();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(origin(&dir), Origin::Cache);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    // Another component is another file.
    assert_eq!(runtime(&dir).component(&Source::new().wasm()).unwrap().origin(), Origin::Compiled);
    assert_eq!(files(&dir).len(), 2);
    // A refused component leaves nothing that would run.
    assert!(runtime(&dir).component(b"nothing").is_err());
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn unsound_files_are_passed_over_and_replaced() {
    type Harm = fn(&Path);
    let harms: &[(&str, Harm)] = &[
        ("a byte changed", |file| {
            let mut bytes = fs::read(file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("cut short", |file| fs::write(file, &fs::read(file).unwrap()[..1000]).unwrap()),
        ("empty", |file| fs::write(file, b"").unwrap()),
        ("something else", |file| fs::write(file, [b'x'; 4096]).unwrap()),
        ("a valid sum of what is no code", |file| {
            // SHA-256 of nothing.
            let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            let sum = (0..32).map(|at| u8::from_str_radix(&sum[at * 2..at * 2 + 2], 16).unwrap());
            fs::write(file, b"gdgtcwa1".iter().copied().chain(sum).collect::<Vec<u8>>()).unwrap();
        }),
        ("writable by all", |file| fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap()),
        ("of another user", |file| chown(file, Some(12345), None).unwrap()),
        ("a link", |file| {
            let elsewhere = file.parent().unwrap().parent().unwrap().join("elsewhere");
            fs::rename(file, &elsewhere).unwrap();
            symlink(elsewhere, file).unwrap();
        }),
        ("a folder", |file| {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let (_temp, dir, file) = filled();
        harm(&file);
        assert_eq!(origin(&dir), Origin::Compiled, "{name}");
        if !file.is_dir() {
            assert_eq!(origin(&dir), Origin::Cache, "{name}: it should have been replaced");
        }
    }
}

#[test]
fn folders_open_to_others_are_refused() {
    let (_temp, dir, _) = filled();
    let refused = |wanted: &str| {
        let config = Config { cache_dir: Some(dir.clone()), slots: 1, ..Config::default() };
        let error = Runtime::new(config).err().expect(wanted);
        assert!(matches!(error, RuntimeError::CacheNotPrivate { .. }), "{error}");
        assert!(error.to_string().contains(wanted), "{error}");
    };
    fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
    refused("has mode 0750");
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    chown(&dir, Some(12345), None).unwrap();
    refused("belongs to user 12345");
    chown(&dir, Some(0), None).unwrap();
    let moved = dir.with_file_name("moved");
    fs::rename(&dir, &moved).unwrap();
    symlink(&moved, &dir).unwrap();
    refused("is no folder");
}
