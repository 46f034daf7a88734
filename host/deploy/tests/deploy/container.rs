//! The container image. What goes into it is put together and run from there, in a root of its own; and it is built, where
//! this machine has a builder.

use std::path::Path;
use std::process::{Command, Output};

use crate::repository;

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn ok(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = run(command);
    assert!(
        status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8_lossy(&stdout).into_owned()
}

/// Instructions with their arguments; comments and empty lines left out.
fn instructions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(repository().join("deploy/Containerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect()
}

#[test]
fn the_containerfile_fetches_nothing_and_is_nobody_s_root() {
    let all = instructions();
    let of = |name: &str| -> Vec<&str> {
        all.iter().filter(|(it, _)| it == name).map(|(_, arguments)| arguments.as_str()).collect()
    };
    assert_eq!(of("FROM"), ["scratch"]);
    assert_eq!(of("COPY"), ["${TARGETARCH}/ /"]);
    assert_eq!(of("USER"), ["65532:65532"]);
    assert_eq!(of("ENTRYPOINT"), ["[\"/gadgetry\"]"]);
    let known = ["FROM", "ARG", "COPY", "USER", "EXPOSE", "ENTRYPOINT"];
    assert!(all.iter().all(|(name, _)| known.contains(&name.as_str())), "nothing runs while it is built");
}

pub(crate) fn binary() -> std::path::PathBuf {
    let given = std::env::var_os("GADGETRY_BIN").map(std::path::PathBuf::from);
    // This test's own folder is target/release/deps.
    let beside = || std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("gadgetry");
    let binary = given.unwrap_or_else(beside);
    assert!(binary.exists(), "no {}: `make build` makes it", binary.display());
    binary
}

#[test]
fn the_binary_runs_with_what_is_in_the_image_alone() {
    let folder = tempfile::tempdir().unwrap();
    ok(Command::new(repository().join("deploy/image.sh")).arg(binary()).arg(folder.path()));
    let arch = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
    let root = folder.path().join(arch);
    let version =
        ok(Command::new("chroot").arg("--userspec=65532:65532").arg(&root).args(["/gadgetry", "--version"]));
    assert_eq!(version.trim(), format!("gadgetry {}", env!("CARGO_PKG_VERSION")));
    // As somebody who is nobody, it still has the manifests within it.
    let objects = ok(Command::new("chroot").arg("--userspec=65532:65532").arg(&root).args([
        "/gadgetry",
        "deploy",
        "--dry-run",
        "-o",
        "yaml",
    ]));
    assert!(objects.contains("kind: DaemonSet"));
    build(folder.path());
}

/// Builds it, where that can be done.
fn build(context: &Path) {
    let file = repository().join("deploy/Containerfile");
    let docker = Command::new("docker").arg("info").output().is_ok_and(|it| it.status.success());
    let buildah = Command::new("buildah").arg("--version").output().is_ok_and(|it| it.status.success());
    let name = "gadgetry-test-of-the-containerfile";
    if buildah {
        ok(Command::new("buildah")
            .args(["bud", "--isolation", "chroot", "-t", name, "-f"])
            .arg(&file)
            .arg(context));
        ok(Command::new("buildah").args(["rmi", name]));
    } else if docker {
        ok(Command::new("docker").args(["build", "-t", name, "-f"]).arg(&file).arg(context));
        ok(Command::new("docker").args(["rmi", name]));
    } else {
        eprintln!(
            "NOTE: neither buildah nor a docker that answers is on this machine: deploy/Containerfile was read and its files \
             were run, but no image was built"
        );
    }
}
