//! Installs from their beginning to their end.

use std::time::Duration;

use gadgetry_deploy::certificates::{Facts, bundle};
use gadgetry_deploy::{Request, status};
use gadgetry_kube_double::Fault;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::rendered;
use crate::world::{NAMESPACE, World};

/// What every cluster can be asked to do, in one life: against a real cluster there is one install at a time.
#[tokio::test]
async fn a_life() {
    let (world, _controllers) = World::any().await;
    let before = status(&world.cluster).await.unwrap();
    if before.deployed {
        world.undeploy().await;
    }
    assert!(!status(&world.cluster).await.unwrap().deployed);

    // What is shown is what is done.
    let plan = world.plan(world.request(&["server.replicas=2", "token=given"])).await.unwrap();
    let all = rendered("default").len();
    assert_eq!(plan.counts(), [all, 0, 0, 0], "{:?}", plan.lines());
    assert!(!status(&world.cluster).await.unwrap().deployed, "a plan changes nothing");
    let done = world.install(&plan).await.unwrap();
    assert_eq!((done.objects, done.ready), (plan.lines(), Some(true)));
    let order: Vec<_> = plan.lines().into_iter().map(|line| line.kind).collect();
    assert_eq!(order[..3], ["Namespace", "CustomResourceDefinition", "ServiceAccount"]);

    // Done again, nothing changes.
    let again = world.plan(world.request(&["server.replicas=2"])).await.unwrap();
    assert_eq!(again.counts(), [0, 0, all, 0], "{:?}", again.lines());
    assert_eq!(world.secret("gadgetry-token").await["token"], "given", "and the token stays");

    // Certificates are each side's, by one authority.
    let authority = world.secret("gadgetry-ca").await;
    let first = Facts::of("it", &authority["tls.crt"]).unwrap();
    for side in ["agent", "server"] {
        let secret = world.secret(&format!("gadgetry-{side}-tls")).await;
        let facts = Facts::of("it", &secret["tls.crt"]).unwrap();
        assert!(facts.is_of(&first));
        assert!(facts.names.contains(&format!("gadgetry-{side}.{NAMESPACE}.svc")));
        assert_eq!(secret["ca.crt"], authority["tls.crt"]);
        assert!(secret["tls.key"].contains("PRIVATE KEY"));
    }

    let now = status(&world.cluster).await.unwrap();
    let nodes = now.nodes.as_ref().unwrap();
    assert!(now.deployed && nodes.ready == nodes.of && nodes.of > 0, "{now:?}");
    assert_eq!(now.namespace.as_deref(), Some(NAMESPACE));
    assert_eq!(now.version.as_deref(), Some(env!("CARGO_PKG_VERSION")));
    assert!(now.advice.is_empty() && now.skew.is_empty(), "{now:?}");
    assert!(now.certificates_until.is_some());

    // An upgrade goes on from what was given, and rotates what it is asked to.
    let upgrade = |rotate| Request { upgrade: true, namespace: None, rotate, ..world.request(&[]) };
    let plan = world.plan(upgrade(false)).await.unwrap();
    assert_eq!(plan.counts(), [0, 0, all, 0], "{:?}", plan.lines());
    world.make(upgrade(true)).await;
    let rotated = world.secret("gadgetry-ca").await;
    assert_ne!(rotated["tls.crt"], authority["tls.crt"]);
    let second = Facts::of("it", &rotated["tls.crt"]).unwrap();
    let agent = world.secret("gadgetry-agent-tls").await;
    assert!(Facts::of("it", &agent["tls.crt"]).unwrap().is_of(&second));
    assert_eq!(bundle(&agent["ca.crt"]), [rotated["tls.crt"].clone(), authority["tls.crt"].clone()]);

    // Another overlay, and back: what is ours and not wanted goes.
    let with_ingress = Request { overlays: vec!["ingress".to_owned()], ..upgrade(false) };
    let plan = world.make(with_ingress).await;
    assert_eq!((plan.counts()[0], plan.counts()[3]), (1, 0), "{:?}", plan.lines());
    assert_eq!(status(&world.cluster).await.unwrap().overlays, ["ingress"]);
    let plan = world.make(Request { overlays: vec!["default".to_owned()], ..upgrade(false) }).await;
    assert_eq!((plan.counts()[0], plan.counts()[3]), (0, 1), "{:?}", plan.lines());

    world.undeploy().await;
    assert!(!status(&world.cluster).await.unwrap().deployed);
    let nothing = gadgetry_deploy::removal(&world.cluster).await.unwrap();
    assert!(nothing.is_empty(), "{:?}", nothing.lines());
}

