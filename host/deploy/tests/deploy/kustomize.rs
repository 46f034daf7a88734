//! The same rendered by kubectl. Any kubectl from 1.14 on can: the oldest one tried is Debian 12's 1.20, which has kustomize
//! 2.0.3 in it.

use std::process::{Command, Output};

use gadgetry_deploy::overlays;
use serde_json::Value;

use crate::{rendered, repository};

/// Runs kubectl on a folder.
pub(crate) fn kustomize(folder: &std::path::Path) -> Vec<Value> {
    let run = Command::new("kubectl").arg("kustomize").arg(folder).output();
    let Output { status, stdout, stderr } = run.expect("kubectl is there: `make setup-test` installs one");
    assert!(status.success(), "kubectl kustomize {}: {}", folder.display(), String::from_utf8_lossy(&stderr));
    serde_saphyr::from_multiple(&String::from_utf8(stdout).unwrap()).unwrap()
}

/// Objects by what they are; in lists that are merged by name, the order is nobody's business, and versions of kustomize
/// differ in it.
pub(crate) fn sorted(mut objects: Vec<Value>) -> Vec<Value> {
    for object in &mut objects {
        sort_named(object);
    }
    objects.sort_by_key(|it| format!("{} {}", it["kind"], it["metadata"]["name"]));
    objects
}

fn sort_named(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(sort_named),
        Value::Array(list) => {
            list.iter_mut().for_each(sort_named);
            if list.iter().all(|it| it["name"].is_string()) {
                list.sort_by_key(|it| it["name"].to_string());
            }
        }
        _ => {}
    }
}

#[test]
fn kubectl_renders_the_same() {
    for overlay in overlays() {
        let theirs = sorted(kustomize(&repository().join("deploy/overlays").join(overlay)));
        let ours = sorted(rendered(overlay).into_iter().map(|it| it.0).collect());
        let ids = |all: &[Value]| {
            all.iter().map(|it| format!("{} {}", it["kind"], it["metadata"]["name"])).collect::<Vec<_>>()
        };
        assert_eq!(ids(&ours), ids(&theirs), "{overlay}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{overlay}");
        }
    }
}
