//! What `gadgetry deploy --dry-run -o yaml` prints, with values.

use gadgetry_deploy::{Given, Object, Values, rendered};
use serde_json::{Value, json};

use crate::kustomize::{kustomize, sorted};

fn with(overlays: &[&str], namespace: &str, set: &[&str]) -> Result<Vec<Object>, String> {
    let mut given = Given::default();
    for it in set {
        given.set(it).map_err(|error| error.to_string())?;
    }
    let values = given.read().map_err(|error| error.to_string())?;
    let overlays: Vec<String> = overlays.iter().map(|it| (*it).to_owned()).collect();
    rendered(&overlays, namespace, &values).map_err(|error| error.to_string())
}

fn find(objects: &[Object], kind: &str, name: &str) -> Value {
    objects.iter().find(|it| it.kind() == kind && it.name() == name).unwrap().0.clone()
}

#[test]
fn kubectl_reads_it_as_it_was_meant() {
    let set = [
        "image=registry.example/gadgetry:1.10",
        "gadgetImages=trace_exec,trace_open",
        "policy=version = 1\n\n[[rule]]\nname = \"yes\"\nrepositories = [\"**\"] # on: off\n",
        "agent.nodeSelector.example.com/gadgets=on",
        "logLevel=no",
        "agent.tolerations=[]",
        "ingress.host=yes.example",
    ];
    let objects = with(&["old-kernel", "ingress"], "tools", &set).unwrap();
    let text = gadgetry_deploy::yaml(&objects).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("all.yaml"), &text).unwrap();
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [all.yaml]\n").unwrap();
    let read = sorted(kustomize(folder.path()));
    assert_eq!(read, sorted(objects.into_iter().map(|it| it.0).collect()));
}

#[test]
fn values_arrive_where_they_belong() {
    let set = [
        "image=r.example/g:2",
        "imagePullPolicy=Always",
        "imagePullSecrets=pull",
        "gadgetImages=trace_exec",
        "policy=version = 1",
        "logLevel=debug",
        "allowedHosts=mcp.example",
        "server.replicas=3",
        "server.maxReplicas=5",
        "agent.nodeSelector.a.b/c=d",
        "agent.resources.limits.memory=1Gi",
        "agent.tolerations=[{key: k, operator: Exists}]",
        "agent.priorityClass=high",
        "server.resources.requests.cpu=250m",
        "ingress.host=g.example",
        "ingress.class=nginx",
        "ingress.tlsSecret=tls",
    ];
    let objects = with(&["ingress"], "tools", &set).unwrap();
    let agent = find(&objects, "DaemonSet", "gadgetry-agent");
    let pod = &agent["spec"]["template"]["spec"];
    assert_eq!(pod["containers"][0]["image"], json!("r.example/g:2"));
    assert_eq!(pod["containers"][0]["imagePullPolicy"], json!("Always"));
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
    assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/os": "linux", "a.b/c": "d"}));
    assert_eq!(pod["tolerations"], json!([{"key": "k", "operator": "Exists"}]));
    assert_eq!(pod["priorityClassName"], json!("high"));
    let limits = &pod["containers"][0]["resources"];
    assert_eq!(
        limits,
        &json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "128Mi"}})
    );
    let server = find(&objects, "Deployment", "gadgetry-server");
    let container = &server["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"]["cpu"], json!("250m"));
    let hosts = container["env"].as_array().unwrap().iter().find(|it| it["name"] == "GADGETRY_ALLOWED_HOSTS");
    let expected = "gadgetry-server,gadgetry-server.tools,gadgetry-server.tools.svc,g.example";
    let hosts = hosts.unwrap()["value"].as_str().unwrap();
    assert!(
        hosts.split(',').eq(expected.split(',').take(3).chain(["mcp.example", "g.example"]))
            || hosts == format!("{expected},mcp.example"),
        "{hosts}"
    );
    let scaler = find(&objects, "HorizontalPodAutoscaler", "gadgetry-server");
    assert_eq!((&scaler["spec"]["minReplicas"], &scaler["spec"]["maxReplicas"]), (&json!(3), &json!(5)));
    let ingress = find(&objects, "Ingress", "gadgetry-server");
    assert_eq!(ingress["spec"]["ingressClassName"], json!("nginx"));
    assert_eq!(ingress["spec"]["tls"], json!([{"hosts": ["g.example"], "secretName": "tls"}]));
    assert_eq!(ingress["spec"]["rules"][0]["host"], json!("g.example"));
    assert_eq!(find(&objects, "ConfigMap", "gadgetry-policy")["data"]["policy.toml"], json!("version = 1"));
    let settings = find(&objects, "ConfigMap", "gadgetry-settings");
    assert_eq!(
        settings["data"],
        json!({"GADGETRY_GADGET_IMAGES": "trace_exec", "GADGETRY_LOG_LEVEL": "debug"})
    );
    find(&objects, "Namespace", "tools");
    let binding = find(&objects, "ClusterRoleBinding", "gadgetry-agent");
    assert_eq!(binding["subjects"][0]["namespace"], json!("tools"));
    let text = serde_json::to_string(&objects.iter().map(|it| &it.0).collect::<Vec<_>>()).unwrap();
    assert!(!text.contains("\"namespace\":\"gadgetry\""), "everything is in the namespace asked for");
}

#[test]
fn a_value_without_effect_is_told() {
    for (overlay, set, said) in [
        (
            "default",
            "ingress.host=a",
            "the value ingress.host says nothing about what is installed here (overlay default)",
        ),
        (
            "scan-only",
            "gadgetImages=a",
            "the value gadgetImages says nothing about what is installed here (overlay scan-only)",
        ),
        ("scan-only", "agent.priorityClass=a", "the value agent.priorityClass says nothing"),
        ("scan-only", "policy=version = 1", "the value policy says nothing"),
    ] {
        let error = with(&[overlay], "gadgetry", &[set]).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    assert!(
        with(&["scan-only"], "scan", &["image=a:1", "server.replicas=3", "ingress.host=s.example"]).is_ok()
    );
}

#[test]
fn secrets_are_not_printed() {
    let objects = with(&["default"], "gadgetry", &["token=hush"]).unwrap();
    let text = gadgetry_deploy::yaml(&objects).unwrap();
    assert!(!text.contains("hush") && !text.contains("PRIVATE KEY"));
    let secrets: Vec<_> = objects.iter().filter(|it| it.kind() == "Secret").collect();
    assert_eq!(secrets.len(), 4);
    assert!(secrets.iter().all(|it| it.0.get("data").is_none() && it.is_filled()));
    assert_eq!(text.matches("# Not shown: ").count(), 5, "the Secrets and the record of the install say so");
    let json = serde_json::to_string(&Values::default()).unwrap();
    assert_eq!(json, "{}");
}