#[tokio::test]
async fn what_is_not_ready_says_where_and_why() {
    let (world, controllers) = World::memory().await;
    controllers.breaks("node-b", "no such image");
    let wait = Some(Duration::from_secs(1));
    let plan = world.plan(Request { wait, ..world.request(&[]) }).await.unwrap();
    let error = world.install(&plan).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "all is installed, and not ready after 1 s: DaemonSet gadgetry-test/gadgetry-agent: 2 of 3 ready (node-b: \
         ImagePullBackOff: no such image)"
    );
    let now = status(&world.cluster).await.unwrap();
    let nodes = now.nodes.as_ref().unwrap();
    assert_eq!((nodes.ready, nodes.of), (2, 3));
    assert_eq!(nodes.not_ready, ["node-b: ImagePullBackOff: no such image"]);
    assert!(now.text().contains("2 of 3 ready"), "{}", now.text());
    controllers.heals();
    world.make(world.request(&[])).await;
}

#[tokio::test]
async fn not_waiting_says_so_and_a_new_authority_must() {
    let (world, _controllers) = World::memory().await;
    let plan = world.plan(Request { wait: None, ..world.request(&[]) }).await.unwrap();
    assert_eq!(world.install(&plan).await.unwrap().ready, None);
    let rotate = Request { upgrade: true, rotate: true, wait: None, ..world.request(&[]) };
    let error = world.plan(rotate).await.err().unwrap().to_string();
    assert!(error.contains("must wait"), "{error}");
}

/// An authority that nobody trusts yet signs nothing: pods that have not restarted would refuse all others.
#[tokio::test]
async fn a_rotation_that_is_interrupted_leaves_what_works() {
    let (world, controllers) = World::memory().await;
    world.make(world.request(&[])).await;
    let before = world.secret("gadgetry-agent-tls").await;
    controllers.breaks("node-c", "gone");
    let wait = Some(Duration::from_secs(1));
    let rotate = Request { upgrade: true, rotate: true, wait, ..world.request(&[]) };
    let plan = world.plan(rotate).await.unwrap();
    assert!(plan.notes.iter().any(|it| it.contains("once all pods trust it")), "{:?}", plan.notes);
    world.install(&plan).await.unwrap_err();
    let between = world.secret("gadgetry-agent-tls").await;
    assert_eq!(between["tls.crt"], before["tls.crt"], "the old certificate");
    assert_eq!(bundle(&between["ca.crt"]).len(), 2, "and trust in both authorities");
    controllers.heals();
    world.make(Request { upgrade: true, ..world.request(&[]) }).await;
    let after = world.secret("gadgetry-agent-tls").await;
    let authority = Facts::of("it", &world.secret("gadgetry-ca").await["tls.crt"]).unwrap();
    assert!(Facts::of("it", &after["tls.crt"]).unwrap().is_of(&authority));
}

