//! The manifests themselves: that the binary has all of them, that Kubernetes knows all they say, and that they keep to what
//! was decided once for all of them.

use std::collections::BTreeSet;

use gadgetry_deploy::{FILES, KINDS, Kind, Object, overlays};
use serde_json::{Value, json};

use crate::{rendered, repository};

#[test]
fn the_binary_has_the_folder() {
    let root = repository().join("deploy");
    let mut found = BTreeSet::new();
    let mut folders = vec![root.join("base"), root.join("overlays")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let carried: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(carried, found, "host/deploy/src/files.rs lists what is below deploy/");
    for (path, text) in FILES {
        assert_eq!(*text, std::fs::read_to_string(root.join(path)).unwrap(), "{path}");
    }
}

#[test]
fn each_file_is_used_and_has_one_object() {
    let mut named = BTreeSet::new();
    for (path, text) in FILES {
        let Some(folder) = path.strip_suffix("/kustomization.yaml") else { continue };
        let file: Value = serde_saphyr::from_str(text).unwrap();
        for list in ["resources", "patchesStrategicMerge"] {
            for name in file[list].as_array().into_iter().flatten() {
                named.insert(format!("{folder}/{}", name.as_str().unwrap()));
            }
        }
        named.insert((*path).to_owned());
    }
    let all: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(named, all);
    for (path, text) in FILES {
        assert_eq!(text.matches("\nkind: ").count() + usize::from(text.starts_with("kind: ")), 1, "{path}");
    }
}

#[test]
fn every_object_says_whose_it_is() {
    let version = env!("CARGO_PKG_VERSION");
    for overlay in overlays() {
        for object in rendered(overlay) {
            let id = object.id();
            for (label, value) in [
                ("app.kubernetes.io/name", "gadgetry"),
                ("app.kubernetes.io/part-of", "gadgetry"),
                ("app.kubernetes.io/managed-by", "gadgetry"),
                ("app.kubernetes.io/version", version),
            ] {
                assert_eq!(object.label(label), Some(value), "{overlay}: {id}: {label}");
                if let Some(template) = object.0.pointer("/spec/template/metadata/labels") {
                    assert_eq!(template[label], json!(value), "{overlay}: pods of {id}: {label}");
                }
            }
            let namespaced = Kind::of(object.api_version(), object.kind()).unwrap().namespaced;
            assert_eq!(object.namespace().is_some(), namespaced, "{id}");
        }
    }
}

fn containers(object: &Object) -> Vec<Value> {
    let list = object.0.pointer("/spec/template/spec/containers").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

#[test]
fn pods_have_no_more_than_they_need() {
    for overlay in overlays() {
        for object in rendered(overlay) {
            for container in containers(&object) {
                let id = format!("{overlay}: {}", object.id());
                let context = &container["securityContext"];
                assert_eq!(context["privileged"], json!(false), "{id}");
                assert_eq!(context["allowPrivilegeEscalation"], json!(false), "{id}");
                assert_eq!(context["readOnlyRootFilesystem"], json!(true), "{id}");
                assert_eq!(context["capabilities"]["drop"], json!(["ALL"]), "{id}");
                let pod = object.0.pointer("/spec/template/spec/securityContext");
                let seccomp = context.get("seccompProfile").or(pod.and_then(|it| it.get("seccompProfile")));
                assert_eq!(seccomp.unwrap()["type"], json!("RuntimeDefault"), "{id}");
                assert!(container["resources"]["limits"]["memory"].is_string(), "{id}");
                assert!(
                    container["livenessProbe"].is_object() && container["readinessProbe"].is_object(),
                    "{id}"
                );
                let image = format!("gadgetry:{}", env!("CARGO_PKG_VERSION"));
                assert_eq!(container["image"], json!(image), "{id}");
                let is_agent = object.kind() == "DaemonSet";
                assert_eq!(context["capabilities"]["add"].is_array(), is_agent, "{id}");
                if !is_agent {
                    assert_eq!(pod.unwrap()["runAsNonRoot"], json!(true), "{id}");
                }
            }
        }
    }
    let capabilities = |overlay: &str| {
        let agent = rendered(overlay).into_iter().find(|it| it.kind() == "DaemonSet").unwrap();
        containers(&agent)[0]["securityContext"]["capabilities"]["add"].clone()
    };
    assert_eq!(
        capabilities("default"),
        json!(["BPF", "PERFMON", "SYS_PTRACE", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE", "SYSLOG"])
    );
    assert_eq!(
        capabilities("old-kernel"),
        json!(["SYS_ADMIN", "SYS_RESOURCE", "SYS_PTRACE", "DAC_READ_SEARCH", "SYSLOG"])
    );
}

/// Each right by itself: whoever adds one is to see it here.
#[test]
fn rights_are_these_and_no_others() {
    let mut rights = BTreeSet::new();
    for overlay in overlays() {
        for object in rendered(overlay).iter().filter(|it| it.kind().ends_with("Role")) {
            for rule in object.0["rules"].as_array().unwrap() {
                let list = |name: &str| {
                    let all = rule[name].as_array().unwrap().iter();
                    all.map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(",")
                };
                rights.insert(format!("{}: {} {}", object.name(), list("verbs"), list("resources")));
            }
        }
    }
    let expected = [
        "gadgetry-agent: get,list,watch pods",
        "gadgetry-run: run gadgets",
        "gadgetry-server: create leases",
        "gadgetry-server: create subjectaccessreviews",
        "gadgetry-server: create tokenreviews",
        "gadgetry-server: get,update leases",
        "gadgetry-server: list,watch gadgets",
        "gadgetry-server: list,watch pods,services,nodes",
        "gadgetry-server: patch gadgets/status",
    ];
    assert_eq!(rights.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

/// Ports and names that one file says and another relies on.
#[test]
fn what_refers_to_something_finds_it() {
    for overlay in overlays() {
        let objects = rendered(overlay);
        let exists = |kind: &str, name: &str| objects.iter().any(|it| it.kind() == kind && it.name() == name);
        for object in &objects {
            let pod = &object.0["spec"]["template"]["spec"];
            for volume in pod["volumes"].as_array().into_iter().flatten() {
                if let Some(name) = volume["secret"]["secretName"].as_str() {
                    assert!(exists("Secret", name), "{overlay}: {name}");
                }
                if let Some(name) = volume["configMap"]["name"].as_str() {
                    assert!(exists("ConfigMap", name), "{overlay}: {name}");
                }
            }
            if let Some(name) = pod["serviceAccountName"].as_str() {
                assert!(exists("ServiceAccount", name), "{overlay}: {name}");
            }
            for container in containers(object) {
                let mounted: Vec<_> =
                    container["volumeMounts"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
                let volumes: Vec<_> =
                    pod["volumes"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
                assert_eq!(mounted, volumes, "{overlay}: {}", object.id());
                let ports: Vec<_> =
                    container["ports"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
                for probe in ["livenessProbe", "readinessProbe"] {
                    assert!(ports.contains(&&container[probe]["httpGet"]["port"]), "{overlay}");
                }
                for variable in container["env"].as_array().into_iter().flatten() {
                    let Some(reference) = variable["valueFrom"].get("configMapKeyRef") else { continue };
                    let map = objects
                        .iter()
                        .find(|it| it.kind() == "ConfigMap" && json!(it.name()) == reference["name"]);
                    let key = reference["key"].as_str().unwrap();
                    assert!(map.unwrap().0["data"][key].is_string(), "{overlay}: {key}");
                }
            }
            if object.kind() == "Service" {
                let selected = objects.iter().find(|it| {
                    it.0.pointer("/spec/template/metadata/labels/app.kubernetes.io~1component")
                        == object.0.pointer("/spec/selector/app.kubernetes.io~1component")
                });
                let ports: Vec<_> = containers(selected.unwrap())[0]["ports"].as_array().unwrap().clone();
                for port in object.0["spec"]["ports"].as_array().unwrap() {
                    let target = ports.iter().find(|it| it["name"] == port["targetPort"]).unwrap();
                    assert_eq!(target["containerPort"], port["port"], "{overlay}: {}", object.id());
                }
            }
        }
    }
}

#[test]
fn kinds_are_named_once() {
    let names: BTreeSet<_> = KINDS.iter().map(|kind| kind.resource.kind.clone()).collect();
    assert_eq!(names.len(), KINDS.len());
}

/// What other parts of this program look for by name.
#[test]
fn names_are_those_that_others_look_for() {
    use gadgetry_cluster::names;
    let objects = rendered("default");
    let find =
        |kind: &str, name: &str| objects.iter().find(|it| it.kind() == kind && it.name() == name).unwrap();
    let run = &find("ClusterRole", "gadgetry-run").0["rules"];
    let rule = json!({"apiGroups": [names::GROUP], "resources": [names::RESOURCE], "verbs": [names::VERB]});
    assert_eq!(run, &json!([rule]));
    let definition = find("CustomResourceDefinition", &format!("{}.{}", names::RESOURCE, names::GROUP));
    assert_eq!(definition.0["spec"]["group"], json!(names::GROUP));
    for (kind, name, selector) in
        [("DaemonSet", "gadgetry-agent", names::AGENTS), ("Deployment", "gadgetry-server", names::SERVERS)]
    {
        let labels = &find(kind, name).0["spec"]["template"]["metadata"]["labels"];
        for (label, value) in selector.split(',').map(|it| it.split_once('=').unwrap()) {
            assert_eq!(labels[label], json!(value), "{kind}: {label}");
        }
        let (label, value) = names::NODES.split_once('=').unwrap();
        assert_eq!(find(kind, name).0["spec"]["template"]["spec"]["nodeSelector"][label], json!(value));
    }
    assert_eq!(definition.0["spec"]["names"]["kind"], json!(names::KIND));
    assert_eq!(definition.0["spec"]["versions"][0]["name"], json!(names::VERSION));
    let lease = find("Role", "gadgetry-server").0["rules"].as_array().unwrap().clone();
    let named = lease.iter().find(|rule| rule["verbs"] == json!(["get", "update"])).unwrap();
    assert_eq!(named["resourceNames"], json!([names::OBJECTS_LEASE]));
    assert_eq!(gadgetry_deploy::NAMESPACE, names::NAMESPACE);
}
