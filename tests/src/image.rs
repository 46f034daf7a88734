//! The container image of agents and servers, built as the documents say: the files of `deploy/image.sh`, put together by
//! buildah with `deploy/Containerfile`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::host::Host;

/// A built image, gone when it is dropped.
pub struct Image {
    folder: TempDir,
    /// `gadgetry:VERSION`, which is what the manifests ask for.
    pub name: String,
    /// How its containers start: `Entrypoint`, `User`, `ExposedPorts`, as in the OCI image format.
    pub config: Value,
}

impl Image {
    /// Builds it of the binary that is tested.
    #[track_caller]
    pub fn build() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = folder.path().join("files");
        let mut script = Command::new(crate::root().join("deploy/image.sh"));
        output(script.arg(Host::binary()).arg(&files));
        let name = format!("gadgetry:{}", env!("CARGO_PKG_VERSION"));
        let mut image = Self { folder, name, config: Value::Null };
        let file = crate::root().join("deploy/Containerfile");
        image.buildah(&[
            "build",
            "--isolation=chroot",
            "--file",
            &file.display().to_string(),
            "--tag",
            &image.name,
            &files.display().to_string(),
        ]);
        let about = image.buildah(&["inspect", "--type=image", &image.name]);
        let mut about: Value = serde_json::from_str(&about).expect("JSON");
        image.config = about["OCIv1"]["config"].take();
        image
    }

    /// A file system of its contents, for one container.
    pub fn root(&self) -> PathBuf {
        let container = self.buildah(&["from", "--pull-never", &self.name]);
        self.buildah(&["mount", &container]).into()
    }

    /// Storage of its own, in plain folders: neither what the machine has nor what it can do to file systems matters.
    fn buildah(&self, arguments: &[&str]) -> String {
        let at = |name: &str| self.folder.path().join(name);
        let mut command = Command::new("buildah");
        command.args(["--storage-driver=vfs", "--root"]).arg(at("storage")).arg("--runroot").arg(at("run"));
        output(command.args(arguments))
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{} does not start: {error} (make setup-test)", command.get_program().display())
    });
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}