#[tokio::test]
async fn only_what_is_ours_is_removed() {
    let (world, controllers) = World::memory().await;
    let double = &controllers.double;
    world.make(world.request(&[])).await;
    double.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": NAMESPACE}}));
    double.put(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": [],
                      "metadata": {"name": "gadgetry-of-others", "labels": {"app.kubernetes.io/name": "gadgetry"}}}));
    double.put(
        json!({"apiVersion": "gadgets.gadgetry.dev/v1alpha1", "kind": "Gadget", "metadata": {"name": "g"},
                      "spec": {"image": "trace_exec"}}),
    );
    let removal = gadgetry_deploy::removal(&world.cluster).await.unwrap();
    assert_eq!(
        removal.notes,
        [
            "1 Gadget objects go with their definition".to_owned(),
            format!("the namespace {NAMESPACE} stays: it has what is not ours (ConfigMap mine)")
        ]
    );
    world.undeploy().await;
    assert!(double.get("ConfigMap", NAMESPACE, "mine").is_some());
    assert!(double.get("Namespace", "", NAMESPACE).is_some());
    assert!(double.get("ClusterRole", "", "gadgetry-of-others").is_some());
    assert!(double.get("DaemonSet", NAMESPACE, "gadgetry-agent").is_none());
    assert!(double.get("ClusterRole", "", "gadgetry-run").is_none());
    // Without strangers, the namespace goes too.
    double.remove("ConfigMap", NAMESPACE, "mine");
    world.undeploy().await;
    assert!(double.get("Namespace", "", NAMESPACE).is_none());
}

/// Between the look and the deed somebody may have made it theirs.
#[tokio::test]
async fn what_is_no_longer_ours_is_not_removed() {
    let (world, controllers) = World::memory().await;
    world.make(world.request(&[])).await;
    let removal = gadgetry_deploy::removal(&world.cluster).await.unwrap();
    let theirs = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    controllers.double.patch("Service", NAMESPACE, "gadgetry-server", theirs);
    let cancel = CancellationToken::new();
    gadgetry_deploy::undeploy(&world.cluster, &removal, None, &|_| {}, &cancel).await.unwrap();
    assert!(controllers.double.get("ClusterRole", "", "gadgetry-run").is_none());
}

#[tokio::test]
async fn a_namespace_of_others_stays_theirs() {
    let (world, controllers) = World::memory().await;
    controllers.double.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}));
    let plan = world.make(world.request(&[])).await;
    assert!(plan.notes.iter().any(|it| it.contains("is somebody else's")), "{:?}", plan.notes);
    let namespace = controllers.double.get("Namespace", "", NAMESPACE).unwrap();
    assert_eq!(
        namespace["metadata"].get("labels").and_then(|it| it.get("app.kubernetes.io/managed-by")),
        None
    );
    world.undeploy().await;
    assert!(controllers.double.get("Namespace", "", NAMESPACE).is_some());
}

#[tokio::test]
async fn there_is_one_install() {
    let (world, _controllers) = World::memory().await;
    let upgrade = Request { upgrade: true, ..world.request(&[]) };
    let error = world.plan(upgrade).await.err().unwrap().to_string();
    assert!(error.contains("is not installed in double: deploy it first"), "{error}");
    world.make(world.request(&[])).await;
    let elsewhere = Request { namespace: Some("other".to_owned()), ..world.request(&[]) };
    let error = world.plan(elsewhere).await.err().unwrap().to_string();
    assert!(error.contains("is installed in the namespace gadgetry-test of double"), "{error}");
}

#[tokio::test]
async fn deploy_says_all_and_upgrade_goes_on() {
    let (world, controllers) = World::memory().await;
    let replicas = || {
        let scaler = controllers.double.get("HorizontalPodAutoscaler", NAMESPACE, "gadgetry-server").unwrap();
        scaler["spec"]["minReplicas"].clone()
    };
    world.make(world.request(&["server.replicas=4", "logLevel=debug"])).await;
    assert_eq!(replicas(), json!(4));
    let token = world.secret("gadgetry-token").await["token"].clone();
    assert_eq!(token.len(), 64, "random, when none is given");
    world.make(Request { upgrade: true, ..world.request(&["logLevel=info"]) }).await;
    assert_eq!(replicas(), json!(4));
    let settings = controllers.double.get("ConfigMap", NAMESPACE, "gadgetry-settings").unwrap();
    assert_eq!(settings["data"]["GADGETRY_LOG_LEVEL"], json!("info"));
    world.make(world.request(&[])).await;
    assert_eq!(replicas(), json!(2));
    assert_eq!(world.secret("gadgetry-token").await["token"], token);
    let record = controllers.double.get("ConfigMap", NAMESPACE, "gadgetry-install").unwrap();
    assert!(!record.to_string().contains(&token));
}

