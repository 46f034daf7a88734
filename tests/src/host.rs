//! The built `gadgetry`, with a store, a cache and a policy of its own, so that tests neither see each other nor what
//! the machine has installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A `gadgetry` with folders of its own, gone when it is dropped.
pub struct Host {
    folder: TempDir,
    /// What its commands start with.
    before: Vec<String>,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// With nothing in its store and no policy: only built-in gadgets may run.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), before: Vec::new() }
    }

    /// The same, with the capabilities that an agent has in a cluster and no others.
    pub fn limited() -> Self {
        let objects = gadgetry_deploy::render(&["default".to_owned()]).expect("the manifests render");
        let agent = objects.into_iter().find(|it| it.kind() == "DaemonSet").expect("a DaemonSet").0;
        let kept = agent.pointer("/spec/template/spec/containers/0/securityContext/capabilities/add");
        let kept = kept.and_then(serde_json::Value::as_array).expect("capabilities").iter();
        let kept = kept.map(|it| format!(",+{}", it.as_str().expect("a name").to_lowercase()));
        let bounds = format!("--bounding-set=-all{}", kept.collect::<String>());
        Self { before: vec!["setpriv".into(), bounds, "--inh-caps=-all".into()], ..Self::new() }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary, as the Makefile built it.
    pub fn binary() -> PathBuf {
        let binary = std::env::var_os("GADGETRY_BIN").map_or_else(|| crate::tool("gadgetry"), PathBuf::from);
        assert!(binary.exists(), "{} does not exist: run `make build` first", binary.display());
        binary
    }

    /// The environment that makes a `gadgetry` this one.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = |name: &str| self.folder().join(name).display().to_string();
        vec![
            ("GADGETRY_STORE".into(), path("store")),
            ("GADGETRY_CACHE".into(), path("cache")),
            ("DOCKER_CONFIG".into(), path("docker")),
            ("COSIGN_PASSWORD".into(), "pass".into()),
            ("NO_COLOR".into(), "1".into()),
        ]
    }

    /// A command of it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let binary = Self::binary().display().to_string();
        let mut all = self.before.iter().chain([&binary]);
        let mut command = Command::new(all.next().unwrap_or(&binary));
        command
            .args(all)
            .args(arguments)
            .envs(self.environment())
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("gadgetry starts")
    }

    /// Runs a command that must succeed; what it wrote to standard output.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gadgetry {arguments:?} failed: {error}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs a command that must fail; what it wrote to standard error.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "gadgetry {arguments:?} succeeded: {out}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }

    /// Builds one of the test gadgets into its store; the image's name, with its digest.
    pub fn built(&self, name: &str) -> String {
        let folder = crate::root().join("tests/gadgets").join(name).display().to_string();
        let image = format!("localhost:1/test/{name}:v1");
        let sdk = crate::root().display().to_string();
        self.ok(&["gadget", "build", &folder, "--sdk", &sdk, "--tag", &image]).trim().to_owned()
    }

    /// Starts a command whose output is read later.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("gadgetry starts")
    }
}
