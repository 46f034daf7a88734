//! Debian's docker-registry on a port of its own, ended when dropped. It has no referrers API, so the fallback tag
//! is what is exercised.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gadget_registry::digest::Digest;
use gadget_registry::reference::Reference;

pub(crate) struct Local {
    child: Child,
    folder: tempfile::TempDir,
    /// Host and port.
    pub(crate) host: String,
}

/// User and password for a registry that asks for them: `user-7` and `pass-7`.
pub(crate) const HTPASSWD: &str = "user-7:$2y$05$abcdefghijklmnopqrstuu8PDn7unaC1su5VdpaITdjWSJo62xomG\n";

impl Local {
    pub(crate) fn start() -> Self {
        Self::launch("")
    }

    pub(crate) fn with_password() -> Self {
        Self::launch("auth: {htpasswd: {realm: test, path: HTPASSWD}}\n")
    }

    fn launch(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let htpasswd = folder.path().join("htpasswd");
        fs::write(&htpasswd, HTPASSWD).unwrap();
        // Someone may take the port between our letting go of it and the registry's taking it; then another is tried.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let host = format!("127.0.0.1:{port}");
            let config = folder.path().join("config.yml");
            let root = folder.path().join("data");
            let text = format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n{}",
                root.display(),
                more.replace("HTPASSWD", &htpasswd.display().to_string()),
            );
            fs::write(&config, text).unwrap();
            let mut child = Command::new("docker-registry")
                .arg("serve")
                .arg(&config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("docker-registry is to be installed: apt-get install docker-registry");
            let give_up = Instant::now() + Duration::from_secs(10);
            while Instant::now() < give_up {
                if std::net::TcpStream::connect(&host).is_ok() {
                    return Self { child, folder, host };
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            child.kill().ok();
            child.wait().ok();
        }
        panic!("docker-registry does not start");
    }

    pub(crate) fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.host).parse().unwrap()
    }

    /// The file in which it keeps a blob.
    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(&hex[..2])
            .join(&hex)
            .join("data")
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