/// Pods read settings when they start: a change must restart them, and nothing else must.
#[tokio::test]
async fn pods_restart_for_what_they_read_when_they_start() {
    let (world, controllers) = World::memory().await;
    let template = || {
        let agent = controllers.double.get("DaemonSet", NAMESPACE, "gadgetry-agent").unwrap();
        agent["spec"]["template"]["metadata"]["annotations"].clone()
    };
    world.make(world.request(&[])).await;
    let first = template();
    assert!(first["gadgetry.dev/contents"].is_string());
    world.make(world.request(&["server.replicas=3"])).await;
    assert_eq!(template(), first);
    world.make(world.request(&["policy=version = 1\n# changed\n"])).await;
    assert_ne!(template(), first);
}

#[tokio::test]
async fn a_fault_half_way_is_told_and_gone_on_from() {
    let (world, controllers) = World::memory().await;
    let plan = world.plan(world.request(&[])).await.unwrap();
    controllers.double.fault("services", Fault::Forbidden);
    let error = world.install(&plan).await.unwrap_err().to_string();
    assert!(
        error.contains("objects are done, then: cannot apply Service gadgetry-test/gadgetry-agent"),
        "{error}"
    );
    assert!(error.contains("ask for that right"), "{error}");
    controllers.double.heal();
    let plan = world.plan(world.request(&[])).await.unwrap();
    let [create, _, keep, _] = plan.counts();
    assert!(create > 0 && keep > 0, "{:?}", plan.lines());
    world.install(&plan).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_is_away_is_told() {
    let (world, controllers) = World::memory().await;
    controllers.double.close().await;
    let error = status(&world.cluster).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot list daemonsets: "), "{error}");
    assert!(error.contains("--kubeconfig"), "{error}");
}

#[tokio::test]
async fn cancelled_it_stops_where_it_is() {
    let (world, _controllers) = World::memory().await;
    let plan = world.plan(world.request(&[])).await.unwrap();
    let cancel = CancellationToken::new();
    let at_five = |progress: gadgetry_deploy::Progress| {
        if progress.done == 5 {
            cancel.cancel();
        }
    };
    let error = gadgetry_deploy::install(&world.cluster, &plan, &at_five, &cancel).await.unwrap_err();
    assert!(error.to_string().starts_with("cancelled after 6 of "), "{error}");
    world.make(world.request(&[])).await;
}

#[tokio::test]
async fn versions_that_differ_are_told() {
    let (world, controllers) = World::memory().await;
    world.make(world.request(&[])).await;
    controllers.makes("0.0.1");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let now = status(&world.cluster).await.unwrap();
    assert_eq!(now.skew.get("0.0.1"), Some(&4), "{now:?}");
    let older = json!({"metadata": {"labels": {"app.kubernetes.io/version": "0.0.1"}}});
    controllers.double.patch("DaemonSet", NAMESPACE, "gadgetry-agent", older);
    let now = status(&world.cluster).await.unwrap();
    assert_eq!(now.advice, [format!("`gadgetry upgrade` brings 0.0.1 to {}", env!("CARGO_PKG_VERSION"))]);
}

#[tokio::test]
async fn scanning_alone_needs_no_agents() {
    let (world, _controllers) = World::memory().await;
    world.make(Request { overlays: vec!["scan-only".to_owned()], ..world.request(&[]) }).await;
    let now = status(&world.cluster).await.unwrap();
    assert!(now.deployed && now.nodes.is_none() && now.server.is_some(), "{now:?}");
    assert_eq!(now.certificates_until, None);
    world.undeploy().await;
}
