//! The same at a shell: what is printed, and with which code it ends.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::container::binary;
use crate::world::{NAMESPACE, World};

/// What a command printed, on both outputs, and its code.
async fn gadgetry(kubeconfig: &Path, arguments: &[&str]) -> (String, String, i32) {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig).stdin(Stdio::null());
    command.env_remove("KUBECONFIG").env_remove("GADGETRY_CONTEXT");
    let output = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[tokio::test]
async fn from_deploy_to_undeploy() {
    let (_world, controllers) = World::memory().await;
    let kubeconfig = controllers.double.kubeconfig();
    let run = async |arguments: &[&str]| gadgetry(&kubeconfig, arguments).await;

    let (out, _, code) = run(&["status"]).await;
    assert!(out.contains("deployed      no") && out.contains("gadgetry deploy"), "{out}");
    assert_eq!(code, 1);

    let (out, error, code) = run(&["deploy", "-n", NAMESPACE, "--dry-run"]).await;
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("create  DaemonSet                 gadgetry-test/gadgetry-agent\n"), "{out}");
    assert!(out.contains("nothing was changed in double"), "{out}");
    assert!(controllers.double.get("Namespace", "", NAMESPACE).is_none());

    let (out, error, code) = run(&["deploy", "-n", NAMESPACE, "--set", "server.replicas=3"]).await;
    assert_eq!(code, 0, "{error}");
    assert!(out.ends_with("in namespace gadgetry-test of double; ready\n"), "{out}");
    assert!(error.contains("[0/26] create Namespace gadgetry-test\n"), "{error}");
    assert!(error.ends_with("[26/26] ready\n"), "{error}");

    let (out, _, code) = run(&["status", "-o", "json"]).await;
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&status["deployed"], &status["nodes"]["ready"], code), (&Value::Bool(true), &3.into(), 0));

    let (_, error, code) = run(&["upgrade", "--set", "server.replcas=3"]).await;
    assert!(code == 1 && error.contains("--set server.replcas=3: there is no such value"), "{error}");

    // Nobody is there to be asked, so nothing is done.
    let (_, error, code) = run(&["undeploy"]).await;
    assert!(code == 1 && error.contains("pass --yes"), "{error}");
    assert!(controllers.double.get("DaemonSet", NAMESPACE, "gadgetry-agent").is_some());
    let (out, error, code) = run(&["undeploy", "--yes"]).await;
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("remove  Namespace                 gadgetry-test\n"), "{out}");
    assert!(controllers.double.get("Namespace", "", NAMESPACE).is_none());

    let (_, error, code) = run(&["status", "--context", "elsewhere"]).await;
    assert!(code == 1 && error.contains("cannot list daemonsets"), "{error}");
}

/// What a pipe into kubectl needs: no cluster, and nothing but the objects.
#[tokio::test]
async fn a_dry_run_as_yaml_asks_no_cluster() {
    let (out, error, code) = gadgetry(
        Path::new("/no/such/file"),
        &["deploy", "--dry-run", "-o", "yaml", "--overlay", "scan-only"],
    )
    .await;
    assert_eq!((code, error.as_str()), (0, ""));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&out).unwrap();
    assert_eq!(objects.len(), 11);
    let (_, error, code) = gadgetry(Path::new("/no/such/file"), &["deploy", "--overlay", "nope"]).await;
    assert!(code == 1 && error.contains("/no/such/file"), "{error}");
}
