//! Real containers of Debian's runc and crun, with busybox inside (see `tests/tools/container.sh`).

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Starts `command` in a container named `id`. `folder` holds bundles and the root file system, and may be shared.
pub fn start(runtime: &str, folder: &Path, id: &str, command: &[&str]) -> Child {
    Command::new(crate::root().join("tests/tools/container.sh"))
        .args(["run", runtime])
        .arg(folder)
        .arg(id)
        .args(command)
        .stdout(Stdio::null())
        .spawn()
        .expect("container.sh starts")
}

/// A name that no other test uses.
pub fn name(of: &str) -> String {
    format!("gadgetry-{of}-{}", std::process::id())
}
